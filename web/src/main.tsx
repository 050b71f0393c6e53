import { render } from "preact";
import { useCallback, useEffect, useState } from "preact/hooks";
import { key, Refusal, setKey, status as askStatus, type Status } from "./api";
import { Devices } from "./devices";
import { Endpoints } from "./endpoints";
import "./page.css";
import { emptyHistory, extended, Totals } from "./totals";
import { TryModel } from "./try_model";
import { duration } from "./units";

const period = 1000; // milliseconds between questions

function KeyForm({ done }: { done: () => void }) {
  const [value, setValue] = useState("");
  return (
    <form
      class="key"
      onSubmit={(event) => {
        event.preventDefault();
        setKey(value);
        done();
      }}
    >
      <label>
        This server wants a key
        <input type="password" name="key" autocomplete="off" value={value} onInput={(event) => setValue(event.currentTarget.value)} />
      </label>
      <button type="submit">Use it</button>
      {key() && <p class="error">The key that was given is not accepted.</p>}
    </form>
  );
}

function Page() {
  const [status, setStatus] = useState<Status | null>(null);
  const [history, setHistory] = useState(emptyHistory);
  const [trouble, setTrouble] = useState<Error | null>(null);
  const locked = trouble instanceof Refusal && trouble.status === 401;

  const refresh = useCallback(async () => {
    try {
      const next = await askStatus();
      setStatus(next);
      setHistory((history) => extended(history, next));
      setTrouble(null);
    } catch (reason) {
      setTrouble(reason as Error);
    }
  }, []);

  useEffect(() => {
    void refresh();
    if (locked) return;
    const timer = setInterval(() => document.hidden || refresh(), period);
    return () => clearInterval(timer);
  }, [refresh, locked]);

  return (
    <>
      <header>
        <h1>IPFS Accelerate</h1>
        {status && (
          <p>
            <span class={`state ${trouble ? "failed" : status.ready ? "ready" : "loading"}`}>
              {trouble ? "not reached" : status.ready ? "ready" : "not ready"}
            </span>{" "}
            version {status.version}, up {duration(status.uptime_seconds)}
          </p>
        )}
        {status && !trouble && status.missing.map((each) => (
          <p class="detail" key={each}>
            {each}
          </p>
        ))}
      </header>
      <main>
        {locked && <KeyForm done={refresh} />}
        {trouble && !locked && (
          <p class="error" role="alert">
            {trouble instanceof Refusal ? trouble.message : "The server does not answer; what is below is what it last said."}
          </p>
        )}
        {status && !locked && (
          <>
            <Totals status={status} history={history} />
            <Endpoints endpoints={status.endpoints} refresh={refresh} />
            <TryModel endpoints={status.endpoints.filter((endpoint) => endpoint.tasks.length > 0)} />
            <Devices unlocked />
          </>
        )}
      </main>
    </>
  );
}

render(<Page />, document.getElementById("page")!);

import { useState } from "preact/hooks";
import { addEndpoint, removeEndpoint, tell, type Endpoint, type NewEndpoint } from "./api";
import { bytes, count, seconds } from "./units";

/** Runs what the server is told and gives its error, if any, to `report`. */
type Act = (work: () => Promise<void>) => void;

function failures(endpoint: Endpoint): number {
  const { ok: _, ...others } = endpoint.requests;
  return Object.values(others).reduce((total, value) => total + value, 0);
}

function Row({ endpoint, act }: { endpoint: Endpoint; act: Act }) {
  const loads = endpoint.state === "unloaded" || endpoint.state === "failed";
  return (
    <tr data-endpoint={endpoint.name}>
      <th scope="row">
        {endpoint.name}
        <small title={endpoint.folder}>{endpoint.folder}</small>
      </th>
      <td>
        <span class={`state ${endpoint.state}`}>{endpoint.state}</span>
        {endpoint.reason && <small>{endpoint.reason}</small>}
      </td>
      <td>
        {endpoint.implementation || endpoint.backend}
        <small>
          {endpoint.precision}
          {endpoint.threads > 0 && `, ${endpoint.threads} threads`}
        </small>
      </td>
      <td class="number">{count(endpoint.tokens_per_second)}</td>
      <td class="number">
        {seconds(endpoint.latency_seconds.p50)}
        <small>{seconds(endpoint.latency_seconds.p99)}</small>
      </td>
      <td class="number">
        {count(endpoint.queue.requests)}
        <small>{count(endpoint.queue.tokens)} tokens</small>
      </td>
      <td class="number">
        {count(endpoint.requests.ok)}
        <small>{count(failures(endpoint))} not</small>
      </td>
      <td class="number">{bytes(endpoint.memory_bytes)}</td>
      <td class="actions">
        {loads && <button onClick={() => act(() => tell(endpoint.name, "init"))}>Load</button>}
        {endpoint.state === "ready" && <button onClick={() => act(() => tell(endpoint.name, "drain"))}>Drain</button>}
        <button
          class="danger"
          onClick={() => confirm(`Remove the endpoint ${endpoint.name}?`) && act(() => removeEndpoint(endpoint.name))}
        >
          Remove
        </button>
      </td>
    </tr>
  );
}

const nothing: NewEndpoint = { name: "", folder: "", backend: "auto", precision: "auto" };

function Choice({ label, value, values, change }: { label: string; value: string; values: string[]; change: (value: string) => void }) {
  return (
    <label>
      {label}
      <select name={label.toLowerCase()} value={value} onChange={(event) => change(event.currentTarget.value)}>
        {values.map((each) => (
          <option key={each}>{each}</option>
        ))}
      </select>
    </label>
  );
}

function AddForm({ act }: { act: Act }) {
  const [endpoint, setEndpoint] = useState(nothing);
  const change = (changed: Partial<NewEndpoint>) => setEndpoint({ ...endpoint, ...changed });
  return (
    <form
      class="add"
      onSubmit={(event) => {
        event.preventDefault();
        act(async () => {
          await addEndpoint(endpoint);
          setEndpoint(nothing);
        });
      }}
    >
      <label>
        Name
        <input name="name" required value={endpoint.name} onInput={(event) => change({ name: event.currentTarget.value })} />
      </label>
      <label class="wide">
        Model folder
        <input
          name="folder"
          required
          placeholder="on the server"
          value={endpoint.folder}
          onInput={(event) => change({ folder: event.currentTarget.value })}
        />
      </label>
      <Choice label="Backend" value={endpoint.backend} values={["auto", "cpu", "openvino", "cuda", "reference"]} change={(backend) => change({ backend })} />
      <Choice
        label="Precision"
        value={endpoint.precision}
        values={["auto", "fp32", "bf16", "fp16", "int8", "int4"]}
        change={(precision) => change({ precision })}
      />
      <button type="submit">Add endpoint</button>
    </form>
  );
}

export function Endpoints({ endpoints, refresh }: { endpoints: Endpoint[]; refresh: () => void }) {
  const [error, setError] = useState("");
  const act: Act = (work) => {
    setError("");
    work().then(refresh, (reason: Error) => {
      setError(reason.message);
      refresh();
    });
  };
  return (
    <section aria-label="Endpoints">
      <h2>Endpoints</h2>
      {endpoints.length === 0 ? (
        <p class="empty">None yet. Add one below, or start the server with models: ipfs-accelerate serve MODEL=NAME</p>
      ) : (
        <div class="scrolls">
          <table>
            <thead>
              <tr>
                <th scope="col">Endpoint</th>
                <th scope="col">State</th>
                <th scope="col">Runs on</th>
                <th scope="col">Tokens/s</th>
                <th scope="col">p50 / p99</th>
                <th scope="col">Queue</th>
                <th scope="col">Answered</th>
                <th scope="col">Memory</th>
                <th scope="col">
                  <span class="hidden">Actions</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {endpoints.map((endpoint) => (
                <Row key={endpoint.name} endpoint={endpoint} act={act} />
              ))}
            </tbody>
          </table>
        </div>
      )}
      <AddForm act={act} />
      {error && (
        <p class="error" role="alert">
          {error}
        </p>
      )}
    </section>
  );
}

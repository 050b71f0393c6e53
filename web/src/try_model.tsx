import { useRef, useState } from "preact/hooks";
import { generate, invoke, type Endpoint } from "./api";
import { seconds } from "./units";

interface Field {
  name: string;
  label: string;
  long?: boolean;
  list?: boolean; // one value a line
  example: string;
}

const text: Field = { name: "text", label: "Text", long: true, example: "A cat sits on the mat." };

/** What each task asks for, under the names that its request has. */
const fields: Record<string, Field[]> = {
  embed: [text],
  classify: [text],
  tag: [{ ...text, example: "Ada Lovelace was born in London." }],
  "fill-mask": [{ ...text, example: "Paris is the [MASK] of France." }],
  answer: [
    { name: "question", label: "Question", example: "Who was born in London?" },
    { name: "context", label: "Context", long: true, example: "Ada Lovelace was born in London." },
  ],
  rerank: [
    { name: "query", label: "Query", example: "What floats?" },
    { name: "documents", label: "Documents, one a line", long: true, list: true, example: "A boat.\nA stone." },
  ],
  "zero-shot": [
    { ...text, example: "A boat leaves." },
    { name: "labels", label: "Labels, one a line", long: true, list: true, example: "travel\nfood" },
  ],
  generate: [{ name: "prompt", label: "Prompt", long: true, example: "Once upon a time" }],
};

const other: Field[] = [text];

function shown(answer: unknown): string {
  return JSON.stringify(answer, (_, value) => (Array.isArray(value) && value.length > 24 ? [...value.slice(0, 24), `… ${value.length} values`] : value), 2);
}

/** A form to try a model with. */
export function TryModel({ endpoints }: { endpoints: Endpoint[] }) {
  const [name, setName] = useState("");
  const [chosenTask, setTask] = useState("");
  const [values, setValues] = useState<Record<string, string>>({});
  const [answer, setAnswer] = useState("");
  const [error, setError] = useState("");
  const [took, setTook] = useState<number | null>(null);
  const running = useRef<AbortController | null>(null);
  const [isRunning, setRunning] = useState(false);

  const endpoint = endpoints.find((each) => each.name === name) ?? endpoints[0];
  if (!endpoint) return null;
  const task = endpoint.tasks.includes(chosenTask) ? chosenTask : (endpoint.tasks[0] ?? "");
  const asked = fields[task] ?? other;
  const valueOf = (field: Field) => values[`${task}.${field.name}`] ?? field.example;

  async function run() {
    const control = new AbortController();
    running.current = control;
    setRunning(true);
    setError("");
    setAnswer("");
    setTook(null);
    const begin = performance.now();
    try {
      if (task === "generate") {
        let whole = "";
        for await (const piece of generate(endpoint!.name, valueOf(asked[0]!), 64, control.signal)) setAnswer((whole += piece));
      } else {
        const input = Object.fromEntries(asked.map((field) => [field.name, field.list ? valueOf(field).split("\n").filter(Boolean) : valueOf(field)]));
        setAnswer(shown(await invoke(endpoint!.name, task, input, control.signal)));
      }
      setTook((performance.now() - begin) / 1000);
    } catch (reason) {
      setError(control.signal.aborted ? "stopped" : (reason as Error).message);
    } finally {
      setRunning(false);
    }
  }

  return (
    <section aria-label="Try a model">
      <h2>Try a model</h2>
      <form
        class="try"
        onSubmit={(event) => {
          event.preventDefault();
          void run();
        }}
      >
        <div class="choices">
          <label>
            Endpoint
            <select name="endpoint" value={endpoint.name} onChange={(event) => setName(event.currentTarget.value)}>
              {endpoints.map((each) => (
                <option key={each.name}>{each.name}</option>
              ))}
            </select>
          </label>
          <label>
            Task
            <select name="task" value={task} onChange={(event) => setTask(event.currentTarget.value)}>
              {endpoint.tasks.map((each) => (
                <option key={each}>{each}</option>
              ))}
            </select>
          </label>
        </div>
        {asked.map((field) => {
          const change = (event: { currentTarget: { value: string } }) =>
            setValues({ ...values, [`${task}.${field.name}`]: event.currentTarget.value });
          return (
            <label key={field.name}>
              {field.label}
              {field.long ? (
                <textarea name={field.name} rows={3} value={valueOf(field)} onInput={change} />
              ) : (
                <input name={field.name} value={valueOf(field)} onInput={change} />
              )}
            </label>
          );
        })}
        <div class="choices">
          <button type="submit" disabled={isRunning || task === ""}>
            Run
          </button>
          {isRunning && (
            <button type="button" onClick={() => running.current?.abort()}>
              Stop
            </button>
          )}
          {took !== null && <span class="detail">{seconds(took)} with the way there and back</span>}
        </div>
      </form>
      {error && (
        <p class="error" role="alert">
          {error}
        </p>
      )}
      {answer && <pre class="answer">{answer}</pre>}
    </section>
  );
}

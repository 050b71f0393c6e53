import type { Status } from "./api";
import { Sparkline } from "./sparkline";
import { bytes, count, seconds } from "./units";

/** What is drawn as lines: a value of each of the last answers. */
export interface History {
  throughput: number[];
  latency: number[];
  queued: number[];
  memory: number[];
}

export const emptyHistory: History = { throughput: [], latency: [], queued: [], memory: [] };

const kept = 120;

function sum(values: number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

/** The slowest endpoint's median: what a caller may meet. */
function latencyOf(status: Status): number | null {
  const known = status.endpoints.map((endpoint) => endpoint.latency_seconds.p50).filter((value) => value !== null);
  return known.length ? Math.max(...known) : null;
}

export function extended(history: History, status: Status): History {
  const add = (values: number[], value: number) => [...values, value].slice(-kept);
  return {
    throughput: add(history.throughput, sum(status.endpoints.map((endpoint) => endpoint.tokens_per_second))),
    latency: add(history.latency, latencyOf(status) ?? 0),
    queued: add(history.queued, sum(status.endpoints.map((endpoint) => endpoint.queue.requests))),
    memory: add(history.memory, status.memory.resident_bytes),
  };
}

function Figure({ title, value, detail, values }: { title: string; value: string; detail: string; values: number[] }) {
  return (
    <div class="figure">
      <h3>{title}</h3>
      <p class="value">{value}</p>
      <p class="detail">{detail}</p>
      <Sparkline values={values} label={`${title} over the last minutes`} />
    </div>
  );
}

export function Totals({ status, history }: { status: Status; history: History }) {
  const queuedTokens = sum(status.endpoints.map((endpoint) => endpoint.queue.tokens));
  return (
    <section class="totals" aria-label="Totals">
      <Figure title="Throughput" value={`${count(history.throughput.at(-1) ?? 0)} tokens/s`} detail="all endpoints" values={history.throughput} />
      <Figure title="Latency" value={seconds(latencyOf(status))} detail="median, slowest endpoint" values={history.latency} />
      <Figure title="Queue" value={`${count(history.queued.at(-1) ?? 0)} requests`} detail={`${count(queuedTokens)} tokens`} values={history.queued} />
      <Figure
        title="Memory"
        value={bytes(status.memory.resident_bytes)}
        detail={`of ${bytes(status.memory.limit_bytes)}`}
        values={history.memory}
      />
    </section>
  );
}

// What the page asks the server, and what it is told: the routes below /accelerate/v1.

export interface Endpoint {
  name: string;
  folder: string;
  tasks: string[];
  state: "unloaded" | "loading" | "ready" | "draining" | "failed" | "removed";
  reason: string;
  backend: string;
  device: string;
  implementation: string;
  precision: string;
  threads: number;
  memory_bytes: number;
  queue: { requests: number; tokens: number };
  requests: Record<"ok" | "client_error" | "overloaded" | "timeout" | "cancelled" | "internal", number>;
  tokens: { input: number; output: number };
  tokens_per_second: number;
  latency_seconds: { p50: number | null; p99: number | null };
}

export interface Status {
  version: string;
  uptime_seconds: number;
  ready: boolean;
  missing: string[];
  memory: { resident_bytes: number; limit_bytes: number };
  endpoints: Endpoint[];
}

export interface Device {
  backend: string;
  name: string;
  description: string;
  usable: boolean;
  reason: string;
}

export interface NewEndpoint {
  name: string;
  folder: string;
  backend: string;
  precision: string;
}

/** An answer that is no success: its status and what the server says. */
export class Refusal extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

const root = "accelerate/v1";
const kept = "ipfs-accelerate-key";

/** The key that requests carry; kept until the tab closes. */
export function key(): string {
  return sessionStorage.getItem(kept) ?? "";
}

export function setKey(value: string): void {
  if (value) sessionStorage.setItem(kept, value);
  else sessionStorage.removeItem(kept);
}

async function messageOf(response: Response): Promise<string> {
  const text = await response.text();
  try {
    const body = JSON.parse(text);
    return typeof body.error === "string" ? body.error : (body.error?.message ?? text);
  } catch {
    return text || response.statusText;
  }
}

async function ask(path: string, options: RequestInit = {}): Promise<Response> {
  const headers = new Headers(options.headers);
  // The server takes what changes something from a page only as JSON, which no form of another site can send.
  if (options.method) headers.set("Content-Type", "application/json");
  if (key()) headers.set("Authorization", `Bearer ${key()}`);
  const response = await fetch(path, { ...options, headers });
  if (!response.ok) throw new Refusal(response.status, await messageOf(response));
  return response;
}

export async function status(): Promise<Status> {
  return (await ask(`${root}/status`)).json();
}

export async function devices(): Promise<Device[]> {
  return (await (await ask(`${root}/devices`)).json()).devices;
}

export async function addEndpoint(endpoint: NewEndpoint): Promise<void> {
  await ask(`${root}/endpoints`, { method: "POST", body: JSON.stringify(endpoint) });
}

export type Verb = "init" | "drain";

export async function tell(name: string, verb: Verb): Promise<void> {
  await ask(`${root}/endpoints/${encodeURIComponent(name)}:${verb}`, { method: "POST" });
}

export async function removeEndpoint(name: string): Promise<void> {
  await ask(`${root}/endpoints/${encodeURIComponent(name)}`, { method: "DELETE" });
}

/** The answer of one task, as the server gave it. */
export async function invoke(name: string, task: string, input: object, signal: AbortSignal): Promise<unknown> {
  const response = await ask(`${root}/endpoints/${encodeURIComponent(name)}:invoke`, {
    method: "POST",
    body: JSON.stringify({ task, ...input }),
    signal,
  });
  return response.json();
}

/** The pieces of a generated text, as they come. Throws where the stream ends before the server said that it is whole. */
export async function* generate(name: string, prompt: string, tokens: number, signal: AbortSignal): AsyncGenerator<string> {
  const response = await ask("v1/completions", {
    method: "POST",
    body: JSON.stringify({ model: name, prompt, max_tokens: tokens, stream: true }),
    signal,
  });
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  let waiting = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) throw new Error("the stream ended before the text was whole");
    waiting += value;
    const events = waiting.split("\n\n");
    waiting = events.pop()!;
    for (const event of events) {
      if (!event.startsWith("data: ")) continue;
      const data = event.slice("data: ".length);
      if (data === "[DONE]") return;
      const body = JSON.parse(data);
      if (body.error) throw new Error(body.error.message);
      yield body.choices?.[0]?.text ?? "";
    }
  }
}

// Clients of npm against a server: what to expect comes on standard input, as JSON. Throws where an answer is another.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { InferenceClient } from "@huggingface/inference";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { embedMany, generateText, streamText } from "ai";
import { Ollama } from "ollama";
import OpenAI from "openai";

const { url, key, texts, text, prompt, embeddings } = JSON.parse(readFileSync(0, "utf8"));
const messages = [{ role: "user", content: "Tell me of the sea." }];
const bits = (vector) => Buffer.from(Float32Array.from(vector).buffer).toString("base64");

async function openai() {
  const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: key, maxRetries: 0 });
  const answer = await client.embeddings.create({ model: "minilm", input: texts });
  assert.deepEqual(answer.data.map((each) => bits(each.embedding)), embeddings);
  const settings = { model: "decoder", messages, max_tokens: 24, temperature: 0 };
  assert.equal((await client.chat.completions.create(settings)).choices[0].message.content, text);
  let streamed = "";
  for await (const chunk of await client.chat.completions.create({ ...settings, stream: true })) streamed += chunk.choices[0].delta.content ?? "";
  assert.equal(streamed, text);
  await assert.rejects(client.embeddings.create({ model: "none", input: "a" }), (error) => error.status === 404);
}

async function ollama() {
  const client = new Ollama({ host: url, headers: { Authorization: `Bearer ${key}` } });
  assert.deepEqual((await client.embed({ model: "minilm", input: texts })).embeddings.map(bits), embeddings);
  const options = { temperature: 0, num_predict: 24 };
  assert.equal((await client.chat({ model: "decoder", messages, options })).message.content, text);
  let streamed = "";
  for await (const part of await client.generate({ model: "decoder", prompt, raw: true, options, stream: true })) streamed += part.response;
  assert.equal(streamed, text);
}

async function huggingface() {
  const client = new InferenceClient(key, { endpointUrl: `${url}/v1/chat/completions` });
  const answer = await client.chatCompletion({ model: "decoder", messages, max_tokens: 24, temperature: 0 });
  assert.equal(answer.choices[0].message.content, text);
}

async function aiSdk() {
  const provider = createOpenAICompatible({ name: "local", baseURL: `${url}/v1`, apiKey: key });
  const vectors = await embedMany({ model: provider.textEmbeddingModel("minilm"), values: texts });
  assert.deepEqual(vectors.embeddings.map(bits), embeddings);
  const settings = { model: provider("decoder"), messages, maxOutputTokens: 24, temperature: 0 };
  assert.equal((await generateText(settings)).text, text);
  let streamed = "";
  for await (const part of streamText(settings).textStream) streamed += part;
  assert.equal(streamed, text);
}

for (const check of [openai, ollama, huggingface, aiSdk]) {
  try {
    await check();
  } catch (error) {
    throw new Error(`${check.name}: ${error.message}`, { cause: error });
  }
}

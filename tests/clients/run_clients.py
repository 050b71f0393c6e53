#!/usr/bin/env python3
"""Runs unmodified clients of other servers against `ipfs-accelerate serve`.

Usage: run_clients.py PROGRAM MINILM_FOLDER. Prints a line a client, and exits with 1 if a check failed. Needs the packages of
requirements/clients.txt, and for the clients of npm, node and tests/clients/node_modules.
"""

import asyncio
import base64
import json
import os
import pathlib
import re
import shutil
import struct
import subprocess
import sys
import tempfile

from server import ADMIN, KEY, ROOT, SMALL, Failed, Server, ask, expect, make_decoder, run

MINILM = sys.argv[2]
TEXTS = ["A cat sits on the mat.", "Ein Hund bellt.", "", "x" * 3000]
MESSAGES = [{"role": "user", "content": "Tell me of the sea."}]
OPEN = {"/health", "/", "/page.css", "/page.js"}  # the page's files say nothing; what the page asks for needs the key
TOOLS = [{"type": "function", "function": {"name": "weather", "description": "The weather of a place.", "parameters": {
    "type": "object", "properties": {"warm": {"type": "boolean"}}, "required": ["warm"], "additionalProperties": False}}}]  # fmt: skip


def bits(vector):
    return struct.pack(f"<{len(vector)}f", *vector)


class Expected:
    """What the library itself says, by the command line."""

    def __init__(self, decoder):
        lines = run("run", MINILM, *TEXTS, "--json", "--backend", "cpu", "--precision", "fp32").splitlines()
        self.embeddings = [bits(json.loads(line)["embedding"]) for line in lines]
        self.prompt = "user: Tell me of the sea.\nassistant: "
        line = run("generate", str(decoder), "--prompt", self.prompt, "--max-new-tokens", "24", "--json", "--backend", "cpu", "--precision", "fp32")
        answer = json.loads(line)
        self.text = answer["texts"][0]["text"]
        self.prompt_tokens = answer["prompt_tokens"]
        self.tokens = len(answer["texts"][0]["tokens"])


def check_openai(server, expected):
    import openai

    client = openai.OpenAI(base_url=server.url + "/v1", api_key=KEY, max_retries=0)
    expect({each.id for each in client.models.list()} >= {"minilm", "decoder"}, "models")
    expect(client.models.retrieve("org/minilm").id == "org/minilm", "an id with a slash")
    for encoding in (openai.NOT_GIVEN, "float"):
        answer = client.embeddings.create(model="minilm", input=TEXTS, encoding_format=encoding)
        expect([bits(each.embedding) for each in answer.data] == expected.embeddings, "embeddings differ from the library's")
    expect(len(client.embeddings.create(model="minilm", input="a", dimensions=16).data[0].embedding) == 16, "dimensions")
    arguments = {"model": "decoder", "messages": MESSAGES, "max_tokens": 24, "temperature": 0}
    answer = client.chat.completions.create(**arguments)
    expect(answer.choices[0].message.content == expected.text, repr(answer.choices[0].message.content), repr(expected.text))
    expect(answer.usage.prompt_tokens == expected.prompt_tokens and answer.usage.completion_tokens == expected.tokens, answer.usage)
    chunks = list(client.chat.completions.create(**arguments, stream=True, stream_options={"include_usage": True}))
    text = "".join(each.choices[0].delta.content or "" for each in chunks if each.choices)
    expect(text == expected.text, "streamed", repr(text), repr(expected.text))
    expect(chunks[-1].usage.completion_tokens == expected.tokens and not chunks[-1].choices, "usage of a stream")
    expect(chunks[-2].choices[0].finish_reason in ("stop", "length"), "finish_reason of a stream")
    answer = client.completions.create(model="decoder", prompt=expected.prompt, max_tokens=24, temperature=0, logprobs=2)
    expect(answer.choices[0].text == expected.text, "completions")
    expect(len(answer.choices[0].logprobs.token_logprobs) == expected.tokens, "logprobs")
    text = "".join(each.choices[0].text for each in client.completions.create(model="decoder", prompt=expected.prompt, max_tokens=24, temperature=0, stream=True))
    expect(text == expected.text, "streamed completions")
    answer = client.completions.create(model="decoder", prompt="ab", max_tokens=2, echo=True)
    expect(answer.choices[0].text.startswith("ab"), "echo")
    answer = client.chat.completions.create(**arguments, n=3, logprobs=True, top_logprobs=3)
    expect(len(answer.choices) == 3 and len(answer.choices[0].logprobs.content[0].top_logprobs) == 3, "n and logprobs")
    schema = {"type": "json_schema", "json_schema": {"name": "a", "schema": TOOLS[0]["function"]["parameters"]}}
    answer = client.chat.completions.create(**{**arguments, "max_tokens": 200}, response_format=schema)
    expect(isinstance(json.loads(answer.choices[0].message.content)["warm"], bool), "JSON schema", answer.choices[0].message.content)
    # The penalty keeps a model with random weights from going on with spaces, which JSON allows without end.
    calling = {**arguments, "max_tokens": 400, "frequency_penalty": 2.0, "tools": TOOLS, "parallel_tool_calls": False}
    answer = client.chat.completions.create(**calling, tool_choice="required")
    expect(answer.choices[0].message.tool_calls, "no call in", repr(answer.choices[0].message.content))
    call = answer.choices[0].message.tool_calls[0].function
    expect(call.name == "weather" and isinstance(json.loads(call.arguments)["warm"], bool), call)
    expect(answer.choices[0].finish_reason == "tool_calls", "finish_reason of calls")
    for wanted, arguments in (
        (openai.NotFoundError, {"model": "none", "input": "a"}),
        (openai.BadRequestError, {"model": "minilm", "input": [[1, 2]]}),
        (openai.BadRequestError, {"model": "minilm", "input": "a", "dimensions": 100000}),
    ):
        try:
            client.embeddings.create(**arguments)
            raise Failed(f"{arguments} was taken")
        except wanted as error:
            expect(error.body["message"], "an error without a message")
    try:
        openai.OpenAI(base_url=server.url + "/v1", api_key="wrong", max_retries=0).models.list()
        raise Failed("a wrong key was taken")
    except openai.AuthenticationError:
        pass
    image = [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}]}]
    try:
        client.chat.completions.create(model="decoder", messages=image)
        raise Failed("an image was taken")
    except openai.APIStatusError as error:
        expect(error.status_code == 501, error.status_code)

    try:
        client.audio.transcriptions.create(model="minilm", file=("a.wav", b"RIFF\0\0\0\0WAVEfmt " + bytes(20)), response_format="verbose_json")
        raise Failed("sound was taken")
    except openai.APIStatusError as error:
        expect(error.status_code == 501 and "sound (WAV)" in error.body["message"], error)

    async def many():
        client = openai.AsyncOpenAI(base_url=server.url + "/v1", api_key=KEY)
        answers = await asyncio.gather(*(client.embeddings.create(model="minilm", input=text) for text in TEXTS * 8))
        return [bits(each.data[0].embedding) for each in answers]

    expect(asyncio.run(many()) == expected.embeddings * 8, "embeddings of many clients")


def check_ollama(server, expected):
    import ollama

    client = ollama.Client(host=server.url, headers={"Authorization": f"Bearer {KEY}"})
    expect({each.model for each in client.list().models} >= {"minilm", "decoder"}, "list")
    expect([bits(each) for each in client.embed(model="minilm", input=TEXTS).embeddings] == expected.embeddings, "embeddings")
    expect(bits(client.embeddings(model="minilm", prompt=TEXTS[0]).embedding) == expected.embeddings[0], "older embeddings")
    options = {"temperature": 0, "num_predict": 24}
    answer = client.chat(model="decoder", messages=MESSAGES, options=options)
    expect(answer.message.content == expected.text and answer.eval_count == expected.tokens, "chat", answer)
    text = "".join(each.message.content for each in client.chat(model="decoder", messages=MESSAGES, options=options, stream=True))
    expect(text == expected.text, "streamed chat")
    answer = client.generate(model="decoder", prompt=expected.prompt, raw=True, options=options)
    expect(answer.response == expected.text and answer.done, "generate")
    text = "".join(each.response for each in client.generate(model="decoder", prompt=expected.prompt, raw=True, options=options, stream=True))
    expect(text == expected.text, "streamed generate")
    expect(client.show("minilm").capabilities == ["embedding"], "show")
    expect("decoder" in {each.model for each in client.ps().models}, "ps")
    expect(client.generate(model="decoder", prompt="", keep_alive=0).done_reason == "unload", "unload")
    try:
        client.embed(model="none", input="a")
        raise Failed("an unknown model was taken")
    except ollama.ResponseError as error:
        expect(error.status_code == 404 and "try pulling" in error.error, error)


def check_cohere(server, expected):
    import cohere

    documents = ["a boat floats", "a stone sinks", "bread"]
    for client in (cohere.Client(KEY, base_url=server.url), cohere.ClientV2(KEY, base_url=server.url)):
        answer = client.rerank(model="reranker", query="what floats?", documents=documents, top_n=2)
        scores = [each.relevance_score for each in answer.results]
        expect(len(scores) == 2 and scores == sorted(scores, reverse=True), scores)


def check_anthropic(server, expected):
    import anthropic

    client = anthropic.Anthropic(base_url=server.url, api_key=KEY, max_retries=0)
    arguments = {"model": "decoder", "messages": MESSAGES, "max_tokens": 24, "extra_body": {"temperature": 0}}
    answer = client.messages.create(**arguments)
    expect(answer.content[0].text == expected.text and answer.usage.output_tokens == expected.tokens, answer)
    with client.messages.stream(**arguments) as stream:
        text = "".join(stream.text_stream)
        final = stream.get_final_message()
    expect(text == expected.text and final.usage.input_tokens == expected.prompt_tokens, "stream", text)
    expect(client.messages.count_tokens(model="decoder", messages=MESSAGES).input_tokens > 5, "count_tokens")
    try:
        client.messages.create(**{**arguments, "model": "none"})
        raise Failed("an unknown model was taken")
    except anthropic.NotFoundError as error:
        expect(error.body["error"]["type"] == "not_found_error", error.body)


def check_litellm(server, expected):
    os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"  # it would fetch a list of prices
    import litellm

    openai_like = {"api_base": server.url + "/v1", "api_key": KEY}
    answer = litellm.embedding(model="openai/minilm", input=TEXTS, encoding_format="float", **openai_like)
    expect([bits(each["embedding"]) for each in answer.data] == expected.embeddings, "embeddings")
    for model, where in (("hosted_vllm/decoder", openai_like), ("ollama_chat/decoder", {"api_base": server.url, "api_key": KEY})):
        answer = litellm.completion(model=model, messages=MESSAGES, max_tokens=24, temperature=0, **where)
        expect(answer.choices[0].message.content == expected.text, model, answer.choices[0].message.content)
    answer = litellm.rerank(model="hosted_vllm/reranker", query="what floats?", documents=["a boat", "bread"], api_base=server.url, api_key=KEY)
    expect(len(answer.results) == 2, "rerank")
    answer = litellm.rerank(model="huggingface/reranker", query="what floats?", documents=["a boat", "bread"], api_base=f"{server.url}/tei/reranker", api_key=KEY)
    expect({each["index"] for each in answer.results} == {0, 1}, "rerank as TEI")


def check_langchain(server, expected):
    from langchain_ollama import ChatOllama, OllamaEmbeddings
    from langchain_openai import ChatOpenAI, OpenAIEmbeddings

    where = {"base_url": server.url + "/v1", "api_key": KEY}
    vectors = OpenAIEmbeddings(model="minilm", check_embedding_ctx_length=False, **where).embed_documents(TEXTS)
    expect([bits(each) for each in vectors] == expected.embeddings, "OpenAIEmbeddings")
    chat = ChatOpenAI(model="decoder", temperature=0, max_tokens=24, **where)
    expect(chat.invoke("Tell me of the sea.").content == expected.text, "ChatOpenAI")
    expect("".join(each.content for each in chat.stream("Tell me of the sea.")) == expected.text, "ChatOpenAI, streamed")
    headers = {"client_kwargs": {"headers": {"Authorization": f"Bearer {KEY}"}}}
    vectors = OllamaEmbeddings(model="minilm", base_url=server.url, **headers).embed_documents(TEXTS)
    expect([bits(each) for each in vectors] == expected.embeddings, "OllamaEmbeddings")
    chat = ChatOllama(model="decoder", base_url=server.url, temperature=0, num_predict=24, **headers)
    expect(chat.invoke("Tell me of the sea.").content == expected.text, "ChatOllama")


def check_tritonclient(server, expected):
    import numpy
    import tritonclient.http as triton

    def headers(key=KEY):  # the client writes into what it is given
        return {"Authorization": f"Bearer {key}"}

    client = triton.InferenceServerClient(server.url.removeprefix("http://"))
    expect(client.is_server_live(headers()) and client.is_server_ready(headers()) and client.is_model_ready("minilm", headers=headers()), "live and ready")
    expect("binary_tensor_data" in client.get_server_metadata(headers())["extensions"], "metadata of the server")
    expect({each["name"] for each in client.get_model_repository_index(headers())} >= {"minilm", "decoder", "reranker"}, "index")
    expect(client.get_model_metadata("minilm", headers=headers())["outputs"][0]["datatype"] == "FP32", "metadata of a model")
    expect(client.get_model_config("minilm", headers=headers())["name"] == "minilm", "configuration")
    client.unload_model("reranker", headers=headers(ADMIN))
    client.load_model("reranker", headers=headers(ADMIN))

    def asked(texts, binary, output_binary=None, **more):
        tensor = triton.InferInput("text", [len(texts)], "BYTES")
        tensor.set_data_from_numpy(numpy.array([text.encode() for text in texts], dtype=object), binary_data=binary)
        outputs = None if output_binary is None else [triton.InferRequestedOutput("embedding", binary_data=output_binary)]
        return client.infer("minilm", [tensor], outputs=outputs, headers=headers(), **more)

    for binary, output_binary, more in ((True, None, {}), (True, True, {"request_id": "7"}), (False, False, {}), (True, True, {"request_compression_algorithm": "gzip"}),
                                        (True, True, {"request_compression_algorithm": "deflate", "model_version": "1"}), (True, True, {"priority": 2, "timeout": 60_000_000})):  # fmt: skip
        answer = asked(TEXTS, binary, output_binary, **more)
        expect([row.astype("<f4").tobytes() for row in answer.as_numpy("embedding")] == expected.embeddings, "embeddings", binary, output_binary, more)
        expect(answer.get_response()["model_name"] == "minilm" and answer.get_response().get("id", "7") == "7", "names in an answer")
    statistics = client.get_inference_statistics("minilm", headers=headers())["model_stats"][0]
    expect(statistics["inference_count"] >= 24 and statistics["inference_stats"]["success"]["count"] >= 6, statistics)
    for ask_for in (lambda: asked(["a"], True, priority=1), lambda: client.unload_model("reranker", headers=headers()),
                    lambda: client.infer("none", [], headers=headers()), lambda: client.get_model_metadata("minilm", "2", headers=headers())):  # fmt: skip
        try:
            ask_for()
            raise Failed("what may not be was taken")
        except triton.InferenceServerException as error:
            expect(error.message() and "\n" not in str(error), "an error without a message")


def check_huggingface_hub(server, expected):
    import huggingface_hub
    from huggingface_hub import InferenceClient

    client = InferenceClient(base_url=server.url + "/v1", api_key=KEY)
    answer = client.chat_completion(MESSAGES, model="decoder", max_tokens=24, temperature=0)
    expect(answer.choices[0].message.content == expected.text, "chat_completion")
    chunks = client.chat_completion(MESSAGES, model="decoder", max_tokens=24, temperature=0, stream=True)
    expect("".join(each.choices[0].delta.content or "" for each in chunks if each.choices) == expected.text, "streamed")

    def at(endpoint):
        return InferenceClient(model=f"{server.url}/hf/{endpoint}", token=KEY)

    for text, wanted in zip(TEXTS, expected.embeddings):
        vector = at("minilm").feature_extraction(text)
        expect(vector.astype("<f4").tobytes() == wanted, "feature_extraction", vector.shape)
    similarities = at("minilm").sentence_similarity("a boat", other_sentences=["a ferry", "a boat"])
    expect(abs(similarities[1] - 1) < 1e-5 and similarities[0] < similarities[1], similarities)
    labels = at("labels").text_classification("boats")
    expect(labels[0].label in ("good", "bad", "fair") and abs(sum(each.score for each in labels) - 1) < 1e-5, labels)
    expect(len(at("masks").fill_mask("Ada wrote the [MASK] .", top_k=3)) == 3, "fill_mask")
    expect(all(each.entity_group for each in at("tags").token_classification("Ada Lovelace wrote the program.")), "token_classification")
    ranked = at("entails").zero_shot_classification("Ada Lovelace wrote the program.", candidate_labels=["boat", "program"])
    expect({each.label for each in ranked} == {"boat", "program"}, ranked)
    text = at("decoder").text_generation(expected.prompt, max_new_tokens=24, do_sample=False)
    expect(text == expected.text, "text_generation", repr(text))
    for ask_for, status in ((lambda: at("none").feature_extraction("a"), 404), (lambda: at("masks").fill_mask("nothing"), 400),
                            (lambda: at("labels").image_classification(b"\x89PNG\r\n\x1a\n" + bytes(20)), 501),
                            (lambda: at("labels").automatic_speech_recognition(b"RIFF\0\0\0\0WAVEfmt " + bytes(20)), 501)):  # fmt: skip
        try:
            ask_for()
            raise Failed("what may not be was taken")
        except huggingface_hub.errors.HfHubHTTPError as error:
            expect(error.response.status_code == status, error.response.status_code, error)


def check_tei(server, expected):
    vectors = json.loads(ask(server, "/tei/minilm/embed", {"inputs": TEXTS, "truncate": True})[2])
    expect([bits(each) for each in vectors] == expected.embeddings, "embed")  # the model's own are of length 1 already
    vectors = json.loads(ask(server, "/embed", {"inputs": TEXTS[0]}, headers={"X-Model": "minilm"})[2])
    expect(bits(vectors[0]) == expected.embeddings[0], "embed by X-Model")
    tokens = json.loads(ask(server, "/tei/minilm/tokenize", {"inputs": "a boat"})[2])[0]
    expect([each["text"] for each in tokens] == ["[CLS]", "a", "boat", "[SEP]"] and tokens[2]["start"] == 2, tokens)
    expect(json.loads(ask(server, "/tei/minilm/decode", {"ids": [each["id"] for each in tokens]})[2]) == ["a boat"], "decode")
    info = json.loads(ask(server, "/tei/minilm/info")[2])
    expect(info["model_id"] == "minilm" and info["model_type"] == {"embedding": {"pooling": "mean"}}, info)
    expect(ask(server, "/tei/minilm/embed", {"inputs": 7})[0] == 422, "what may not be was taken")


def check_npm(server, expected):
    if shutil.which("node") is None:
        return "left out, node is not installed"
    wanted = {"url": server.url, "key": KEY, "texts": TEXTS, "text": expected.text, "prompt": expected.prompt,
              "embeddings": [base64.b64encode(each).decode() for each in expected.embeddings]}  # fmt: skip
    result = subprocess.run(["node", str(ROOT / "tests/clients/clients.mjs")], input=json.dumps(wanted), capture_output=True, text=True, timeout=120)
    expect(result.returncode == 0, result.stdout, result.stderr)


def check_operations(server, expected):
    expect(ask(server, "/health", key=None)[0] == 200, "/health")
    paths = json.loads(ask(server, "/openapi.json")[2])["paths"]
    for path, operations in paths.items():
        for method in operations:
            place = re.sub(r"\{[^}]*\}", "x", path)
            for key in (None, "wrong-key"):
                status = ask(server, place, b"{}" if method == "post" else None, key=key, method=method.upper())[0]
                expect(status == (200 if path in OPEN else 401), method, path, "without a key:", status)
    status, _, text = ask(server, "/metrics")
    expect(status == 200 and 'ipfs_accelerate_texts_total{endpoint="minilm"' in text, "/metrics")
    status, _, text = ask(server, "/health/work")
    expect(status == 200 and json.loads(text)["working"], "/health/work", text)
    expect(ask(server, "/ready")[0] == 200, "/ready")
    expect(ask(server, "/api/pull", {"model": "a"})[0] == 403, "a key that is not the admin's")
    expect(ask(server, "/api/pull", {"model": "a"}, key=ADMIN)[0] == 501, "what this build has not")
    status, fields, _ = ask(server, "/v1/embeddings", {"model": "minilm", "input": "a"}, headers={"X-Request-Id": "mine", "Accept": "*/*"})
    expect(fields["X-Request-Id"] == "mine" and float(fields["X-Inference-Time"]) > 0, "fields of an answer")
    expect(ask(server, "/v1/models", headers={"Origin": "https://evil.example"})[0] == 403, "a foreign page")


CHECKS = (check_openai, check_ollama, check_cohere, check_anthropic, check_litellm, check_langchain, check_huggingface_hub, check_tritonclient,
          check_tei, check_npm, check_operations)  # fmt: skip


def main():
    failed = []
    with tempfile.TemporaryDirectory() as temporary:
        decoder = pathlib.Path(temporary) / "decoder"
        make_decoder(decoder)
        expected = Expected(decoder)
        settings = pathlib.Path(temporary) / "serve.toml"
        settings.write_text(f'backend = "cpu"\nprecision = "int8"\nadmin_key = "{ADMIN}"\nlog_requests = false\n'
                            f'[[model]]\nname = "minilm"\naliases = ["org/minilm"]\nfolder = "{MINILM}"\n')  # fmt: skip
        small = [f"{ROOT}/tests/tasks/fixtures/{folder}={name}" for folder, name in SMALL.items()]
        server = Server(f"{decoder}=decoder", *small, "--config", str(settings), "--api-key", KEY,
                        environment={"ACCELERATE_PRECISION": "fp32"})  # fmt: skip
        try:
            for check in CHECKS:
                name = check.__name__.removeprefix("check_")
                try:
                    print(f"clients: {name}: {check(server, expected) or 'as it should be'}", flush=True)
                except Exception as error:
                    failed.append(name)
                    print(f"clients: {name}: {type(error).__name__}: {error}", flush=True)
        finally:
            code = server.stop()
    if code != 0:
        failed.append("the end of the server")
    print(f"clients: {len(CHECKS) - len(failed)} passed, {len(failed)} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

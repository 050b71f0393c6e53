"""A server for tests of clients: `ipfs-accelerate serve` with small models, which ends with the test."""

import json
import os
import pathlib
import re
import subprocess
import sys
import urllib.error
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
PROGRAM = sys.argv[1] if len(sys.argv) > 1 else ""
KEY = "test-key-0123456789"
ADMIN = "admin-key-0123456789"
DECODER = {
    "architectures": ["LlamaForCausalLM"], "model_type": "llama", "vocab_size": 800, "hidden_size": 64, "intermediate_size": 96,
    "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 2048, "rms_norm_eps": 1e-6,
    "rope_theta": 10000.0, "tie_word_embeddings": False, "bos_token_id": 0, "eos_token_id": 2, "pad_token_id": 1, "hidden_act": "silu",
    "initializer_range": 0.3,
}  # fmt: skip
SMALL = {"rerank_sigmoid": "reranker", "classify": "labels", "tag_words": "tags", "fill_mask": "masks", "zero_shot": "entails"}  # folders of tests/tasks/fixtures, and endpoints


class Failed(Exception):
    pass


def expect(condition, *told):
    if not condition:
        raise Failed(" ".join(str(each) for each in told) or "a check failed")


def run(*arguments):
    return subprocess.run([PROGRAM, *arguments], check=True, capture_output=True, text=True).stdout


def make_decoder(folder):
    """A small random LLaMA with a real byte-level tokenizer and a chat template."""
    config = folder.parent / "config.json"
    config.write_text(json.dumps(DECODER))
    run("models", "create", "--config", str(config), str(folder), "--seed", "3")
    tokenizer = json.loads((ROOT / "tests/processing/fixtures/byte_bpe/tokenizer.json").read_text())
    tokenizer["post_processor"] = None  # an encoder's: it would end the prompt
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer))
    settings = {"tokenizer_class": "PreTrainedTokenizerFast", "bos_token": "<s>", "eos_token": "</s>", "pad_token": "<pad>"}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    (folder / "chat_template.jinja").write_text(
        "{% for message in messages %}{{ message['role'] }}: {{ message['content'] }}\n{% endfor %}"
        "{% if tools %}{{ tools | tojson }}\n{% endif %}{% if add_generation_prompt %}assistant: {% endif %}")


class Server:
    def __init__(self, *arguments, environment=None):
        self.process = subprocess.Popen([PROGRAM, "serve", *arguments, "--port", "0"], stderr=subprocess.PIPE, text=True,
                                        env={**os.environ, **(environment or {})})
        self.log = []
        for line in self.process.stderr:
            self.log.append(line)
            if found := re.search(r"listening on (\S+),", line):
                self.url = found.group(1)
                return
        raise Failed("the server did not start: " + "".join(self.log))

    def stop(self):
        self.process.terminate()
        self.process.communicate(timeout=60)
        return self.process.returncode


def ask(server, path, body=None, key=KEY, method=None, headers=None):
    """Status, fields and text of an answer."""
    data = None if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
    request = urllib.request.Request(server.url + path, data=data, method=method, headers=headers or {})
    if key:
        request.add_header("Authorization", f"Bearer {key}")
    try:
        with urllib.request.urlopen(request, timeout=120) as answer:
            return answer.status, answer.headers, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read().decode()

#!/usr/bin/env python3
"""Makes the tiny models under tests/tasks/fixtures, and what sentence-transformers and transformers' pipelines make of texts.

    python tools/make_task_fixtures.py [NAME ...]     # needs requirements/peers.txt and sentence-transformers

Each fixture is a whole model folder as those libraries save it, with random weights, and `expected.json`: texts, and for each
of some cases the options and the answers in float32. The result is the same on every run with the same versions; commit a
change only together with the reason for it.
"""

from __future__ import annotations

import argparse
import json
import shutil
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import sentence_transformers
import tokenizers
import torch
import transformers
from sentence_transformers.sentence_transformer import modules
from sentence_transformers.sentence_transformer.modules.pooling import Pooling

FIXTURES = Path(__file__).resolve().parent.parent / "tests" / "tasks" / "fixtures"
LARGEST_FOLDER = 80 * 1024  # bytes

WORDS = ["ada", "love", "wrote", "the", "program", "in", "berlin", "boat", "s", "a", "b", "c", "d", "e", "é", ",", ".", ":", "query"]
PIECES = ["lace", "ly", "s", "r", "n", "a", "b", "c", "d", "e", "o", "t", "l", "v", "w", "i"]
SIZES = dict(hidden_size=12, num_hidden_layers=2, num_attention_heads=3, intermediate_size=20, max_position_embeddings=40, initializer_range=0.3)

TEXTS = ["Ada Lovelace wrote the program.", "boats", "", "The boat, in Berlin: a b c d e, Zoë abcd", "lovely love é é, Berlins programs"]
LONG_TEXT = "a b c d e " * 12  # more than the model can read
POOLINGS = list(Pooling.POOLING_MODES)


def save_tokenizer(folder: Path) -> None:
    """BERT's tokenizer with a vocabulary of a few words and pieces."""
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS, *("##" + piece for piece in PIECES)]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "vocab.txt").write_text("\n".join(words) + "\n", encoding="utf-8")
    transformers.BertTokenizer(str(folder / "vocab.txt"), model_max_length=SIZES["max_position_embeddings"]).save_pretrained(folder)
    (folder / "vocab.txt").unlink()


def save_model(folder: Path, kind: str = "BertModel", **changes: Any) -> None:
    """A BERT of that class with its tokenizer."""
    config = transformers.BertConfig(vocab_size=5 + len(WORDS) + len(PIECES), **SIZES, **changes)
    getattr(transformers, kind)(config).eval().save_pretrained(folder)
    save_tokenizer(folder)


def write_expected(folder: Path, **values: Any) -> None:
    (folder / "expected.json").write_text(json.dumps(values, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def sentence_fixture(folder: Path, layers: Callable[[], list[torch.nn.Module]], cases: list[dict[str, Any]] | None = None, **settings: Any) -> None:
    """A sentence-transformers folder, and its embeddings under the options of each case."""
    save_model(folder)
    model = sentence_transformers.SentenceTransformer(modules=[modules.Transformer(str(folder)), *layers()], **settings)
    shutil.rmtree(folder)
    model.save(str(folder), create_model_card=False)
    expect_embeddings(folder, cases or [{}])


def expect_embeddings(folder: Path, cases: list[dict[str, Any]]) -> None:
    model = sentence_transformers.SentenceTransformer(str(folder), device="cpu")
    normalizes = isinstance(model[-1], modules.Normalize)
    texts = [*TEXTS, LONG_TEXT]
    names = {"dimensions": "truncate_dim"}
    embeddings = [model.encode(texts, normalize_embeddings=normalizes, **{names.get(name, name): value for name, value in case.items()}) for case in cases]
    write_expected(folder, texts=texts, cases=[{"options": case, "embeddings": e.tolist()} for case, e in zip(cases, embeddings)])


def pooling(*modes: str, include_prompt: bool = True) -> Pooling:
    return Pooling(SIZES["hidden_size"], list(modes), include_prompt=include_prompt)


def embed_old_layout(folder: Path) -> None:
    """Every pooling in one, under the names of files, classes and fields that versions before 5 had."""
    sentence_fixture(folder, lambda: [pooling(*POOLINGS), modules.Normalize()])
    kept = json.loads((folder / "modules.json").read_text())
    for module in kept:
        module["type"] = "sentence_transformers.models." + module["type"].rpartition(".")[2]
    (folder / "modules.json").write_text(json.dumps(kept, indent=2))
    fields = {"cls": "cls_token", "max": "max_tokens", "mean": "mean_tokens", "mean_sqrt_len_tokens": "mean_sqrt_len_tokens",
              "weightedmean": "weightedmean_tokens", "lasttoken": "lasttoken"}
    old = {"word_embedding_dimension": SIZES["hidden_size"], **{f"pooling_mode_{field}": True for field in fields.values()}}
    (folder / "1_Pooling" / "config.json").write_text(json.dumps(old, indent=4))
    (folder / "sentence_bert_config.json").write_text(json.dumps({"max_seq_length": 24, "do_lower_case": False}))
    shutil.rmtree(folder / "2_Normalize")
    expect_embeddings(folder, [{}])


def embed_dense(folder: Path) -> None:
    """A stack of every layer there is, one of them with weights in a pytorch_model.bin."""
    Dense, LayerNorm, nn = modules.Dense, modules.LayerNorm, torch.nn

    def layers() -> list[nn.Module]:
        norm = LayerNorm(10)
        nn.init.normal_(norm.norm.weight)
        nn.init.normal_(norm.norm.bias)
        return [pooling("mean", "max"), Dense(24, 10), modules.Dropout(0.1), norm, Dense(10, 10, bias=False, activation_function=nn.GELU(), use_residual=True),
                Dense(10, 7, activation_function=nn.Identity(), use_residual=True), Dense(7, 9, activation_function=nn.SiLU()), modules.Normalize()]

    sentence_fixture(folder, layers)
    last = folder / "7_Dense"
    tensors = {name: tensor.clone() for name, tensor in sentence_transformers.SentenceTransformer(str(folder))[7].state_dict().items()}
    (last / "model.safetensors").unlink()
    torch.save(tensors, last / "pytorch_model.bin")
    expect_embeddings(folder, [{}])


def rerank(folder: Path, activation: torch.nn.Module | None, field: str = "") -> None:
    """A cross-encoder; `field` has config.json say the activation, as versions before 5 did."""
    save_model(folder, "BertForSequenceClassification", num_labels=1)
    model = sentence_transformers.CrossEncoder(str(folder), device="cpu", activation_fn=activation)
    shutil.rmtree(folder)
    model.save(str(folder), create_model_card=False)
    if field:
        for name in ("config_sentence_transformers.json", "modules.json", "sentence_bert_config.json"):
            (folder / name).unlink()
        config = json.loads((folder / "config.json").read_text())
        name = "torch.nn.modules.activation.Tanh"
        config |= {"sentence_transformers": {"activation_fn": name}} if field == "sentence_transformers" else {field: name}
        (folder / "config.json").write_text(json.dumps(config, indent=2))
    model = sentence_transformers.CrossEncoder(str(folder), device="cpu")
    documents = [*TEXTS, LONG_TEXT]
    cases = []
    for query in ("Ada Lovelace", LONG_TEXT):
        ranks = model.rank(query, documents)
        cases.append({"query": query, "ranking": [{"index": rank["corpus_id"], "score": float(rank["score"])} for rank in ranks]})
    write_expected(folder, texts=documents, cases=cases)


def pipeline(folder: Path, task: str) -> Any:
    return transformers.pipeline(task, model=str(folder), device="cpu")


def zero_shot(folder: Path) -> None:
    save_model(folder, "BertForSequenceClassification", id2label={0: "CONTRADICTION", 1: "neutral", 2: "Entailment"},
               label2id={"CONTRADICTION": 0, "neutral": 1, "Entailment": 2})
    answer = pipeline(folder, "zero-shot-classification")
    cases = []
    for options in ({"labels": ["boat", "program", "love"]}, {"labels": ["boat", "program", "love"], "multi_label": True},
                    {"labels": ["boat"]}, {"labels": ["a b", "c d e"], "hypothesis": "in {}, the {}!"}):
        template = options.get("hypothesis", "This example is {}.").replace("{}", "{0}")
        texts = [text for text in [*TEXTS, LONG_TEXT] if text]
        answers = answer(texts, candidate_labels=options["labels"], hypothesis_template=template, multi_label=options.get("multi_label", False))
        cases.append({"options": options, "answers": [[{"label": l, "score": s} for l, s in zip(a["labels"], a["scores"])] for a in answers]})
    write_expected(folder, texts=texts, cases=cases)


LABELS = ["O", "B-PER", "I-PER", "B-LOC", "I-LOC", "MISC"]


def expect_entities(folder: Path) -> None:
    texts = [text for text in TEXTS if text] + ["[UNK] Ωmega Ada", "Éa  lovelace\tx"]
    cases = []
    for strategy in ("none", "simple", "first", "average", "max"):
        tag = transformers.pipeline("token-classification", model=str(folder), device="cpu", aggregation_strategy=strategy)
        answers = [[{"label": e.get("entity_group", e.get("entity")), "score": float(e["score"]), "begin": e["start"], "end": e["end"]} for e in tag(text)]
                   for text in texts]
        cases.append({"aggregation": strategy, "answers": answers})
    write_expected(folder, texts=texts, cases=cases)


def tag_words(folder: Path) -> None:
    save_model(folder, "BertForTokenClassification", id2label=dict(enumerate(LABELS)))
    expect_entities(folder)


def tag_bytes(folder: Path) -> None:
    """A tokenizer without a mark for pieces within words."""
    bpe = tokenizers.ByteLevelBPETokenizer()
    bpe.train_from_iterator(TEXTS * 4, vocab_size=290, min_frequency=2, special_tokens=["<s>", "<pad>", "</s>", "<unk>", "<mask>"])
    tokenizer = transformers.PreTrainedTokenizerFast(tokenizer_object=bpe._tokenizer, bos_token="<s>", eos_token="</s>", unk_token="<unk>",
                                                     pad_token="<pad>", cls_token="<s>", sep_token="</s>", mask_token="<mask>", model_max_length=38)
    tokenizer.save_pretrained(folder)
    config = transformers.RobertaConfig(vocab_size=len(tokenizer), **SIZES, type_vocab_size=1, id2label=dict(enumerate(LABELS)))
    transformers.RobertaForTokenClassification(config).eval().save_pretrained(folder)
    expect_entities(folder)


def classify(folder: Path) -> None:
    save_model(folder, "BertForSequenceClassification", id2label={0: "bad", 1: "fair", 2: "good"})
    answer = pipeline(folder, "text-classification")
    texts = [text for text in TEXTS if text]  # transformers takes an empty second text for none
    pairs = list(reversed(texts))
    answers = [answer({"text": a, "text_pair": b}, top_k=None) for a, b in zip(texts, pairs)]
    write_expected(folder, texts=texts, pairs=pairs, answers=answers)


def fill_mask(folder: Path) -> None:
    save_model(folder, "BertForMaskedLM")
    answer = pipeline(folder, "fill-mask")
    texts = ["Ada wrote the [MASK] .", "[MASK]", "the [MASK] in [MASK]"]
    answers = []
    for text in texts:
        masks = answer(text, top_k=4)
        masks = masks if isinstance(masks[0], list) else [masks]
        answers.append([[{"token_id": c["token"], "score": c["score"]} for c in candidates] for candidates in masks])
    write_expected(folder, texts=texts, answers=answers)


ALL: dict[str, Callable[[Path], None]] = {
    **{f"embed_{mode}": lambda folder, mode=mode: sentence_fixture(folder, lambda: [pooling(mode)]) for mode in POOLINGS},
    "embed_old_layout": embed_old_layout,
    "embed_dense": embed_dense,
    "embed_prompts": lambda folder: sentence_fixture(
        folder, lambda: [pooling(*POOLINGS, include_prompt=False)], [{}, {"prompt_name": "document"}, {"prompt": "a b "}, {"prompt": ""}],
        prompts={"query": "query: ", "document": "the program "}, default_prompt_name="query"),
    "embed_truncated": lambda folder: sentence_fixture(
        folder, lambda: [pooling("mean"), modules.Normalize()], [{}, {"dimensions": 3}, {"dimensions": 12}, {"prompt_name": "query", "dimensions": 9}],
        prompts={"query": "query: "}, truncate_dim=5),
    "rerank_sigmoid": lambda folder: rerank(folder, None),
    "rerank_identity": lambda folder: rerank(folder, torch.nn.Identity()),
    "rerank_config": lambda folder: rerank(folder, None, "sentence_transformers"),
    "rerank_old_config": lambda folder: rerank(folder, None, "sbert_ce_default_activation_function"),
    "zero_shot": zero_shot,
    "tag_words": tag_words,
    "tag_bytes": tag_bytes,
    "classify": classify,
    "fill_mask": fill_mask,
}


def make(name: str) -> None:
    folder = FIXTURES / name
    shutil.rmtree(folder, ignore_errors=True)
    torch.manual_seed(zlib.crc32(name.encode()))
    ALL[name](folder)
    for extra in ("README.md", "special_tokens_map.json", "generation_config.json"):
        (folder / extra).unlink(missing_ok=True)
    size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    if size > LARGEST_FOLDER:
        raise SystemExit(f"{folder}: {size} bytes, more than {LARGEST_FOLDER}")
    print(f"{name}: {size} bytes")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"which fixtures to make; all without any: {', '.join(ALL)}")
    for name in parser.parse_args().names or ALL:
        make(name)


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Makes tests/processing/fixtures/vocabularies: model folders without tokenizer.json, and the ids that they must give.

    python tools/make_vocabulary_fixtures.py [NAME ...]     # needs requirements/peers.txt

lines.json has 500 lines of mixed languages. Each folder has a small vocabulary trained on them, in the files of its tokenizer
class, and expected.json: for each line its ids, and for every tenth, which goes with the line before it as a pair, the type
ids too. transformers gives them, or SentencePiece itself (`by_sentencepiece`) for models that no class of transformers 5
runs as they were trained; lines with special tokens, which SentencePiece takes for text, are then left out.
"""

from __future__ import annotations

import io
import json
import random
import shutil
import sys
import unicodedata
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import sentencepiece
import transformers
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers

FOLDER = Path(__file__).resolve().parent.parent / "tests" / "processing" / "fixtures" / "vocabularies"
LINES = 500

WORDS = (
    "The quick brown fox jumps over lazy dogs isn't don't we'll they've O'Neill naïve café déjà-vu façade Zürich Straße weiß Äpfel "
    "über piñata señor ¿Dónde? coração ação løp smørbrød Łódź źdźbło čeština řeka őrült İstanbul ışık Ελλάδα λόγος ΣΊΣΥΦΟΣ Привет "
    "мир ёлка Київ България 東京 日本語 テキスト カタカナ ひらがな 北京 中文字符 你好世界 안녕하세요 세계 한국어 مرحبا بالعالم العَرَبِيَّة שלום "
    "עולם नमस्ते दुनिया हिन्दी สวัสดี ชาวโลก Việt Nam xin chào Ʉniⱴerse 123 4567890 3.14159 1,000,000 ½ ² Ⅷ ٣٤ € £5 $20 50% #tag "
    "@user e-mail a_b camelCase HTTPServer2 (brackets) [square] {curly} \"quotes\" “curly” ‘single’ ``tex'' … — – • ™ ﬁne ＦＵＬＬ "
    "e\u0301te\u0301 A\u030angstrom 🙂 👍🏽 👩‍🚀 🇫🇷 ✈️ x=y+z C++ https://a.example/b?c=d#e 你好，世界！ 「引用」 don`t zero\u200bwidth "
    "nb\u00a0sp soft\u00adhyphen \u2028 bom\ufeff"
).split(" ")
SPECIAL = "[CLS] [SEP] [MASK] [PAD] [UNK] <s> </s> <mask> <pad> <unk> <cls> <sep> <|endoftext|> <extra_id_0> [mask] <MASK> extra".split()
SPACES = (" ", " ", " ", " ", " ", "  ", "\t", "", ", ", "\u3000", "\n", "   ")


def make_lines() -> list[str]:
    rng = random.Random(5)
    lines = ["", " ", "\t\n", "a", "x" * 120, " leading", "trailing ", "\x00null \x07bell", "\ue000private \U0010ffff \ufffd"]
    while len(lines) < LINES:
        words = [rng.choice(WORDS) for _ in range(rng.randint(1, 7))]
        if rng.random() < 0.15:
            words.insert(rng.randrange(len(words) + 1), rng.choice(SPECIAL))
        line = "".join(word + rng.choice(SPACES) for word in words)
        lines.append(rng.choice((line, line, line.strip(), line.upper(), line.lower())))
    return lines


def corpus(lines: list[str]) -> list[str]:
    """What vocabularies are trained on: less than the lines have, so that some of them is unknown."""
    return [line.replace("\n", " ").replace("\0", " ") for line in lines[10:380]] * 3


@dataclass(frozen=True)
class Case:
    """A folder: the kind of its vocabulary, what the files say, and how a SentencePiece model is trained."""

    vocabulary: str
    model_type: str
    special: tuple[str, ...] = ()
    config: dict[str, Any] | None = None
    files: dict[str, Any] = field(default_factory=dict)
    trainer: dict[str, Any] = field(default_factory=dict)
    file: str = "spiece.model"
    by_sentencepiece: bool = False


BERT = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
ROBERTA = ("<s>", "<pad>", "</s>", "<unk>", "<mask>")
DEBERTA = ("[CLS]", "[PAD]", "[SEP]", "[UNK]", "[MASK]")
FLAUBERT = ("<s>", "</s>", "<pad>", "<unk>", *(f"<special{i}>" for i in range(10)))
T5 = dict(pad_id=0, eos_id=1, unk_id=2, bos_id=-1)
PEGASUS = dict(pad_id=0, eos_id=1, unk_id=2, bos_id=-1)
ALBERT = dict(pad_id=0, unk_id=1, bos_id=-1, eos_id=-1, control_symbols=["[CLS]", "[SEP]", "[MASK]"], user_defined_symbols=["(", ")", '"', "-", "£", "€"])
DEBERTA_V2 = dict(pad_id=0, bos_id=1, eos_id=2, unk_id=3, pad_piece="[PAD]", bos_piece="[CLS]", eos_piece="[SEP]", unk_piece="[UNK]")

CASES = {
    "bert": Case("wordpiece", "bert", BERT),
    "bert_cased": Case("wordpiece_cased", "electra", BERT, dict(do_lower_case=False, tokenize_chinese_chars=False)),
    "bert_accents": Case("wordpiece", "squeezebert", BERT, dict(strip_accents=False, cls_token="[CLS]", additional_special_tokens=["extra"])),
    "bert_lacking": Case("wordpiece", "layoutlm", ("[UNK]", "[CLS]", "[SEP]"), files={
        "added_tokens.json": {"Zürich": 901, "extra": 900}, "special_tokens_map.json": {"pad_token": "[PAD]", "mask_token": {
            "content": "[MASK]", "lstrip": True, "rstrip": False, "normalized": False, "single_word": False}}}),
    "mpnet": Case("wordpiece", "mpnet", ("<s>", "<pad>", "</s>", "<unk>", "[UNK]", "<mask>")),
    "roberta": Case("byte_bpe", "roberta", ROBERTA),
    "longformer": Case("byte_bpe", "longformer", ROBERTA, dict(add_prefix_space=True), files={"special_tokens_map.json": {
        "bos_token": "<s>", "mask_token": {"content": "<mask>", "lstrip": True, "rstrip": False, "normalized": True, "single_word": False}}}),
    "deberta": Case("byte_bpe", "deberta", DEBERTA, dict(do_lower_case=False, vocab_type="gpt2")),
    "gpt2": Case("byte_bpe", "gpt2", ("<|endoftext|>",)),
    "gpt2_begin": Case("byte_bpe", "gpt2", ("<|endoftext|>",), dict(add_bos_token=True, tokenizer_class="GPT2Tokenizer")),
    "flaubert": Case("flaubert", "flaubert", FLAUBERT),
    "flaubert_lower": Case("flaubert", "flaubert", FLAUBERT, dict(do_lowercase=True)),
    "phobert": Case("phobert", "roberta", (), dict(tokenizer_class="PhobertTokenizer")),
    "albert": Case("unigram", "albert", trainer=ALBERT),
    "xlnet": Case("unigram", "xlnet", trainer=dict(unk_id=0, bos_id=1, eos_id=2, control_symbols=["<cls>", "<sep>", "<pad>", "<mask>"],
                                                 user_defined_symbols=["<eop>", "."])),
    "xlm_roberta": Case("unigram", "xlm-roberta", file="sentencepiece.bpe.model", trainer=dict(normalization_rule_name="nmt_nfkc")),
    "camembert": Case("unigram", "camembert", file="sentencepiece.bpe.model"),
    "deberta_v2": Case("unigram", "deberta-v2", file="spm.model", trainer=DEBERTA_V2, config=dict(do_lower_case=False, vocab_type="spm")),
    "deberta_v2_lower": Case("unigram", "deberta-v2", file="spm.model", trainer=DEBERTA_V2, config=dict(
        do_lower_case=True, split_by_punct=True, mask_token="[MASK]"), files={"added_tokens.json": {"[MASK]": 600}}),
    "blenderbot": Case("byte_bpe", "blenderbot", ROBERTA, dict(add_prefix_space=True)),
    "blenderbot_small": Case("blenderbot_small", "blenderbot-small", ("__null__", "__start__", "__end__", "__unk__"),
                             dict(tokenizer_class="BlenderbotSmallTokenizer")),
    "mbart": Case("unigram", "mbart", file="sentencepiece.bpe.model", config=dict(tokenizer_class="MBartTokenizer", src_lang="de_DE")),
    "mbart50": Case("unigram", "mbart", file="sentencepiece.bpe.model", config=dict(tokenizer_class="MBart50Tokenizer", src_lang="fr_XX")),
    "pegasus": Case("unigram", "pegasus", trainer=PEGASUS),
    "t5": Case("unigram", "t5", trainer=T5),
    "t5_few": Case("unigram", "t5", trainer=T5, config=dict(extra_ids=2, additional_special_tokens=["<extra_id_0>", "<extra_id_1>"])),
    "t5_bytes": Case("unigram", "t5", trainer=T5 | dict(byte_fallback=True, vocab_size=900), by_sentencepiece=True),
    "t5_bpe": Case("bpe", "t5", trainer=T5, by_sentencepiece=True),
    "t5_bpe_bytes": Case("bpe", "t5", trainer=T5 | dict(byte_fallback=True, vocab_size=900), by_sentencepiece=True),
}


def wordpiece(folder: Path, case: Case, lines: list[str]) -> None:
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=case.vocabulary == "wordpiece")
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.train_from_iterator(corpus(lines), trainers.WordPieceTrainer(vocab_size=900, special_tokens=list(case.special), show_progress=False))
    vocabulary = tokenizer.get_vocab()
    (folder / "vocab.txt").write_text("".join(token + "\n" for token in sorted(vocabulary, key=vocabulary.get)))


def byte_bpe(folder: Path, case: Case, lines: list[str]) -> None:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.train_from_iterator(corpus(lines), trainers.BpeTrainer(vocab_size=800, special_tokens=list(case.special), show_progress=False,
                                                                     initial_alphabet=pre_tokenizers.ByteLevel.alphabet()))
    tokenizer.model.save(str(folder))


def character_bpe(case: Case, lines: list[str]) -> tuple[dict[str, int], list[str]]:
    """A vocabulary that lacks some of what its merges make, as those that were cut by frequency do, and merges with made-up counts."""
    tokenizer = Tokenizer(models.BPE(end_of_word_suffix="</w>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Punctuation()])
    trainer = trainers.BpeTrainer(vocab_size=1000, end_of_word_suffix="</w>", special_tokens=list(case.special), show_progress=False)
    tokenizer.train_from_iterator(corpus(lines), trainer)
    merges = json.loads(tokenizer.to_str())["model"]["merges"]
    tokens = sorted(tokenizer.get_vocab(), key=tokenizer.get_vocab().get)
    kept = [token for i, token in enumerate(tokens) if token in case.special or i % 7]
    return {token: i for i, token in enumerate(kept)}, [f"{left} {right} {len(merges) - i}\n" for i, (left, right) in enumerate(merges)]


def flaubert(folder: Path, case: Case, lines: list[str]) -> None:
    vocabulary, merges = character_bpe(case, lines)
    (folder / "vocab.json").write_text(json.dumps(vocabulary, ensure_ascii=False) + "\n")
    (folder / "merges.txt").write_text("".join(merges))


def phobert(folder: Path, case: Case, lines: list[str]) -> None:
    vocabulary, merges = character_bpe(case, lines)
    pieces = [token.removesuffix("</w>") if token.endswith("</w>") else token + "@@" for token in vocabulary]
    (folder / "vocab.txt").write_text("".join(f"{piece} {len(pieces) - i}\n" for i, piece in enumerate(pieces)))
    (folder / "bpe.codes").write_text("".join(merges))


def blenderbot_small(folder: Path, case: Case, lines: list[str]) -> None:
    vocabulary, merges = character_bpe(case, [line.lower() for line in lines])
    pieces = [token if token in case.special else token.removesuffix("</w>") if token.endswith("</w>") else token + "@@" for token in vocabulary]
    ids = {token: i for i, token in enumerate(dict.fromkeys(pieces))}
    (folder / "vocab.json").write_text(json.dumps(ids, ensure_ascii=False) + "\n")
    (folder / "merges.txt").write_text("#version: 0.2\n" + "".join(f"{merge.rsplit(' ', 1)[0]}\n" for merge in merges))


def write_rules(file: Path) -> None:
    """What NFKC does to the characters of the lines, and all space as " ": the rules for all of Unicode take 240 KB a model."""
    rules = {}
    for character in sorted(set("".join(WORDS + list(SPACES))) | {character.upper() for word in WORDS for character in word if len(character.upper()) == 1}):
        normal = " " if character.isspace() else unicodedata.normalize("NFKC", character)
        if character in "\u200b\u00ad\ufeff":
            normal = ""
        if normal != character:
            rules[character] = normal
    codes = lambda text: " ".join(f"{ord(character):X}" for character in text)
    file.write_text("".join(f"{codes(character)}\t{codes(normal)}\n" for character, normal in rules.items()))


def train_sentencepiece(folder: Path, case: Case, lines: list[str]) -> None:
    model = io.BytesIO()
    options = dict(vocab_size=600, character_coverage=0.98, hard_vocab_limit=False, num_threads=1, minloglevel=2) | case.trainer
    if "normalization_rule_name" not in options:
        options["normalization_rule_tsv"] = str(folder / "rules.tsv")
        write_rules(folder / "rules.tsv")
    if case.vocabulary == "bpe":
        options.pop("hard_vocab_limit")
    sentencepiece.SentencePieceTrainer.train(sentence_iterator=iter(corpus(lines)), model_writer=model, model_type=case.vocabulary, **options)
    (folder / case.file).write_bytes(model.getvalue())
    (folder / "rules.tsv").unlink(missing_ok=True)


TRAINERS = {"wordpiece": wordpiece, "wordpiece_cased": wordpiece, "byte_bpe": byte_bpe, "flaubert": flaubert, "phobert": phobert, "blenderbot_small": blenderbot_small, "unigram": train_sentencepiece, "bpe": train_sentencepiece}


def expected(folder: Path, case: Case, lines: list[str]) -> list[Any]:
    results: list[Any] = []
    if case.by_sentencepiece:
        processor = sentencepiece.SentencePieceProcessor(model_file=str(folder / case.file))
        for line in lines:
            has_special = any(token.lower() in line.lower() for token in SPECIAL if "<" in token)
            results.append(None if has_special or "\0" in line else {"ids": processor.encode(line) + [processor.eos_id()]})
        return results
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    for i, line in enumerate(lines):
        if i % 10 == 9:
            got = tokenizer(line, lines[i - 1], return_token_type_ids=True)
            results.append({"ids": got["input_ids"], "type_ids": got["token_type_ids"]})
        else:
            results.append({"ids": tokenizer(line)["input_ids"]})
    return results


def make(name: str, case: Case, lines: list[str]) -> None:
    folder = FOLDER / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    TRAINERS[case.vocabulary](folder, case, lines)
    files = {"config.json": {"model_type": case.model_type}} | case.files
    if case.config is not None:
        files["tokenizer_config.json"] = case.config
    for file, content in files.items():
        (folder / file).write_text(json.dumps(content, ensure_ascii=False) + "\n")
    results = expected(folder, case, lines)
    text = ",\n".join(json.dumps(result, separators=(",", ":")) for result in results)
    (folder / "expected.json").write_text(f"[\n{text}\n]\n")
    print(f"{name}: {sum(path.stat().st_size for path in folder.iterdir())} bytes")


def main() -> None:
    transformers.logging.set_verbosity_error()
    lines = make_lines()
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / "lines.json").write_text(json.dumps(lines, indent=0) + "\n")
    for name in sys.argv[1:] or CASES:
        make(name, CASES[name], lines)


if __name__ == "__main__":
    main()

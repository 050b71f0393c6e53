#!/usr/bin/env python3
"""Makes what the tests of text generation compare with: transformers' logits processors, beam search, answers and chat
templates.

    python tools/make_generation_fixtures.py     # needs requirements/peers.txt

It writes tests/generation/fixtures/{logits,sampling,beams,answers}.json, and expected.json beside the templates and cases.json of
tests/processing/fixtures/chat_templates. The result is the same on every run with the same versions; commit a change only
together with the reason for it.
"""

from __future__ import annotations

import datetime
import json
import math
import random
from pathlib import Path
from typing import Any

import torch
import transformers
from transformers import GenerationConfig, GenerationMixin, LogitsProcessor, LogitsProcessorList, PretrainedConfig, PreTrainedModel
from transformers.modeling_outputs import CausalLMOutput
from transformers.utils import chat_template_utils

TESTS = Path(__file__).resolve().parent.parent / "tests"
GENERATION = TESTS / "generation" / "fixtures"
TEMPLATES = TESTS / "processing" / "fixtures" / "chat_templates"

VOCABULARY = 40
END = 3
TIME = datetime.datetime(2026, 3, 5, 12, 0, 0)


class ToyConfig(PretrainedConfig):
    model_type = "toy"

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.vocab_size = VOCABULARY
        self.num_hidden_layers = 1


class Toy(PreTrainedModel, GenerationMixin):
    """A model whose logits are a row of a table, chosen by the last token and the number of tokens."""

    config_class = ToyConfig
    main_input_name = "input_ids"

    def __init__(self, config: ToyConfig, table: torch.Tensor) -> None:
        super().__init__(config)
        self.table = torch.nn.Parameter(table)
        self.post_init()

    def _init_weights(self, module: torch.nn.Module) -> None:
        pass

    def prepare_inputs_for_generation(self, input_ids: torch.Tensor, **kwargs: Any) -> dict[str, Any]:
        return {"input_ids": input_ids}

    def forward(self, input_ids: torch.Tensor, **kwargs: Any) -> CausalLMOutput:
        rows = (input_ids[:, -1] * 3 + input_ids.shape[1]) % VOCABULARY
        return CausalLMOutput(logits=self.table[rows][:, None, :])


class GeneratedPenalties(LogitsProcessor):
    """OpenAI's presence and frequency penalties, which transformers lacks."""

    def __init__(self, prompt: int, presence: float, frequency: float) -> None:
        self.prompt, self.presence, self.frequency = prompt, presence, frequency

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        counts = torch.zeros_like(scores)
        generated = input_ids[:, self.prompt:]
        counts.scatter_add_(1, generated, torch.ones_like(generated, dtype=scores.dtype))
        return scores - counts * self.frequency - (counts > 0) * self.presence


def rounded(values: torch.Tensor, digits: int = 4) -> torch.Tensor:
    """Values that a few decimal digits write exactly."""
    return (values.double() * 10**digits).round().div(10**digits).float()


def table(seed: int, scale: float, end: float) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    values = torch.randn(VOCABULARY, VOCABULARY, generator=generator) * scale
    values[:, [END, 5]] += end
    return rounded(values)


def written(values: torch.Tensor) -> list[float | None]:
    """Numbers as JSON has them: none for minus infinity."""
    return [None if math.isinf(value) else float(f"{value:.9g}") for value in values.tolist()]


def short(values: torch.Tensor) -> list[float]:
    return [float(f"{value:.4f}") for value in values.tolist()]


def processed(model: Toy, options: dict[str, Any], case: dict[str, Any]) -> torch.Tensor:
    """The logits of a case after transformers' processors, made from the options as generate() makes them."""
    options = dict(options)
    prompt = case["prompt_tokens"]
    presence, frequency = options.pop("presence_penalty", 0.0), options.pop("frequency_penalty", 0.0)
    bias = options.pop("logit_bias", None)
    allowed = case.get("allowed")
    if bias is not None:
        options["sequence_bias"] = {(token,): float(value) for token, value in bias}
    config = GenerationConfig(**{"top_k": 50, "max_new_tokens": 20, "num_beams": 1} | options)
    config.max_length = prompt + config.max_new_tokens
    model._prepare_special_tokens(config, kwargs_has_attention_mask=True)
    further = LogitsProcessorList([GeneratedPenalties(prompt, presence, frequency)])
    encoder = torch.tensor([case["encoder_tokens"]]) if "encoder_tokens" in case else None
    processors = model._get_logits_processor(config, prompt, encoder, (lambda batch, ids: allowed) if allowed else None, further, "cpu", {})
    return processors(torch.tensor([case["tokens"]]), torch.tensor([case["logits"]]))[0]


LOGITS_OPTIONS: dict[str, dict[str, Any]] = {
    "nothing": {},
    "repetition": {"repetition_penalty": 1.3},
    "repetition_rewarded": {"repetition_penalty": 0.7},
    "presence": {"presence_penalty": 1.5},
    "frequency": {"frequency_penalty": 0.5},
    "all_penalties": {"repetition_penalty": 1.2, "presence_penalty": -0.5, "frequency_penalty": 0.75},
    "ngram_1": {"no_repeat_ngram_size": 1},
    "ngram_2": {"no_repeat_ngram_size": 2},
    "ngram_3": {"no_repeat_ngram_size": 3},
    "bad_words": {"bad_words_ids": [[7], [9, 4], [2, 9, 11], [END], [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13]]},
    "bias": {"logit_bias": [[1, 5.5], [7, -100.0], [39, 0.25]]},
    "suppress": {"suppress_tokens": [1, 2, 30], "begin_suppress_tokens": [4, 5]},
    "min_new_tokens": {"min_new_tokens": 6, "eos_token_id": [END, 5]},
    "forced_end": {"forced_eos_token_id": [END], "max_new_tokens": 6},
    "temperature": {"do_sample": True, "temperature": 0.6, "top_k": 0},
    "top_k": {"do_sample": True, "top_k": 7},
    "top_k_1": {"do_sample": True, "top_k": 1},
    "top_k_beyond": {"do_sample": True, "top_k": 400},
    "top_p": {"do_sample": True, "top_k": 0, "top_p": 0.8},
    "top_p_0": {"do_sample": True, "top_k": 0, "top_p": 0.0},
    "top_p_most": {"do_sample": True, "top_k": 0, "top_p": 0.99},
    "min_p": {"do_sample": True, "top_k": 0, "min_p": 0.1},
    "typical": {"do_sample": True, "top_k": 0, "typical_p": 0.7},
    "typical_little": {"do_sample": True, "top_k": 0, "typical_p": 0.05},
    "defaults": {"do_sample": True},
    "many": {"do_sample": True, "temperature": 1.4, "top_k": 20, "top_p": 0.9, "min_p": 0.05, "typical_p": 0.9, "repetition_penalty": 1.1},
    "many_more": {"do_sample": True, "temperature": 0.8, "top_p": 0.95, "frequency_penalty": 0.4, "bad_words_ids": [[8]], "no_repeat_ngram_size": 2},
    "beams_sampled": {"do_sample": True, "num_beams": 3, "top_k": 2, "top_p": 0.2, "eos_token_id": [END, 5, 8]},
    "beams_min_p": {"do_sample": True, "num_beams": 3, "top_k": 0, "min_p": 0.9, "eos_token_id": [END]},
    "renormalized": {"repetition_penalty": 1.3, "renormalize_logits": True},
}


# The controls that also change what is drawn, each with every token to draw from.
DRAWN_OPTIONS = {f"{name}_drawn": {"do_sample": True, "top_k": 0} | options
                 for name, options in LOGITS_OPTIONS.items() if "do_sample" not in options}


def logits_cases(model: Toy) -> list[dict[str, Any]]:
    choice = random.Random(1)
    cases = []
    for index, (name, options) in enumerate(LOGITS_OPTIONS.items()):
        for prompt, generated in ((6, 0), (5, 5), (1, 0), (1, 12)):
            generator = torch.Generator().manual_seed(100 * index + prompt + generated)
            tokens = [choice.randrange(12) for _ in range(prompt + generated)]
            logits = rounded(torch.randn(VOCABULARY, generator=generator) * 2.5)
            case = {"name": f"{name}_{prompt}_{generated}", "options": {"eos_token_id": [END]} | options, "tokens": tokens,
                    "prompt_tokens": prompt, "logits": short(logits)}
            cases.append(case)
    for index, (name, options) in enumerate(DRAWN_OPTIONS.items()):
        generator = torch.Generator().manual_seed(7000 + index)
        tokens = [choice.randrange(12) for _ in range(10)]
        cases.append({"name": name, "options": {"eos_token_id": [END]} | options, "tokens": tokens, "prompt_tokens": 5,
                      "logits": short(rounded(torch.randn(VOCABULARY, generator=generator) * 2.5))})
    special = [
        {"name": "forced_begin", "options": {"forced_bos_token_id": 9, "begin_suppress_tokens": [2]}, "tokens": [1], "prompt_tokens": 1},
        {"name": "after_forced_begin", "options": {"forced_bos_token_id": 9, "begin_suppress_tokens": [2]}, "tokens": [1, 9], "prompt_tokens": 1},
        {"name": "encoder_ngram", "options": {"encoder_no_repeat_ngram_size": 3}, "tokens": [4, 5, 6], "prompt_tokens": 1,
         "encoder_tokens": [1, 5, 6, 7, 5, 6, 8, 9]},
        {"name": "encoder_ngram_short", "options": {"encoder_no_repeat_ngram_size": 3}, "tokens": [6], "prompt_tokens": 1,
         "encoder_tokens": [1, 5, 6, 7, 5, 6, 8, 9]},
        {"name": "allowed", "options": {"do_sample": True, "top_k": 3, "repetition_penalty": 1.5}, "tokens": [4, 5, 6], "prompt_tokens": 2,
         "allowed": [0, 5, 6, 31, 32, 39]},
    ]
    for index, case in enumerate(special):
        generator = torch.Generator().manual_seed(9000 + index)
        case["logits"] = short(rounded(torch.randn(VOCABULARY, generator=generator) * 2.5))
        cases.append(case)
    for case in cases:
        case["expected"] = written(processed(model, case["options"], case))
    return cases


def sampling_cases(cases: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The probabilities that tokens are drawn with: of the cases that sample."""
    result = []
    for case in cases:
        if not case["options"].get("do_sample") or case["prompt_tokens"] != 5:
            continue
        scores = torch.tensor([-math.inf if value is None else value for value in case["expected"]], dtype=torch.float64)
        result.append({"name": case["name"], "probabilities": [float(f"{value:.9g}") for value in scores.softmax(-1).tolist()]})
    return result


def beam_cases() -> dict[str, Any]:
    tables = [table(1, 1.5, 0.5), table(2, 3.0, 1.0), table(3, 0.7, -0.5)]
    models = [Toy(ToyConfig(), values).eval() for values in tables]
    choice = random.Random(7)
    extras: list[dict[str, Any]] = [{}, {}, {"no_repeat_ngram_size": 2}, {"min_new_tokens": 5}, {"repetition_penalty": 1.4},
                                    {"forced_eos_token_id": [END]}, {"bad_words_ids": [[9], [4, 6]]}, {"renormalize_logits": True, "suppress_tokens": [1, 7]}]
    cases = []
    for index in range(96):
        beams = choice.choice([1, 2, 3, 5, 8])
        if beams == 1:
            beams = 4
        options = {"num_beams": beams, "num_return_sequences": choice.choice([1, beams]), "length_penalty": choice.choice([-1.0, 0.0, 0.6, 1.0, 2.0]),
                   "early_stopping": choice.choice([False, True, "never"]), "max_new_tokens": choice.choice([1, 4, 9, 16]),
                   "eos_token_id": choice.choice([[END], [END, 5]])} | choice.choice(extras)
        if "min_new_tokens" in options:
            options["min_new_tokens"] = min(options["min_new_tokens"], options["max_new_tokens"])
        which = index % len(models)
        prompt = [choice.randrange(6, VOCABULARY) for _ in range(choice.choice([1, 2, 5]))]
        config = GenerationConfig(**options, pad_token_id=0, do_sample=False, use_cache=False, return_dict_in_generate=True, output_scores=True)
        with torch.no_grad():
            found = models[which].generate(torch.tensor([prompt]), generation_config=config)
        texts = []
        for row, score, steps in zip(found.sequences.tolist(), found.sequences_scores.tolist(), found.beam_indices.tolist()):
            length = sum(step >= 0 for step in steps)
            texts.append({"tokens": row[len(prompt):len(prompt) + length], "score": float(f"{score:.9g}")})
        cases.append({"table": which, "prompt": prompt, "options": options, "texts": texts})
    return {"tables": [[short(row) for row in values] for values in tables], "cases": cases}


def answer_cases() -> list[dict[str, Any]]:
    """What encoder-decoders of tests/models/fixtures answer: the new tokens of each text, the best first."""
    choice = random.Random(11)
    beams = {"num_beams": 4, "num_return_sequences": 2}
    options: list[dict[str, Any]] = [
        {"max_new_tokens": 9}, {"max_new_tokens": 9, "min_new_tokens": 9}, {"max_new_tokens": 7, "repetition_penalty": 1.5},
        {"max_new_tokens": 8, "no_repeat_ngram_size": 2, "encoder_no_repeat_ngram_size": 2},
        {"max_new_tokens": 6, "forced_bos_token_id": 7, "forced_eos_token_id": 2}, {"max_length": 8, "min_length": 4},
        beams | {"max_new_tokens": 8}, beams | {"max_new_tokens": 8, "length_penalty": 0.6, "early_stopping": True},
        beams | {"max_new_tokens": 8, "length_penalty": 2.0, "early_stopping": "never", "no_repeat_ngram_size": 3},
        beams | {"max_new_tokens": 6, "forced_bos_token_id": 9, "encoder_no_repeat_ngram_size": 1}]
    cases = []
    for fixture in ("t5_conditional_generation", "umt5_conditional_generation", "bart_conditional_generation",
                    "pegasus_conditional_generation", "blenderbot_small_conditional_generation", "led_conditional_generation"):
        folder = TESTS / "models" / "fixtures" / fixture
        config = transformers.AutoConfig.from_pretrained(folder)
        model = getattr(transformers, config.architectures[0]).from_pretrained(folder).eval()
        for wanted in options:
            length = 12 if config.model_type == "led" else choice.choice([1, 4, 11])  # transformers' LED takes multiples of its windows
            prompt = [choice.randrange(5, config.vocab_size) for _ in range(length)]
            with torch.no_grad():
                found = model.generate(torch.tensor([prompt]), attention_mask=torch.ones(1, len(prompt), dtype=torch.int64), do_sample=False,
                                       **wanted)
            texts = []
            for row in found[:, 1:].tolist():
                ends = [place + 1 for place, token in enumerate(row) if token == config.eos_token_id]
                texts.append(row[:ends[0]] if ends else row)
            cases.append({"fixture": fixture, "prompt": prompt, "options": wanted, "texts": texts})
    return cases


class FixedTime(datetime.datetime):
    @classmethod
    def now(cls, tz: Any = None) -> datetime.datetime:
        return TIME


def template_texts() -> list[dict[str, Any]]:
    """What transformers makes of each case: the text, or its refusal."""
    chat_template_utils.datetime = FixedTime
    results = []
    for case in json.loads((TEMPLATES / "cases.json").read_text(encoding="utf-8")):
        template = (TEMPLATES / f"{case['template']}.jinja").read_text(encoding="utf-8")
        further = case.get("special_tokens", {}) | case.get("variables", {})
        try:
            texts, _ = chat_template_utils.render_jinja_template(
                [case["messages"]], tools=case.get("tools"), documents=case.get("documents"), chat_template=template,
                add_generation_prompt=case.get("add_generation_prompt", True), **further)
            results.append({"text": texts[0]})
        except Exception as error:  # the template's own refusal, or Jinja's
            results.append({"refusal": str(error)})
    return results


def write(path: Path, value: Any) -> None:
    """One line for each element of the outermost list, so that changes can be read."""
    lines = ",\n".join(json.dumps(element, ensure_ascii=False) for element in value) if isinstance(value, list) else None
    path.write_text(f"[\n{lines}\n]\n" if lines is not None else json.dumps(value) + "\n", encoding="utf-8")


def main() -> None:
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    if transformers.__version__ != "5.5.4":
        raise SystemExit(f"transformers is {transformers.__version__}, expected 5.5.4: the fixtures are of that version")
    GENERATION.mkdir(parents=True, exist_ok=True)
    cases = logits_cases(Toy(ToyConfig(), table(1, 1.0, 0.0)))
    write(GENERATION / "logits.json", cases)
    write(GENERATION / "sampling.json", sampling_cases(cases))
    write(GENERATION / "beams.json", beam_cases())
    write(GENERATION / "answers.json", answer_cases())
    write(TEMPLATES / "expected.json", template_texts())


if __name__ == "__main__":
    main()

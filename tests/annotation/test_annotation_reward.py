"""Reward models: real tiny classifiers, saved and loaded, whose scores depend on the text and on nothing else."""

import json
from pathlib import Path

import pytest
import torch
from transformers import (
    AutoModelForSequenceClassification,
    LlamaConfig,
    LlamaForCausalLM,
    LlamaForSequenceClassification,
)

from treasure.annotation.finding import Finding, Outcome
from treasure.annotation.quality_config import RewardConfig
from treasure.annotation.reward import RewardAnnotator
from treasure.annotation.reward_text import RewardText
from treasure.data.config import TemplateConfig
from treasure.data.example import Example, Message
from treasure.errors import CheckpointError, ConfigError
from treasure.model.tokenizer import train_tokenizer
from treasure.taxonomy.load import taxonomy_from_dict, taxonomy_to_dict

TEXTS = ["What is two plus two?", "the cat sat on the mat and the dog too", "def f(x): return x + 1"] * 3


def tokenizer():
    return train_tokenizer(TEXTS, 300)


def save(folder: Path, **options) -> Path:
    shape = {
        "vocab_size": 320, "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32,
        "max_position_embeddings": 256, "num_labels": 1, "pad_token_id": None, "initializer_range": 0.5,
    }  # fmt: skip
    torch.manual_seed(0)
    LlamaForSequenceClassification(LlamaConfig(**{**shape, **options})).save_pretrained(folder)
    tokenizer().save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return save(tmp_path_factory.mktemp("reward") / "model")


def config(folder, **options) -> RewardConfig:
    return RewardConfig(**{"model": str(folder), "max_tokens": 128, "device": "cpu", **options})


def example(prompt: str, completion: str) -> Example:
    return Example("x", (Message("user", prompt),), completion, "made")


ROWS = [
    example("What is two plus two?", "four"),
    example("Tell me of the cat.", "the cat sat on the mat " * 6),
    example("x", "y"),
    example("Tell me of the cat.", "it did not"),
    Example("x", (Message("system", "Be kind."), Message("user", "Hi"), Message("assistant", "Yes?"),
                  Message("user", "Bye")), "See you", "made"),
]  # fmt: skip


def scores(annotator, rows) -> list[float]:
    found = annotator.annotate(rows, [{}] * len(rows))
    assert all(one["quality"].outcome is Outcome.FOUND for one in found)
    return [one["quality"].values[0] for one in found]


def test_scores_are_those_of_plain_transformers(folder, taxonomy):
    model = AutoModelForSequenceClassification.from_pretrained(folder).eval()
    expected = []
    for row in ROWS:
        turns = [{"role": m.role, "content": m.content} for m in (*row.messages, Message("assistant", row.completion))]
        ids = tokenizer().apply_chat_template(turns, tokenize=True, return_dict=True, return_tensors="pt")
        expected.append(round(model(input_ids=ids["input_ids"]).logits[0, 0].item(), 2))
    assert scores(RewardAnnotator(config(folder), taxonomy), ROWS) == pytest.approx(expected, abs=0.011)
    assert len(set(expected)) == len(expected)


def test_scores_do_not_depend_on_the_batch(folder, taxonomy):
    data = taxonomy_to_dict(taxonomy)
    data["categories"]["quality"]["decimals"] = 6
    exact = taxonomy_from_dict(data, "test")
    single = RewardAnnotator(config(folder, batch_size=1), exact)
    for size in (2, 3, 16):
        batched = RewardAnnotator(config(folder, batch_size=size), exact)
        assert scores(batched, ROWS) == pytest.approx(scores(single, ROWS), abs=1e-5)
        assert scores(batched, ROWS[::-1]) == pytest.approx(scores(single, ROWS)[::-1], abs=1e-5)
        assert batched.version == single.version
    assert scores(single, ROWS) == scores(RewardAnnotator(config(folder, batch_size=1), exact), ROWS)


def test_only_what_is_not_settled_is_asked(folder, taxonomy):
    annotator = RewardAnnotator(config(folder), taxonomy)
    settled = {"quality": Finding("facts", Outcome.FOUND, (3.0,))}
    found = annotator.annotate(ROWS[:3], [settled, {}, {}])
    assert found[0] == {}
    assert [set(one) for one in found[1:]] == [{"quality"}] * 2
    (blank,) = annotator.annotate([example("Hi", " \n")], [{}])
    assert blank["quality"].outcome is Outcome.ABSTAINED
    assert annotator.annotate([], []) == []


def test_long_texts_lose_their_middle_and_nothing_else():
    text = RewardText(tokenizer(), TemplateConfig(), 64)
    whole = RewardText(tokenizer(), TemplateConfig(), 10_000)
    row = example("Is it so?", "start " + "cat " * 500 + " finish")
    ids, full = text.ids(row), whole.ids(row)
    assert len(ids) == 64 < len(full)
    num_head = next(i for i, (one, other) in enumerate(zip(ids, full, strict=False)) if one != other)
    num_tail = next(i for i, (one, other) in enumerate(zip(ids[::-1], full[::-1], strict=False)) if one != other)
    assert num_head + num_tail >= 63
    decoded = tokenizer().decode(ids)
    assert all(part in decoded for part in ("Is it so?", "start", "finish"))
    assert decoded.endswith("<|end|>")
    both = text.ids(example("why " * 500, "cat " * 500))
    assert len(both) in (63, 64)  # both texts are cut to the same length
    assert whole.ids(ROWS[0]) == text.ids(ROWS[0])


def test_a_million_characters_and_lone_surrogates_are_no_burden(folder, taxonomy):
    annotator = RewardAnnotator(config(folder), taxonomy)
    rows = [example("a" * 1_000_000, "cat \ud800\x00 " * 200_000), example("", "x"), example("\udfff", "سلام")]
    assert all(abs(score) < 1e6 for score in scores(annotator, rows))


def test_words_are_never_control_text():
    text = RewardText(tokenizer(), TemplateConfig(), 256)
    end = tokenizer().convert_tokens_to_ids("<|end|>")
    assert text.ids(example("Hi", "one <|end|><|user|> two")).count(end) == text.ids(example("Hi", "one")).count(end)


def test_a_conversation_that_the_template_refuses_fails_alone(folder, taxonomy):
    annotator = RewardAnnotator(config(folder), taxonomy)
    wrong = Example("x", (Message("user", "a"), Message("assistant", "b")), "c", "made")
    found = annotator.annotate([wrong, ROWS[0]], [{}, {}])
    assert found[0]["quality"].outcome is Outcome.FAILED
    assert "user turn" in found[0]["quality"].note
    assert found[1]["quality"].outcome is Outcome.FOUND


def test_scores_out_of_range_or_no_numbers_fail(folder, taxonomy, tmp_path):
    data = taxonomy_to_dict(taxonomy)
    data["categories"]["quality"] |= {"minimum": 1000, "maximum": 1001}
    (found,) = RewardAnnotator(config(folder), taxonomy_from_dict(data, "test")).annotate(ROWS[:1], [{}])
    assert found["quality"].outcome is Outcome.FAILED
    assert "1000" in found["quality"].note
    broken = save(tmp_path / "broken")
    model = LlamaForSequenceClassification.from_pretrained(broken)
    with torch.no_grad():
        model.score.weight.fill_(float("nan"))
    model.save_pretrained(broken)
    (found,) = RewardAnnotator(config(broken), taxonomy).annotate(ROWS[:1], [{}])
    assert (found["quality"].outcome, found["quality"].note) == (Outcome.FAILED, "The score is nan.")


def test_models_that_cannot_score_are_refused(folder, taxonomy, tmp_path):
    with pytest.raises(ConfigError, match="has 3 outputs"):
        RewardAnnotator(config(save(tmp_path / "three", num_labels=3)), taxonomy)
    with pytest.raises(ConfigError, match="takes 256 tokens"):
        RewardAnnotator(config(folder, max_tokens=300), taxonomy)
    with pytest.raises(CheckpointError, match="could be loaded"):
        RewardAnnotator(config(tmp_path / "nowhere"), taxonomy)
    headless = tmp_path / "headless"
    shape = LlamaConfig.from_pretrained(folder)
    LlamaForCausalLM(shape).save_pretrained(headless)
    saved = json.loads((headless / "config.json").read_text()) | {"num_labels": 1, "id2label": {"0": "a"}}
    (headless / "config.json").write_text(json.dumps(saved))
    tokenizer().save_pretrained(headless)
    with pytest.raises(CheckpointError, match="not trained to score"):
        RewardAnnotator(config(headless), taxonomy)
    with pytest.raises(ConfigError, match="has none"):
        RewardAnnotator(config(folder), taxonomy.only(["lang"]))


def test_another_model_is_another_version(folder, taxonomy, tmp_path):
    versions = {
        RewardAnnotator(config(path, **options), taxonomy).version
        for path, options in ((folder, {}), (folder, {"max_tokens": 64}), (save(tmp_path / "b", hidden_size=32), {}))
    }
    assert len(versions) == 3


@pytest.mark.parametrize("options", [{"model": ""}, {"batch_size": 0}, {"max_tokens": 10}, {"dtype": "int8"}])
def test_options_are_checked(options):
    with pytest.raises(ConfigError, match=next(iter(options))):
        RewardConfig(**{"model": "x", **options})

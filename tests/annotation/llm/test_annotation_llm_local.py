import json
import os
import signal

import pytest
import torch
from byte_model import save_model
from llm_examples import TAXONOMY, annotate, example, numbered

from treasure.annotation.finding import Outcome
from treasure.annotation.llm.annotator import LLMAnnotator
from treasure.annotation.llm.config import LLMConfig
from treasure.errors import AnnotationError, ConfigError, Interrupted
from treasure.llm.config import LocalConfig, RunnerConfig
from treasure.stopping import stop_signals

TEMPLATE = "{% for m in messages %}<{{ m.role }}>{{ m.content }}\n{% endfor %}<assistant>"
NO_SYSTEM = "{% if messages[0].role == 'system' %}{{ raise_exception('no system') }}{% endif %}" + TEMPLATE


@pytest.fixture(autouse=True, scope="module")
def _one_thread():
    """Models of this size are slower on two."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("model")
    save_model(path)
    return path


def config(folder, tmp_path, **options):
    local = LocalConfig(batch_size=options.pop("batch_size", 3), accelerator="cpu")
    defaults = {"model": str(folder), "records": str(tmp_path / "records.sqlite"), "max_text_tokens": 60}
    return LLMConfig(**{**defaults, **options}, on_this_machine=True, local=local)


@pytest.mark.parametrize("template", [None, TEMPLATE, NO_SYSTEM], ids=["plain", "chat", "no system"])
def test_examples_get_a_label_with_its_probability_and_are_asked_once(tmp_path, template):
    folder = tmp_path / "model"
    save_model(folder, template)
    settings = config(folder, tmp_path, categories=["domain", "task"])
    results = annotate(settings, [*numbered(3), example("", "\ud800 \x00 مرحبا", name="odd")])
    for result in results:
        assert set(result) == {"domain", "task"}
        for name, finding in result.items():
            assert finding.outcome in (Outcome.FOUND, Outcome.ABSTAINED) and 0 < finding.probability <= 1
            assert set(finding.values) <= set(TAXONOMY.category(name).value_names)
    with LLMAnnotator(settings, TAXONOMY) as annotator:
        assert annotator.totals().num_sent == annotator.totals().num_answered == 8
        assert annotator.annotate(numbered(3), [{}] * 3) == results[:3]
        assert annotator.dry_run(numbered(7), [{}] * 7).num_requests == 8
        assert annotator.totals().num_sent == 8 and annotator.totals().cost == 0


def test_a_prompt_that_does_not_fit_is_a_failure_with_its_reason(tmp_path):
    folder = tmp_path / "model"
    save_model(folder, context=2600)
    short, long = example("short"), example("long " * 1000)
    settings = config(folder, tmp_path, categories=["domain"], max_text_tokens=500)
    fits, fails = annotate(settings, [short, long])
    assert fits["domain"].outcome is not Outcome.FAILED
    assert fails["domain"].outcome is Outcome.FAILED and "2600" in fails["domain"].note
    tight = config(
        folder, tmp_path, categories=["task"], max_text_tokens=500, runner=RunnerConfig(max_failures_in_a_row=2)
    )
    tight.records = str(tmp_path / "other.sqlite")
    with pytest.raises(AnnotationError, match="No prompt fits"):
        annotate(tight, [example(f"{n} " * 1000) for n in range(9)])


def test_a_folder_without_a_model_is_refused(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(ConfigError, match="cannot be loaded"):
        annotate(config(tmp_path / "empty", tmp_path, categories=["domain"]), numbered(1))
    with pytest.raises(ConfigError, match="accelerator"):
        LocalConfig(accelerator="tpu")
    with pytest.raises(ConfigError, match="batch_size"):
        LocalConfig(batch_size=0)


def test_a_signal_ends_it_after_the_batch_at_hand(folder, tmp_path):
    settings = config(folder, tmp_path, categories=["domain"], batch_size=2)
    with LLMAnnotator(settings, TAXONOMY) as annotator:
        records = annotator._open().records
        noted, keep = [], records.answered

        def answered(replies):
            keep(replies)
            noted.extend(replies)
            os.kill(os.getpid(), signal.SIGTERM)

        records.answered = answered
        with pytest.raises(Interrupted), stop_signals():
            annotator.annotate(numbered(9), [{}] * 9)
        assert len(noted) == 2 == annotator.totals().num_answered == annotator.totals().num_sent


def test_a_model_trained_anew_under_its_name_is_another_model(tmp_path):
    folder = tmp_path / "model"
    save_model(folder)
    before = LLMAnnotator(config(folder, tmp_path), TAXONOMY).version
    shape = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**shape, "note": 1}))
    assert LLMAnnotator(config(folder, tmp_path), TAXONOMY).version != before

import json
import math
import os
import signal

import pytest
import torch
from llm_examples import TAXONOMY, annotate, closed, example, numbered
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from treasure.annotation.finding import Outcome
from treasure.annotation.llm.annotator import LLMAnnotator
from treasure.annotation.llm.choice import make_choice
from treasure.annotation.llm.config import LLMConfig, LocalConfig, RunnerConfig
from treasure.annotation.llm.local import LocalModel
from treasure.annotation.llm.prompt import Request
from treasure.errors import AnnotationError, ConfigError, Interrupted
from treasure.stopping import stop_signals

TEMPLATE = "{% for m in messages %}<{{ m.role }}>{{ m.content }}\n{% endfor %}<assistant>"
NO_SYSTEM = "{% if messages[0].role == 'system' %}{{ raise_exception('no system') }}{% endif %}" + TEMPLATE


def save_model(folder, template=None, context=8192):
    """A random model over bytes."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE(vocab={letter: number for number, letter in enumerate(alphabet)}, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer)
    fast.chat_template = template
    fast.save_pretrained(folder)
    torch.manual_seed(0)
    shape = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4}
    config = LlamaConfig(vocab_size=256, num_key_value_heads=2, max_position_embeddings=context, **shape)
    model = LlamaForCausalLM(config)
    with torch.no_grad():
        model.lm_head.weight.mul_(20)  # else all labels are about as probable
    model.save_pretrained(folder)


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


def requests(count):
    """Prompts of different lengths that begin alike, and labels of which one begins another."""
    category = closed("code_type", "c", "cpp", "csharp", "go")
    return [
        Request(
            str(n), str(n), (make_choice(category, n),), "All begin like this.", f"Text {'and so on ' * (n % 4)}{n}"
        )
        for n in range(count)
    ]


def plain_log_probability(model, prompt, option):
    """One forward pass over the whole, no cache, no batch, no padding."""
    ids = torch.tensor([prompt + option])
    with torch.no_grad():
        table = model(ids).logits[0].float().log_softmax(-1)
    return sum(float(table[len(prompt) + place - 1, token]) for place, token in enumerate(option))


@pytest.mark.parametrize("batch_size", [1, 3, 50])
def test_probabilities_are_those_of_the_plain_model(folder, tmp_path, batch_size):
    local = LocalModel(config(folder, tmp_path, batch_size=batch_size))
    model = LlamaForCausalLM.from_pretrained(folder).eval()
    asked = requests(7)
    replies = [reply for start in (0, 4) for reply in local.ask(asked[start : start + 4])]  # the second keeps a prefix
    spread = []
    for request, reply in zip(asked, replies, strict=True):
        prompt = list(f"{request.system}\n\n{request.user}\n\nLabel:".encode())
        to_id = {byte: local._tokenizer(bytes([byte]).decode())["input_ids"][0] for byte in range(32, 127)}
        to_id[10] = local._tokenizer("\n")["input_ids"][0]
        logs = {
            label: plain_log_probability(
                model, [to_id[byte] for byte in prompt], [to_id[byte] for byte in f" {label}\n".encode()]
            )
            for label in request.choices[0].labels
        }
        total = math.log(sum(math.exp(log) for log in logs.values()))
        expected = {label: math.exp(log - total) for label, log in logs.items()}
        assert reply.probabilities["code_type"] == pytest.approx(expected, rel=1e-3, abs=1e-6)
        assert reply.answers["code_type"] == max(expected, key=expected.get)
        spread.append(max(expected.values()))
    assert max(spread) > 0.3 and len({reply.answers["code_type"] for reply in replies}) >= 1


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

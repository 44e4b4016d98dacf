"""vLLM gives the answers of transformers; run where vLLM is installed, in an environment of its own."""

import sys

import pytest
import tiny

from treasure.data.example import Message
from treasure.errors import ConfigError, GenerationError, LeverError, MissingExtraError
from treasure.inference.backends.build import make_backend
from treasure.inference.config import BackendConfig, BackendKind, GenerationConfig, HeaderMode, VLLMConfig
from treasure.inference.generate import Generator
from treasure.inference.request import GenerationRequest
from treasure.markers.config import MarkerMode
from treasure.markers.marker_set import MarkerSet
from treasure.model.checkpoint import load_checkpoint, save_checkpoint

LEGAL = MarkerSet.of(tiny.TAXONOMY, {"domain": "Legal", "length_tokens": 7})
MODES = pytest.mark.parametrize("mode", [MarkerMode.TOKENS, MarkerMode.NONE, MarkerMode.TEXT], ids=str)


def vllm_config(**options):
    return BackendConfig(kind=BackendKind.VLLM, vllm=VLLMConfig(memory_share=0.1, compile=False, **options))


def asked(number, **markers):
    return [GenerationRequest(e.example.messages, **markers) for e in tiny.corpus()[:number]]


def test_a_missing_package_is_told(monkeypatch, learned_folder):
    monkeypatch.setitem(sys.modules, "vllm", None)
    with pytest.raises(MissingExtraError, match=r"treasure\[serve\]"):
        make_backend(vllm_config(), GenerationConfig(), learned_folder(MarkerMode.TOKENS))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # those of vLLM about itself
@MODES
def test_answers_are_those_of_transformers(learned_folder, mode):
    pytest.importorskip("vllm")
    folder = learned_folder(mode)
    config = GenerationConfig(max_new_tokens=140, batch_size=8)
    there = make_backend(vllm_config(), config, folder)
    here = Generator(load_checkpoint(folder), config, "cpu")
    assert there.generate(asked(8)) == here.generate(asked(8))
    endless = GenerationRequest((Message("user", "1 " * 1000),))
    with pytest.raises(ConfigError, match="context of"):
        there.generate([endless])
    if mode is MarkerMode.NONE:
        with pytest.raises(LeverError, match="without markers"):
            there.generate(asked(1, forced=LEGAL))
        return
    no_math = {"domain": frozenset({"Math"})}
    requests = [*asked(4, fixed=LEGAL), *asked(4, forced=LEGAL), *asked(4, forbidden=no_math)]
    answers = there.generate(requests)
    assert [a.markers.only(["domain", "length_tokens"]) for a in answers[4:8]] == [LEGAL] * 4
    assert all("Math" not in answer.markers.values("domain") and answer.problems == () for answer in answers[8:])
    if mode is MarkerMode.TOKENS:  # as text a header that nobody would write can be spelled in several ways
        assert answers == here.generate(requests)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_a_free_header_is_what_the_model_writes_and_draws_repeat(learned_folder):
    pytest.importorskip("vllm")
    folder = learned_folder(MarkerMode.TOKENS)
    config = GenerationConfig(max_new_tokens=40, temperature=2.0, header=HeaderMode.FREE, batch_size=8)
    there = make_backend(vllm_config(), config, folder)
    first, again = there.generate(asked(6)), there.generate(asked(6))
    assert first == again
    assert any(answer.problems for answer in first)
    config.temperature = 3.0
    with pytest.raises(ConfigError, match="temperature"):
        there.generate(asked(1))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_a_model_that_vllm_has_no_code_for_is_told(tmp_path):
    pytest.importorskip("vllm")
    save_checkpoint(tiny.checkpoint(MarkerMode.TOKENS), tmp_path)  # with heads of 16
    with pytest.raises(GenerationError, match="cannot run the model"):
        make_backend(vllm_config(), GenerationConfig(batch_size=8), tmp_path).generate(asked(1))

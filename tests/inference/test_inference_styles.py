"""Inference respects where a model has met headers, which its checkpoint remembers."""

import pytest
import tiny

from treasure.data.example import Message
from treasure.data.frequency import count
from treasure.errors import ConfigError, LeverError
from treasure.evaluation.benchmarks.heldout import evaluate_heldout
from treasure.evaluation.config import fitting_regimes, regimes_of
from treasure.evaluation.record import Regime
from treasure.inference.config import GenerationConfig
from treasure.inference.generate import Generator
from treasure.inference.request import GenerationRequest
from treasure.markers.config import MarkerMode
from treasure.markers.header_style import HeaderStyle, MarkerOrder, Placement
from treasure.markers.marker_set import MarkerSet
from treasure.model.checkpoint import load_checkpoint, save_checkpoint

LEGAL = MarkerSet.of(tiny.TAXONOMY, {"domain": "Legal"})
ASKED = (Message("user", "What is 2 plus 1?"),)
PLAIN, FIXED, FORCED = (
    GenerationRequest(ASKED),
    GenerationRequest(ASKED, fixed=LEGAL),
    GenerationRequest(ASKED, forced=LEGAL),
)
PROMPT, COMPLETION = HeaderStyle(Placement.PROMPT), HeaderStyle(Placement.COMPLETION)
GIVEN = HeaderStyle(Placement.COMPLETION, is_learned=False)
SHORT = GenerationConfig(max_new_tokens=4)


def generator(style: HeaderStyle, mode: MarkerMode = MarkerMode.TOKENS) -> Generator:
    return Generator(tiny.checkpoint(mode, style=style), SHORT)


@pytest.mark.parametrize("style", [PROMPT, COMPLETION, GIVEN, HeaderStyle(order=MarkerOrder.SHUFFLED)], ids=str)
def test_a_checkpoint_remembers_its_headers(style, tmp_path):
    save_checkpoint(tiny.checkpoint(MarkerMode.TOKENS, style=style), tmp_path / "model")
    assert load_checkpoint(tmp_path / "model").style == style


@pytest.mark.parametrize(
    ("style", "request_", "told"),
    [
        (PROMPT, FORCED, "no header before its answers.*Fix markers in the prompt"),
        (COMPLETION, FIXED, "no markers in prompts.*force: value"),
        (GIVEN, PLAIN, "header_loss_weight was 0.*force: value"),
    ],
    ids=["forced without header", "fixed without prompt header", "nothing given"],
)
def test_what_makes_no_sense_is_refused_with_what_does(style, request_, told):
    with pytest.raises(LeverError, match=told):
        generator(style).generate([request_])


def test_a_baseline_has_neither():
    baseline = generator(HeaderStyle(), MarkerMode.NONE)
    assert len(baseline.generate([PLAIN])) == 1
    for request in (FIXED, FORCED):
        with pytest.raises(LeverError, match="trained without markers"):
            baseline.generate([request])


@pytest.mark.parametrize("mode", [MarkerMode.TOKENS, MarkerMode.WORDS], ids=str)
def test_without_a_completion_header_all_that_is_written_is_content(mode):
    asked = generator(PROMPT, mode)
    for answer in asked.generate([PLAIN, FIXED]):
        assert answer.markers == MarkerSet() and answer.problems == ()
        assert answer.num_tokens <= SHORT.max_new_tokens, "no room is kept for a header"


def test_a_header_that_must_be_given_is_the_forced_markers_alone():
    (answer,) = generator(GIVEN).generate([FORCED])
    assert answer.markers == LEGAL


def test_a_shuffled_model_is_not_told_off_for_its_order():
    surface_text = "<|markers|><|lang=French|><|domain=Legal|><|/markers|>x"
    for order, problems in ((MarkerOrder.CANONICAL, 1), (MarkerOrder.SHUFFLED, 0)):
        asked = generator(HeaderStyle(order=order))
        ids = asked._checkpoint.tokenizer(surface_text, add_special_tokens=False)["input_ids"]
        parsed = asked._read(ids, frozenset())
        assert (len(parsed.problems), parsed.content) == (problems, "x")
        assert parsed.markers.to_dict() == {"domain": "Legal", "lang": "French"}


def test_regimes_follow_the_style():
    assert regimes_of(HeaderStyle()) == (Regime.INFERRED, Regime.FIXED, Regime.FORCED, Regime.ORACLE)
    assert regimes_of(PROMPT) == (Regime.INFERRED, Regime.FIXED, Regime.ORACLE)
    assert regimes_of(COMPLETION) == (Regime.INFERRED, Regime.FORCED, Regime.ORACLE)
    assert regimes_of(GIVEN) == (Regime.FORCED, Regime.ORACLE)
    assert fitting_regimes(["forced", "fixed"], PROMPT, "o") == [Regime.FIXED]
    with pytest.raises(ConfigError, match=r"o names fixed, but with markers.placement=completion.*inferred, forced"):
        fitting_regimes(["fixed"], COMPLETION, "o")


@pytest.mark.parametrize(
    ("style", "regime", "has_header"),
    [(PROMPT, Regime.FIXED, False), (GIVEN, Regime.FORCED, True), (COMPLETION, Regime.INFERRED, True)],
    ids=["prompt", "given", "completion"],
)
def test_held_out_loss_is_scored_after_the_header_there_is(style, regime, has_header):
    found, examples = tiny.checkpoint(MarkerMode.TOKENS, style=style), tiny.corpus(3)
    records = evaluate_heldout(
        found, Generator(found, SHORT), examples, [regime], count(examples, tiny.TAXONOMY),
        room=found.encoder, tail_threshold=0.3, seed=0, step=1,
    )  # fmt: skip
    assert len(records) == 3
    if regime is Regime.FORCED:
        assert [record.predicted for record in records] == [example.markers.to_dict() for example in examples]
    assert has_header or all(record.predicted == {} for record in records)
    wrong = Regime.FORCED if style is PROMPT else Regime.FIXED
    with pytest.raises(ConfigError, match=f"no regime '{wrong}' here"):
        evaluate_heldout(
            found, Generator(found, SHORT), examples, [wrong], count(examples, tiny.TAXONOMY),
            room=found.encoder, tail_threshold=0.3, seed=0, step=1,
        )  # fmt: skip

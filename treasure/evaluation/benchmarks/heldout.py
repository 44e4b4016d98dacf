"""Held-out loss: how well a model predicts the answers of examples it never saw, for data without an oracle.

Regimes: `baseline` and `inferred` have no markers in the prompt, `fixed` all that are known of the example. A marked
model writes its header first, by itself; the answer is then scored after that header. Where there is no prompt header,
`forced` gives all known markers as the header of the answer. Only tokens of the answer count, so the numbers of models
with and without markers can be compared.
"""

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from tqdm import tqdm

from treasure.data.example import MarkedExample
from treasure.data.frequency import Frequency
from treasure.data.overflow import length_with_room
from treasure.data.tokenize import Encoder
from treasure.errors import ConfigError
from treasure.evaluation.config import check_heldout_regimes
from treasure.evaluation.record import EvaluationRecord, Regime
from treasure.inference.generate import Generator
from treasure.inference.request import GenerationRequest
from treasure.markers.marker_set import MarkerSet
from treasure.model.checkpoint import Checkpoint

BENCHMARK = "heldout"


def evaluate_heldout(
    checkpoint: Checkpoint,
    generator: Generator,
    examples: Sequence[MarkedExample],
    regimes: Sequence[Regime],
    frequency: Frequency,
    *,
    room: Encoder,
    tail_threshold: float,
    seed: int,
    step: int,
    option: str = "benchmark.regimes",
) -> list[EvaluationRecord]:
    """One record an example and regime, with `content_loss` in nats a token.

    Examples that would not fit the context with the headers of `room` are left out, for every model alike. `option`
    is where the regimes come from.

    Raises:
        ConfigError: there is no example, none is short enough for the context, or a regime makes no sense here.
    """
    check_heldout_regimes(regimes, checkpoint.style, option)
    kept = fitting_examples(checkpoint, examples, room)
    records: list[EvaluationRecord] = []
    for regime in regimes:
        given = [example.markers if regime is Regime.FIXED else MarkerSet() for example in kept]
        headers: list[MarkerSet | None] = [example.markers for example in kept]
        if regime is not Regime.FORCED:
            headers = _headers(checkpoint, generator, kept, given)
        bar = tqdm(kept, desc=f"step {step} · heldout · {regime}", unit="example", leave=False)
        for example, fixed, header in zip(bar, given, headers, strict=True):
            loss = _content_loss(checkpoint, example, fixed, header)
            records.append(_record(example, fixed, header, loss, regime, frequency, tail_threshold, seed, step))
    return records


def fitting_examples(checkpoint: Checkpoint, examples: Sequence[MarkedExample], room: Encoder) -> list[MarkedExample]:
    """Those of `examples` that fit the context of `checkpoint` with the headers of `room`.

    Raises:
        ConfigError: there is none, or none fits.
    """
    if not examples:
        raise ConfigError(
            "No prompt was held out, so there is nothing to evaluate. Raise data.validation_fraction, such as "
            "data.validation_fraction=0.3."
        )
    rows = zip(examples, checkpoint.encoder.encode(examples), strict=True)
    lengths = [length_with_room(row, room.header_length(marked.markers)) for marked, row in rows]
    kept = [marked for marked, length in zip(examples, lengths, strict=True) if length <= checkpoint.max_length]
    if not kept:
        raise ConfigError(
            f"None of {len(examples)} held-out examples fits into the context of {checkpoint.max_length} tokens; the "
            f"shortest takes {min(lengths)} with its headers. Raise model.max_length, or hold out more by "
            "data.validation_fraction."
        )
    return kept


def _headers(
    checkpoint: Checkpoint, generator: Generator, examples: Sequence[MarkedExample], given: Sequence[MarkerSet]
) -> list[MarkerSet | None]:
    """The header that a marked model writes before each answer; None for a model that writes none."""
    if checkpoint.surface is None or not checkpoint.style.in_completion:
        return [None] * len(examples)
    requests = [GenerationRequest(e.example.messages, fixed) for e, fixed in zip(examples, given, strict=True)]
    return list(generator.headers(requests))


@torch.inference_mode()
def _content_loss(checkpoint: Checkpoint, example: MarkedExample, fixed: MarkerSet, header: MarkerSet | None) -> float:
    encoder = checkpoint.encoder
    before = encoder.prompt_ids(example.example.messages, fixed)
    if header is not None:
        before += encoder.header_ids(header)
    content = encoder.encode([example])[0].content_ids.tolist()
    device = next(checkpoint.model.parameters()).device
    ids = torch.tensor([before + content], device=device)
    logits = checkpoint.model(input_ids=ids, use_cache=False).logits[0, len(before) - 1 : -1].float()
    return float(F.cross_entropy(logits, ids[0, len(before) :]))


def _record(
    example: MarkedExample,
    fixed: MarkerSet,
    header: MarkerSet | None,
    loss: float,
    regime: Regime,
    frequency: Frequency,
    tail_threshold: float,
    seed: int,
    step: int,
) -> EvaluationRecord:
    assert math.isfinite(loss)
    names = [name for name in example.markers.categories if name in frequency.categories]
    slices = {name: str(example.markers.value(name)) for name in names}
    return EvaluationRecord(
        benchmark=BENCHMARK,
        prompt_id=example.example.id,
        regime=regime,
        seed=seed,
        step=step,
        prompt=example.example.prompt,
        content=example.example.completion,
        scores={"content_loss": loss},
        slices={**slices, "dataset": example.example.dataset},
        groups={name: frequency.group(name, value, tail_threshold) for name, value in slices.items()},
        levers=fixed.to_dict(),
        predicted={} if header is None else header.to_dict(),
        truth=example.markers.to_dict(),
    )

"""The most probable headers of an answer, found by a beam over ids that keeps to the grammar of headers.

A beam of width 1 is greedy decoding: the most probable allowed id each time. It is not the most probable marker each
time, since a marker may be written with several ids; a beam over whole markers would begin elsewhere. A wider beam may
find headers that are more probable than the greedy one, and never fails to hold the best where it is as wide as there
are beginnings of headers. Log probabilities are those of the model over all ids, not only the allowed ones.
"""

import heapq
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from treasure.errors import ConfigError, LeverError
from treasure.inference.cache import layers_of, roomy_cache
from treasure.inference.decode import DecodeSettings, is_plain
from treasure.inference.generate import Generator
from treasure.inference.header_grammar import HeaderState
from treasure.inference.request import GenerationRequest

# R rows, T places, V vocabulary


@dataclass(frozen=True, slots=True)
class FoundHeader:
    """The ids of a whole header, opening and closing included, and their log probability behind the prompt."""

    ids: tuple[int, ...]
    log_probability: float


@dataclass(frozen=True, slots=True)
class _Beam:
    """A header being written; `row` is the row of the batch that has read all its ids but the last."""

    ids: tuple[int, ...]
    log_probability: float
    state: HeaderState
    row: int


def top_headers(
    generator: Generator, requests: Sequence[GenerationRequest], num_headers: int
) -> list[list[FoundHeader]]:
    """For each request up to `num_headers` headers, the most probable first, at least one.

    There are fewer where the grammar has no more, or where beginnings crowd a header out that is already over.

    Raises:
        LeverError: the model writes no header by itself, or keeps other things than keys and values of all places.
        ConfigError: a prompt and a header have more tokens than the model has positions.
    """
    checkpoint = generator.checkpoint
    begun = generator.begin(requests, needs_header=True, constrained=True)
    if not checkpoint.style.writes_header:
        raise LeverError("This model never learned to write headers, so it finds none likely. Force markers instead.")
    if not is_plain(checkpoint.model):
        raise LeverError(
            "A beam shares what was read of the prompt, and this model keeps other things than keys and values of all "
            "places (a state, or windows). Take greedy headers."
        )
    settings = generator.settings(begun.stop)
    room = settings.max_new_tokens - generator.config.max_new_tokens
    longest = max(map(len, begun.starts), default=0) + room
    if settings.num_positions is not None and longest > settings.num_positions:
        raise ConfigError(
            f"A prompt and its longest header have {longest} tokens, and this model has {settings.num_positions} "
            "positions. Shorten the prompt."
        )
    order = sorted(range(len(requests)), key=lambda i: -len(begun.starts[i]))
    size = max(1, settings.batch_size // num_headers)
    found: list[list[FoundHeader]] = [[] for _ in requests]
    for first in range(0, len(order), size):
        chosen = order[first : first + size]
        states = [state for i in chosen if (state := begun.constraints[i]) is not None]
        search = _Search(
            checkpoint.model, [begun.prompts[i] for i in chosen], begun.prefixes[chosen[0]], states, num_headers
        )
        for i, headers in zip(chosen, search.run(settings), strict=True):
            found[i] = headers
    return found


class _Search:
    """Beams of several prompts, all behind the same `opening`; a row of the cache for each beam."""

    def __init__(
        self,
        model: nn.Module,
        prompts: Sequence[list[int]],
        opening: list[int],
        states: Sequence[HeaderState],
        width: int,
    ) -> None:
        assert len(states) == len(prompts), "each header is held to the grammar"
        self._model, self._prompts, self._opening, self._width = model, prompts, opening, width
        self._device = next(model.parameters()).device
        self._cache = roomy_cache(model.config.get_text_config(decoder=True).num_hidden_layers)  # pyright: ignore
        self._beams = [[_Beam(tuple(opening), 0.0, state, row)] for row, state in enumerate(states)]
        self._found: list[list[FoundHeader]] = [[] for _ in prompts]

    @torch.inference_mode()
    def run(self, settings: DecodeSettings) -> list[list[FoundHeader]]:
        """The headers of each prompt, the most probable first."""
        logs = self._read_prompts(settings.pad)
        while any(self._beams):
            self._beams = [self._grown(i, logs) for i in range(len(self._prompts))]
            logs = self._read_newest()
        return [sorted(found, key=lambda header: -header.log_probability) for found in self._found]

    def _read_prompts(self, pad: int) -> Tensor:
        """Log probabilities [R V] behind prompts and opening, which is counted into the beams."""
        starts = [prompt + self._opening for prompt in self._prompts]
        width = max(map(len, starts))
        ids = torch.tensor([[pad] * (width - len(start)) + start for start in starts], device=self._device)
        self._mask = torch.tensor([[0] * (width - len(s)) + [1] * len(s) for s in starts], device=self._device)
        positions = (self._mask.cumsum(-1) - 1).clamp(min=0)
        logs = self._forward(ids, positions, num_kept=len(self._opening) + 1)
        self._positions = positions[:, -1:]
        for row, beams in enumerate(self._beams):
            given = sum(float(logs[row, place, token]) for place, token in enumerate(self._opening))
            self._beams[row] = [_Beam(beam.ids, given, beam.state, beam.row) for beam in beams]
        return logs[:, -1]

    def _grown(self, prompt: int, logs: Tensor) -> list[_Beam]:
        """The best beams of a prompt that are one id longer; headers that are over are put aside."""
        candidates: list[tuple[float, int, _Beam]] = []
        for beam in self._beams[prompt]:
            allowed = sorted(beam.state.allowed)
            values = logs[beam.row, allowed].tolist()
            candidates += [
                (beam.log_probability + value, token, beam) for value, token in zip(values, allowed, strict=True)
            ]
        found, grown = self._found[prompt], list[_Beam]()
        for total, token, beam in sorted(candidates, key=lambda candidate: -candidate[0]):
            if len(grown) == self._width or total <= self._least(found):
                break  # no longer header can be more probable than its beginning
            state, ids = beam.state.step(token), (*beam.ids, token)
            if state is None:
                found.append(FoundHeader(ids, total))
                self._found[prompt] = found = heapq.nlargest(self._width, found, key=lambda h: h.log_probability)
            else:
                grown.append(_Beam(ids, total, state, beam.row))
        return grown

    def _least(self, found: Sequence[FoundHeader]) -> float:
        """What a header must be more probable than."""
        return min(header.log_probability for header in found) if len(found) == self._width else float("-inf")

    def _read_newest(self) -> Tensor:
        """Log probabilities [R V] behind the newest id of each beam, which get new rows."""
        beams = [beam for beams in self._beams for beam in beams]
        if not beams:
            return torch.empty(0)
        rows = torch.tensor([beam.row for beam in beams], device=self._device)
        for layer in layers_of(self._cache):
            layer.keep(rows, 0)
        self._mask = nn.functional.pad(self._mask[rows], (0, 1), value=1)
        self._positions = self._positions[rows] + 1
        ids = torch.tensor([[beam.ids[-1]] for beam in beams], device=self._device)
        numbered = iter(range(len(beams)))
        self._beams = [
            [_Beam(beam.ids, beam.log_probability, beam.state, next(numbered)) for beam in beams]
            for beams in self._beams
        ]
        return self._forward(ids, self._positions, num_kept=1)[:, -1]

    def _forward(self, ids: Tensor, positions: Tensor, num_kept: int) -> Tensor:
        """Log probabilities [R num_kept V] behind the last places."""
        output: Any = self._model(
            input_ids=ids, attention_mask=self._mask, position_ids=positions, past_key_values=self._cache,
            use_cache=True, logits_to_keep=num_kept,
        )  # fmt: skip
        return output.logits.float().log_softmax(-1)

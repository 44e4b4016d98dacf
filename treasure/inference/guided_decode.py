"""Decodes each answer with several prompts at once, whose next-token log probabilities are added with weights.

    log p(id) = sum over views v of w_v log p_v(id) + constant,  weights w_v adding up to 1

The views of an answer are rows of one batch and go on with the same ids. The normalizers of the views are constant over
ids, so logits stand in for log probabilities; a single view of weight 1 is plain decoding.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from treasure.inference.cache import layers_of, roomy_cache
from treasure.inference.decode import Constraint, DecodeSettings, pick

# G answers, B rows (all views of all answers), T places, V vocabulary

_DONE_SHARE = 0.25
"""Share of answers that are done before their rows leave: each time costs a copy of the cache."""


@dataclass(frozen=True, slots=True)
class GuidedPrompts:
    """The prompts of one answer's views, and the weight of each; all of them end where the answer goes on.

    The last `num_written` ids of each prompt are of the answer itself and count for `max_new_tokens`.
    """

    prompts: tuple[list[int], ...]
    weights: tuple[float, ...]
    num_written: int = 0

    def room(self, settings: DecodeSettings) -> int:
        """New ids that the answer may have; the last of them is never read, so it needs no position."""
        wanted, positions = settings.max_new_tokens - self.num_written, settings.num_positions
        return wanted if positions is None else min(wanted, positions - max(map(len, self.prompts)) + 1)


@torch.inference_mode()
def guided_decode(
    model: nn.Module,
    answers: Sequence[GuidedPrompts],
    settings: DecodeSettings,
    on_done: Callable[[int], object],
    constraints: Sequence[Constraint | None],
    numbers: Sequence[int] | None = None,
) -> list[list[int]]:
    """The new ids of each answer, up to and including the first stop; `on_done` is told how many answers are done.

    `model` is one of which `decode.is_plain` holds. `constraints` say what each answer may begin with. `numbers` are
    those of the answers, by which draws are keyed; without, they are counted from 0. At most `settings.batch_size` rows
    run together, or the views of one answer.
    """
    found: list[list[int]] = [[] for _ in answers]
    for chosen in _batches(answers, settings):
        keys = chosen if numbers is None else [numbers[i] for i in chosen]
        batch = _Batch(model, keys, [answers[i] for i in chosen], settings, [constraints[i] for i in chosen])
        while batch.has_work:
            on_done(batch.step())
        for i, ids in zip(chosen, batch.found, strict=True):
            found[i] = ids
    return found


def _batches(answers: Sequence[GuidedPrompts], settings: DecodeSettings) -> Iterator[list[int]]:
    """Numbers of answers that run together, long prompts first; those without any room are in none."""
    chosen: list[int] = []
    num_rows = 0
    for i in sorted(range(len(answers)), key=lambda i: -max(map(len, answers[i].prompts))):
        if answers[i].room(settings) < 1:
            continue
        if chosen and num_rows + len(answers[i].prompts) > settings.batch_size:
            yield chosen
            chosen, num_rows = [], 0
        chosen.append(i)
        num_rows += len(answers[i].prompts)
    if chosen:
        yield chosen


class _Batch:
    """Answers being decoded: `_left` are those that run, `_owner` [B] is the place in `_left` of each row."""

    def __init__(
        self,
        model: nn.Module,
        numbers: Sequence[int],
        answers: Sequence[GuidedPrompts],
        settings: DecodeSettings,
        constraints: Sequence[Constraint | None],
    ) -> None:
        self._model, self._numbers, self._answers, self._settings = model, numbers, answers, settings
        self._constraints = list(constraints)
        self.found: list[list[int]] = [[] for _ in answers]
        self._left = list(range(len(answers)))
        self._done = [False] * len(answers)
        self._device = next(model.parameters()).device
        prompts = [prompt for answer in answers for prompt in answer.prompts]
        width = max(map(len, prompts))
        padded = [[settings.pad] * (width - len(prompt)) + prompt for prompt in prompts]
        lengths = torch.tensor([len(prompt) for prompt in prompts], device=self._device)
        self._ids = torch.tensor(padded, device=self._device)
        self._mask = (torch.arange(width, device=self._device) >= (width - lengths)[:, None]).long()
        self._positions = (self._mask.cumsum(-1) - 1).clamp(min=0)
        self._cache = roomy_cache(model.config.get_text_config(decoder=True).num_hidden_layers)  # pyright: ignore
        self._weights = torch.tensor([w for answer in answers for w in answer.weights], device=self._device)
        self._owner = self._owners()

    @property
    def has_work(self) -> bool:
        """Whether an answer is not done."""
        return not all(self._done)

    def step(self) -> int:
        """Writes one id for each answer; how many it ended."""
        ids = pick(self._combined(), *self._bound_and_keys(), self._settings)
        num_ended = self._note(ids.tolist())
        if sum(self._done) >= _DONE_SHARE * len(self._left):
            kept = [place for place, is_done in enumerate(self._done) if not is_done]
            self._keep(torch.tensor(kept, dtype=torch.long, device=self._device))
            ids, self._left, self._done = ids[kept], [self._left[place] for place in kept], [False] * len(kept)
            self._owner = self._owners()
        self._ids = ids[self._owner][:, None]
        self._mask = nn.functional.pad(self._mask, (0, 1), value=1)
        self._positions = self._positions[:, -1:] + 1
        if self._settings.num_positions is not None:  # an answer that is done may stay past its end for a while
            self._positions = self._positions.clamp(max=self._settings.num_positions - 1)
        return num_ended

    def _combined(self) -> Tensor:
        """Weighted sums of the views' logits [G V] behind the last place."""
        output: Any = self._model(
            input_ids=self._ids, attention_mask=self._mask, position_ids=self._positions, past_key_values=self._cache,
            use_cache=True, logits_to_keep=1,
        )  # fmt: skip
        weighted = output.logits[:, -1].float() * self._weights[:, None]
        return weighted.new_zeros(len(self._left), weighted.shape[1]).index_add_(0, self._owner, weighted)

    def _bound_and_keys(self) -> tuple[list[tuple[int, frozenset[int]]], list[tuple[int, int]]]:
        bound = [(row, c.allowed) for row, i in enumerate(self._left) if (c := self._constraints[i]) is not None]
        keys = [(self._numbers[i], self._answers[i].num_written + len(self.found[i])) for i in self._left]
        return bound, keys

    def _note(self, ids: list[int]) -> int:
        """Takes down the newest id of each answer that is not done; how many of them it ends."""
        num_ended = 0
        for place, i in enumerate(self._left):
            if self._done[place]:
                continue
            row, constraint = self.found[i], self._constraints[i]
            row.append(ids[place])
            if constraint is not None:
                self._constraints[i] = constraint.step(ids[place])
            self._done[place] = ids[place] in self._settings.stop or len(row) >= self._answers[i].room(self._settings)
            num_ended += self._done[place]
        return num_ended

    def _keep(self, places: Tensor) -> None:
        """Keeps the rows of the answers at `places` alone, and no places in front that none of them needs."""
        rows = torch.isin(self._owner, places).nonzero()[:, 0]
        self._weights, self._mask, self._positions = self._weights[rows], self._mask[rows], self._positions[rows]
        first = int(self._mask.argmax(-1).min()) if len(rows) else 0
        self._mask = self._mask[:, first:]
        for layer in layers_of(self._cache):
            layer.keep(rows, first)

    def _owners(self) -> Tensor:
        num_views = [len(self._answers[i].prompts) for i in self._left]
        sizes = torch.tensor(num_views, dtype=torch.long, device=self._device)
        return torch.arange(len(self._left), device=self._device).repeat_interleave(sizes)

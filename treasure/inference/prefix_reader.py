"""Next-token probabilities behind many beginnings of the same texts, each of which is read once.

A text is a prompt and a header; a `Place` is behind some of its ids and maybe others that it does not hold.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn
from transformers.cache_utils import Cache, DynamicLayer

from treasure.errors import ConfigError
from treasure.inference.decode import is_plain

# B texts, N places, K last places of a text, T ids of the longest text, D ids of the longest path, V vocabulary


@dataclass(frozen=True, slots=True)
class Place:
    """Behind the first `length` ids of text `text`, at least one, and then the ids in `path`."""

    text: int
    length: int
    path: tuple[int, ...] = ()


class PrefixReader(Protocol):
    """Knows texts, and what a model expects behind any place of them."""

    def log_probabilities(self, places: Sequence[Place], wanted: Sequence[np.ndarray]) -> list[np.ndarray]:
        """For each place the log probability of its `wanted` ids as next ones, among all of the vocabulary."""
        ...


def read_prefixes(
    model: nn.Module, texts: Sequence[Sequence[int]], back: int, *, pad: int, batch_size: int, longest: int | None
) -> PrefixReader:
    """Reads `texts`; places will lie at most `back` ids before the end of one.

    A model of which `is_plain` holds reads each once, and what it keeps of a text is shared by all places. Any other
    reads the whole beginning for each path, without padding: right for all models, and slower.

    Raises:
        ConfigError: a text has more ids than the `longest` that the model has positions for.
    """
    most = max(map(len, texts))
    if longest is not None and most > longest:
        raise ConfigError(
            f"A prompt with its header has {most} tokens, and this model has {longest} positions. Shorten the prompt."
        )
    if is_plain(model):
        return _SharedReader(model, texts, back, pad, batch_size)
    return _WholeReader(model, texts, batch_size)


class _SharedReader:
    """Keeps the keys and values of all texts, padded on the left, and the log probabilities [B K V] at their ends."""

    def __init__(self, model: nn.Module, texts: Sequence[Sequence[int]], back: int, pad: int, batch_size: int) -> None:
        self._model, self._batch_size = model, batch_size
        self._device = next(model.parameters()).device
        self._lengths = torch.tensor([len(text) for text in texts], device=self._device)
        self._width = int(self._lengths.max())
        padded = [[pad] * (self._width - len(text)) + list(text) for text in texts]
        real = torch.arange(self._width, device=self._device) >= (self._width - self._lengths)[:, None]
        self._cache = Cache(layers=[DynamicLayer() for _ in range(self._num_layers)])
        self._kept = min(back + 1, self._width)
        logits = self._forward(
            torch.tensor(padded, device=self._device), real.long(), (real.cumsum(-1) - 1).clamp(min=0), self._cache,
            self._kept,
        )  # fmt: skip
        self._log_probabilities = logits.float().log_softmax(-1)

    def log_probabilities(self, places: Sequence[Place], wanted: Sequence[np.ndarray]) -> list[np.ndarray]:
        """See `PrefixReader`."""
        found: list[np.ndarray] = [np.zeros(0)] * len(places)
        order = sorted(range(len(places)), key=lambda i: len(places[i].path))
        for start in range(0, len(order), self._batch_size):
            chosen = order[start : start + self._batch_size]
            for i, row in zip(chosen, self._rows([places[i] for i in chosen]), strict=True):
                ids = torch.from_numpy(wanted[i]).to(self._device)
                found[i] = row[ids].cpu().numpy().astype(np.float64)
        return found

    def _rows(self, places: list[Place]) -> Iterator[Tensor]:
        """The log probabilities [V] behind each of `places`, those without a path first."""
        bare = [place for place in places if not place.path]
        for place in bare:
            yield self._log_probabilities[place.text, self._kept - int(self._lengths[place.text]) + place.length - 1]
        if len(bare) < len(places):
            yield from self._extended(places[len(bare) :])

    @torch.inference_mode()
    def _extended(self, places: list[Place]) -> Tensor:
        """The log probabilities [N V] behind paths: texts are not read again, and what they hold behind is hidden."""
        texts = torch.tensor([place.text for place in places], device=self._device)
        lengths = torch.tensor([place.length for place in places], device=self._device)
        depths = torch.tensor([len(place.path) for place in places], device=self._device)
        deepest = int(depths.max())
        first = (self._width - self._lengths[texts])[:, None]
        columns = torch.arange(self._width, device=self._device)
        seen = (columns >= first) & (columns < first + lengths[:, None])
        ids = torch.tensor([[0] * (deepest - len(place.path)) + list(place.path) for place in places])
        places_in_path = torch.arange(deepest, device=self._device) - (deepest - depths)[:, None]
        mask = torch.cat([seen, places_in_path >= 0], dim=1).long()
        positions = (lengths[:, None] + places_in_path).clamp(min=0)
        logits = self._forward(ids.to(self._device), mask, positions, self._taken(texts), 1)
        return logits[:, -1].float().log_softmax(-1)

    def _taken(self, texts: Tensor) -> Cache:
        """A cache of its own with the keys and values of `texts` [N]."""
        taken = Cache(layers=[DynamicLayer() for _ in range(self._num_layers)])
        for index, layer in enumerate(self._cache.layers):
            assert layer.keys is not None and layer.values is not None, "the texts have been read"
            taken.update(layer.keys[texts], layer.values[texts], index)
        return taken

    @property
    def _num_layers(self) -> int:
        return self._model.config.get_text_config(decoder=True).num_hidden_layers  # pyright: ignore

    @torch.inference_mode()
    def _forward(self, ids: Tensor, mask: Tensor, positions: Tensor, cache: Cache, kept: int) -> Tensor:
        output: Any = self._model(
            input_ids=ids, attention_mask=mask, position_ids=positions, past_key_values=cache, use_cache=True,
            logits_to_keep=kept,
        )  # fmt: skip
        return output.logits


class _WholeReader:
    """Reads whole beginnings, those of one length together."""

    def __init__(self, model: nn.Module, texts: Sequence[Sequence[int]], batch_size: int) -> None:
        self._model, self._texts, self._batch_size = model, texts, batch_size
        self._device = next(model.parameters()).device

    def log_probabilities(self, places: Sequence[Place], wanted: Sequence[np.ndarray]) -> list[np.ndarray]:
        """See `PrefixReader`."""
        by_ids: dict[tuple[int, ...], list[int]] = defaultdict(list)
        for i, place in enumerate(places):
            text = self._texts[place.text]
            by_ids[tuple(text) if not place.path else (*text[: place.length], *place.path)].append(i)
        found: list[np.ndarray] = [np.zeros(0)] * len(places)
        for chosen in self._batches(list(by_ids)):
            for ids, rows in zip(chosen, self._forward(chosen), strict=True):
                for i in by_ids[ids]:
                    last = len(ids) - 1 if places[i].path else places[i].length - 1
                    row = rows[last].float().log_softmax(-1)
                    found[i] = row[torch.from_numpy(wanted[i]).to(self._device)].cpu().numpy().astype(np.float64)
        return found

    def _batches(self, texts: list[tuple[int, ...]]) -> Iterator[list[tuple[int, ...]]]:
        by_length: dict[int, list[tuple[int, ...]]] = defaultdict(list)
        for text in texts:
            by_length[len(text)].append(text)
        for same in by_length.values():
            for start in range(0, len(same), self._batch_size):
                yield same[start : start + self._batch_size]

    @torch.inference_mode()
    def _forward(self, texts: list[tuple[int, ...]]) -> Tensor:
        ids = torch.tensor(texts, device=self._device)
        output: Any = self._model(input_ids=ids, attention_mask=torch.ones_like(ids))
        return output.logits

"""Next-token probabilities behind many beginnings of the same texts, each of which is read once.

A text is a prompt and a header; a `Place` is behind some of its ids and maybe others that it does not hold.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn
from transformers.cache_utils import Cache, DynamicLayer

from treasure.errors import ConfigError
from treasure.inference.decode import is_plain

# N places, V vocabulary

_LOGITS_AT_ONCE = 30_000_000
"""Numbers in the logits of whole texts, which are there at once."""


@dataclass(frozen=True, slots=True)
class Place:
    """Behind the first `length` ids of text `text`, at least one, and then the ids in `path`."""

    text: int
    length: int
    path: tuple[int, ...] = ()


class PrefixReader(Protocol):
    """Knows texts, and what a model expects behind any place of them."""

    def log_probabilities(self, places: Sequence[Place], wanted: Sequence[np.ndarray]) -> list[np.ndarray]:
        """For each place the log probability of its `wanted` ids as next ones, among all of the vocabulary.

        Raises:
            ConfigError: a place is behind more ids than the model has positions for.
        """
        ...


def read_prefixes(
    model: nn.Module, texts: Sequence[Sequence[int]], *, pad: int, batch_size: int, longest: int | None
) -> PrefixReader:
    """Reads `texts`, to tell what is expected at `batch_size` places at a time.

    A model of which `is_plain` holds reads each once, and what it keeps of a text is shared by all places. Any other
    reads the whole beginning for each path, without padding: right for all models, and slower.

    Raises:
        ConfigError: a text has more ids than the `longest` that the model has positions for.
    """
    _check_positions(map(len, texts), longest)
    if is_plain(model):
        return _SharedReader(model, texts, pad, batch_size, longest)
    return _WholeReader(model, texts, batch_size, longest)


def _check_positions(lengths: Iterable[int], longest: int | None) -> None:
    most = max(lengths, default=0)
    if longest is not None and most > longest:
        raise ConfigError(
            f"A prompt with its header has {most} tokens, and this model has {longest} positions. Shorten the prompt."
        )


class _SharedReader:
    """Keeps the keys and values of all texts, padded on the left; the id before a place is read once more.

    So only the logits of places that are asked about are ever there, however many ids the vocabulary has.
    """

    def __init__(
        self, model: nn.Module, texts: Sequence[Sequence[int]], pad: int, batch_size: int, longest: int | None
    ) -> None:
        self._model, self._texts, self._batch_size, self._longest = model, texts, batch_size, longest
        self._device = next(model.parameters()).device
        self._lengths = torch.tensor([len(text) for text in texts], device=self._device)
        self._width = int(self._lengths.max())
        padded = [[pad] * (self._width - len(text)) + list(text) for text in texts]
        real = torch.arange(self._width, device=self._device) >= (self._width - self._lengths)[:, None]
        self._cache = Cache(layers=[DynamicLayer() for _ in range(self._num_layers)])
        positions = (real.cumsum(-1) - 1).clamp(min=0)
        self._forward(torch.tensor(padded, device=self._device), real.long(), positions, self._cache)

    def log_probabilities(self, places: Sequence[Place], wanted: Sequence[np.ndarray]) -> list[np.ndarray]:
        """See `PrefixReader`."""
        _check_positions((place.length + len(place.path) for place in places), self._longest)
        found: list[np.ndarray] = [np.zeros(0)] * len(places)
        order = sorted(range(len(places)), key=lambda i: len(places[i].path))
        for start in range(0, len(order), self._batch_size):
            chosen = order[start : start + self._batch_size]
            rows = self._rows([self._with_path(places[i]) for i in chosen])
            for i, row in zip(chosen, rows, strict=True):
                ids = torch.from_numpy(wanted[i]).to(self._device)
                found[i] = row[ids].cpu().numpy().astype(np.float64)
        return found

    def _with_path(self, place: Place) -> Place:
        """The same place, reached by a path that is not empty."""
        if place.path:
            return place
        return Place(place.text, place.length - 1, (self._texts[place.text][place.length - 1],))

    @torch.inference_mode()
    def _rows(self, places: list[Place]) -> Tensor:
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
        logits = self._forward(ids.to(self._device), mask, positions, self._taken(texts))
        return logits[:, -1].float().log_softmax(-1)

    def _taken(self, texts: Tensor) -> Cache:
        """A cache of its own with the keys and values of `texts` [N]."""
        taken = Cache(layers=[DynamicLayer() for _ in range(self._num_layers)])
        for index, layer in enumerate(self._cache.layers):
            assert isinstance(layer, DynamicLayer)
            assert layer.keys is not None and layer.values is not None, "the texts have been read"
            taken.update(layer.keys[texts], layer.values[texts], index)
        return taken

    @property
    def _num_layers(self) -> int:
        return self._model.config.get_text_config(decoder=True).num_hidden_layers  # pyright: ignore

    @torch.inference_mode()
    def _forward(self, ids: Tensor, mask: Tensor, positions: Tensor, cache: Cache) -> Tensor:
        """Logits [N 1 V] behind the last ids."""
        output: Any = self._model(
            input_ids=ids, attention_mask=mask, position_ids=positions, past_key_values=cache, use_cache=True,
            logits_to_keep=1,
        )  # fmt: skip
        return output.logits


class _WholeReader:
    """Reads whole beginnings, those of one length together."""

    def __init__(self, model: nn.Module, texts: Sequence[Sequence[int]], batch_size: int, longest: int | None) -> None:
        self._model, self._texts, self._batch_size, self._longest = model, texts, batch_size, longest
        self._device = next(model.parameters()).device
        self._num_ids: int = model.config.get_text_config(decoder=True).vocab_size  # pyright: ignore

    def log_probabilities(self, places: Sequence[Place], wanted: Sequence[np.ndarray]) -> list[np.ndarray]:
        """See `PrefixReader`."""
        _check_positions((place.length + len(place.path) for place in places), self._longest)
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
            size = max(1, min(self._batch_size, _LOGITS_AT_ONCE // (len(same[0]) * self._num_ids)))
            for start in range(0, len(same), size):
                yield same[start : start + size]

    @torch.inference_mode()
    def _forward(self, texts: list[tuple[int, ...]]) -> Tensor:
        ids = torch.tensor(texts, device=self._device)
        output: Any = self._model(input_ids=ids, attention_mask=torch.ones_like(ids))
        return output.logits

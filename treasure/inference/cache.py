"""A KV cache whose rows come and go while a batch is being decoded."""

import torch
from torch import Tensor
from torch.nn import functional
from transformers.cache_utils import Cache, DynamicCache, DynamicLayer

# B rows, H heads, T places, D width of a head

_GROWTH = 64
"""Places that are added at once when a layer is full; each time costs a copy."""


class RoomyLayer(DynamicLayer):
    """Keys and values [B H T D] with free places behind them, so that a step writes and does not copy what is there."""

    def __init__(self) -> None:
        super().__init__()
        self.length = 0
        self._room: tuple[Tensor, Tensor] | None = None

    def update(self, key_states: Tensor, value_states: Tensor, *_: object, **__: object) -> tuple[Tensor, Tensor]:
        """Adds the states of new places and returns those of all places."""
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
        end = self.length + key_states.shape[-2]
        if self._room is None or end > self._room[0].shape[-2]:
            self._room = self._grown(key_states, end), self._grown(value_states, end, of_values=True)
        for room, new in zip(self._room, (key_states, value_states), strict=True):
            room[..., self.length : end, :] = new
        self.length = end
        self.keys, self.values = (room[..., :end, :] for room in self._room)
        return self.keys, self.values

    def _grown(self, like: Tensor, end: int, *, of_values: bool = False) -> Tensor:
        grown = like.new_zeros((*like.shape[:-2], end + _GROWTH, like.shape[-1]))
        if self._room is not None:
            grown[..., : self.length, :] = self._room[of_values][..., : self.length, :]
        return grown

    def keep(self, rows: Tensor, first: int) -> None:
        """Keeps `rows` alone, and of them the places from `first` on."""
        if self._room is not None:
            self._room = self._room[0][rows, :, first:], self._room[1][rows, :, first:]
            self.length -= first
            self.keys, self.values = (room[..., : self.length, :] for room in self._room)

    def join(self, other: "RoomyLayer") -> None:
        """Puts the rows of `other` behind these; the shorter ones get empty places in front."""
        length = max(self.length, other.length)
        keys, values = _joined(self.keys, other.keys, length), _joined(self.values, other.values, length)
        self._room, self.length = (keys, values), length
        self.keys, self.values = (room[..., :length, :] for room in self._room)


def _joined(first: Tensor | None, second: Tensor | None, length: int) -> Tensor:
    assert first is not None and second is not None, "both layers have been written to"
    return torch.cat([functional.pad(part, (0, 0, length - part.shape[-2], _GROWTH)) for part in (first, second)])


def roomy_cache(num_layers: int) -> Cache:
    """An empty cache of `RoomyLayer`s."""
    return Cache(layers=[RoomyLayer() for _ in range(num_layers)])


def has_plain_cache(model: torch.nn.Module) -> bool:
    """Whether all that `model` keeps between steps are keys and values of all places, which rows can share."""
    config = model.config.get_text_config(decoder=True)  # pyright: ignore[reportCallIssue, reportAttributeAccessIssue]
    layers = DynamicCache(config=config).layers
    return bool(layers) and all(type(layer) is DynamicLayer for layer in layers)


def layers_of(cache: Cache) -> list[RoomyLayer]:
    """The layers of a `roomy_cache`."""
    return [layer for layer in cache.layers if isinstance(layer, RoomyLayer)]

"""A KV cache whose rows come and go while a batch is being decoded."""

import torch
from torch import Tensor
from transformers.cache_utils import Cache, DynamicCache, DynamicLayer

# B rows, H heads, T places, D width of a head

_GROWTH = 32
"""Free places behind those in use when a layer is full; each time costs a copy."""


class RoomyLayer(DynamicLayer):
    """Keys and values [B H T D] with free places behind them, so that a step writes and does not copy what is there,
    and rows that can be written anew.
    """

    def __init__(self) -> None:
        super().__init__()
        self._first = self._end = 0  # the places in use
        self._room: tuple[Tensor, Tensor] | None = None

    def update(self, key_states: Tensor, value_states: Tensor, *_: object, **__: object) -> tuple[Tensor, Tensor]:
        """Adds the states of new places and returns those of all places."""
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
        number = key_states.shape[-2]
        if self._room is None or self._end + number > self._room[0].shape[-2]:
            self._room = self._grown(key_states), self._grown(value_states, of_values=True)
            self._first, self._end = 0, self._end - self._first
        for room, new in zip(self._room, (key_states, value_states), strict=True):
            room[..., self._end : self._end + number, :] = new
        self._show(self._room, self._first, self._end + number)
        assert self.keys is not None and self.values is not None
        return self.keys, self.values

    def _grown(self, like: Tensor, *, of_values: bool = False) -> Tensor:
        length = self._end - self._first
        grown = like.new_empty((*like.shape[:-2], length + like.shape[-2] + _GROWTH, like.shape[-1]))
        if self._room is not None:
            grown[..., :length, :] = self._room[of_values][..., self._first : self._end, :]
        return grown

    def _show(self, room: tuple[Tensor, Tensor], first: int, end: int) -> None:
        self._room, self._first, self._end = room, first, end
        self.keys, self.values = (side[..., first:end, :] for side in room)

    def keep(self, rows: Tensor, first: int) -> None:
        """Keeps `rows` alone, and of them the places from `first` on."""
        if self._room is not None:
            first += self._first
            keys, values = self._room
            self._show((keys[rows, :, first:], values[rows, :, first:]), 0, self._end - first)

    def put(self, rows: Tensor, other: "RoomyLayer", first: int) -> None:
        """Writes the rows of `other`, which has no more places, over `rows`, end to end; keeps the places from `first`
        on. What stood in front of a shorter row stays there.
        """
        assert self._room is not None and other.keys is not None and other.values is not None, "both are written to"
        begin = self._end - other.keys.shape[-2]
        assert begin >= self._first, "the rows that come are no longer than those that run"
        for room, new in zip(self._room, (other.keys, other.values), strict=True):
            room[rows, :, begin : self._end] = new
        self._show(self._room, self._first + first, self._end)


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

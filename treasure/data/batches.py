"""Which examples an optimizer step sees, and how they become padded tensors.

    seed, epoch -> permutation -> global batch (one optimizer step) -> sorted by length -> micro-batches -> Batch

Everything is a function of indices: the same for any number of workers and ranks, and after resume.
"""

import hashlib
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np
from torch.utils.data import Dataset

from treasure.data.cache import TokenizedDataset
from treasure.data.config import BatchConfig
from treasure.data.layout import Batch, Composed, lay_out
from treasure.data.mixture import copies, with_tail_upsampled
from treasure.data.slots import token_slots
from treasure.data.template import SegmentKind
from treasure.data.tokenize import compose
from treasure.errors import ConfigError, DataError
from treasure.markers.dropout import DropoutConfig
from treasure.markers.header_style import DEFAULT_STYLE, HeaderStyle
from treasure.markers.written import written_markers
from treasure.seeding import key_to_int


@lru_cache(maxsize=2)
def epoch_order(num_examples: int, seed: int, epoch: int) -> np.ndarray:
    """A permutation of `range(num_examples)`, int64, that depends on the arguments alone; not to be written to."""
    order = np.random.Generator(np.random.PCG64(key_to_int("order", seed, epoch))).permutation(num_examples)
    order.flags.writeable = False
    return order


@dataclass(frozen=True, slots=True)
class GlobalBatchPlan:
    """Which examples each optimizer step sees: the permutations of all epochs, end to end, cut into global batches.

    `pool` holds the examples of an epoch, int64, some of them more than once; None is each of them once.
    """

    num_examples: int
    global_batch_size: int
    seed: int
    pool: np.ndarray | None = field(default=None, compare=False)

    def examples(self, step: int) -> list[tuple[int, int, int]]:
        """(epoch, index of the example, place in `pool`) for each example of optimizer step `step`, counted from 0."""
        places = range(step * self.global_batch_size, (step + 1) * self.global_batch_size)
        size = self.num_examples if self.pool is None else len(self.pool)
        drawn = (
            (epoch, int(epoch_order(size, self.seed, epoch)[at])) for epoch, at in (divmod(p, size) for p in places)
        )
        return [(epoch, at if self.pool is None else int(self.pool[at]), at) for epoch, at in drawn]


class MicroBatchDataset(Dataset[Batch]):
    """All micro-batches of a run; item i is micro-batch i % n of optimizer step i // n, with n a global batch.

    With `num_processes` above 1, every so many-th micro-batch of each step, from the `rank`-th on.

    Use with `DataLoader(batch_size=None, shuffle=False)`. With `dropout` None no header is written on either side,
    which is how Baseline sees the same examples in the same order. `style` says where headers stand,
    `is_tail` (bool, one an example) which examples hold a tail value; these are drawn `tail_upsampling` times as often
    as the others.

    Raises:
        ConfigError: the micro-batches of a step cannot be shared by so many processes.
        DataError: there is no example at all.
    """

    def __init__(
        self,
        dataset: TokenizedDataset,
        config: BatchConfig,
        *,
        num_steps: int,
        seed: int,
        pad_id: int,
        dropout: DropoutConfig | None,
        first_step: int = 0,
        rank: int = 0,
        num_processes: int = 1,
        style: HeaderStyle = DEFAULT_STYLE,
        is_tail: np.ndarray | None = None,
        tail_upsampling: float = 1.0,
    ) -> None:
        assert 0 <= rank < num_processes, f"process {rank} of {num_processes} would take batches of another"
        if config.num_micro_batches % num_processes:
            raise ConfigError(
                f"{config.num_micro_batches} micro-batches a step cannot be shared by {num_processes} processes. Set "
                f"batch.micro_batch_size to batch.global_batch_size ({config.global_batch_size}) divided by a multiple "
                f"of {num_processes}."
            )
        if not len(dataset):
            raise DataError(f"No example is left to train on. {dataset.report.describe()}", dataset.folder)
        self._dataset, self._config, self._dropout = dataset, config, dropout
        self._num_steps, self._first_step, self._seed, self._pad_id = num_steps, first_step, seed, pad_id
        self._rank, self._num_processes = rank, num_processes
        self._style, self._tail_upsampling = style, tail_upsampling
        self._is_tail = np.zeros(len(dataset), dtype=bool) if is_tail is None else is_tail
        self._numbers = {name: number for number, name in enumerate(dataset.categories)}
        pool = None if tail_upsampling == 1 else with_tail_upsampled(self._is_tail, tail_upsampling, seed)
        self._copies = copies(dataset.example_keys if pool is None else dataset.example_keys[pool])
        self.plan = GlobalBatchPlan(len(dataset), config.global_batch_size, seed, pool)
        weights = np.zeros(len(SegmentKind), dtype=np.float32)
        weights[SegmentKind.HEADER], weights[SegmentKind.CONTENT] = config.header_loss_weight, 1.0
        self._weights = weights
        self._composed: tuple[int, list[Composed], float] | None = None

    @property
    def max_length(self) -> int:
        """Tokens of the longest row there can be."""
        return self._dataset.max_length

    @property
    def categories(self) -> tuple[str, ...]:
        """The categories that the slots of a batch are numbered by."""
        return self._dataset.categories

    def mean_tokens(self, num_sampled: int = 100) -> float:
        """Tokens of an optimizer step without padding, on average over that many steps spread over the run."""
        sampled = np.unique(np.linspace(0, self._num_steps - 1, min(num_sampled, self._num_steps)).astype(int)).tolist()
        return sum(sum(map(len, self._global_batch(step)[0])) for step in sampled) / len(sampled)

    def examples_key(self) -> str:
        """16 hex digits that two runs share if each of their steps sees the same examples."""
        size = self._config.global_batch_size
        text = f"{self._dataset.key()} {self._seed} {size} {self._num_steps}"
        text += "" if self.plan.pool is None else f" tail {self._tail_upsampling}"
        return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()

    def __len__(self) -> int:
        """Micro-batches of this process from `first_step` to the end of the run."""
        return (self._num_steps - self._first_step) * self.num_micro_batches

    @property
    def num_micro_batches(self) -> int:
        """Micro-batches that this process takes in one optimizer step."""
        return self._config.num_micro_batches // self._num_processes

    def __getitem__(self, index: int) -> Batch:
        """Micro-batch `index`, counted from the start of `first_step`."""
        if not 0 <= index < len(self):
            raise IndexError(f"Micro-batch {index} of {len(self)}.")
        step, own = divmod(index, self.num_micro_batches)
        micro = own * self._num_processes + self._rank  # neighbours are of like length: no process waits long
        rows, global_weight = self._global_batch(self._first_step + step)
        size = self._config.micro_batch_size
        return lay_out(
            rows[micro * size : (micro + 1) * size],
            self._config.layout,
            self._weights,
            pad_id=self._pad_id,
            multiple=self._config.pad_to_multiple,
            max_length=self.max_length,
            global_weight=global_weight,
        )

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_composed": None}

    def _global_batch(self, step: int) -> tuple[list[Composed], float]:
        """The rows of optimizer step `step`, shortest first, and the sum of their loss weights."""
        if self._composed is None or self._composed[0] != step:
            self._dataset.check_files()
            rates = None if self._dropout is None else self._dropout.at(step, self._num_steps)
            rows = sorted((self._row(*place, rates) for place in self.plan.examples(step)), key=len)
            counts = np.bincount(np.concatenate([row.kinds for row in rows]), minlength=len(SegmentKind))
            self._composed = (step, rows, float(counts @ self._weights.astype(np.float64)))
        return self._composed[1], self._composed[2]

    def _row(self, epoch: int, index: int, place: int, rates: DropoutConfig | None) -> Composed:
        example, copy = self._dataset[index], self._copies[place]
        kept: tuple[int, ...] = ()
        places: tuple[int, ...] = ()
        if rates is not None:
            kept, places = written_markers(
                [category for category, _ in example.marker_ids],
                self._style,
                rates,
                seed=self._seed,
                epoch=epoch,
                example_id=f"{example.example_id} {copy}" if copy else example.example_id,  # each copy draws anew
            )
        ids, kinds = compose(example, prompt_markers=kept, completion_header=bool(places), header_order=places)
        slots = token_slots(
            example,
            len(ids),
            prompt_markers=frozenset(kept),
            header_order=places,
            numbers=self._numbers,
            is_tail=bool(self._is_tail[index]),
        )
        return Composed(ids, kinds, slots)

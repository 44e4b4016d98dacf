"""How many optimizer steps a budget of tokens pays for."""

from collections.abc import Callable

from treasure.data.batches import MicroBatchDataset


def steps_for_tokens(make: Callable[[int], MicroBatchDataset], max_tokens: int, num_steps: int) -> int:
    """The number of steps, at least 1, that take about `max_tokens` tokens without padding.

    `make(n)` gives the micro-batches of a run of n steps. The tokens of a step are measured on 100 steps spread over a
    run of `num_steps`, its length without a budget, so the number is close and not exact; a summary tells what was
    seen. Schedules stretch over the steps that are found, so that every run comes to its end.
    """
    return max(1, round(max_tokens / make(num_steps).mean_tokens()))

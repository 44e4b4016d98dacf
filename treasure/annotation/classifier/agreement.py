"""How well a classifier's one guess a row agrees with the values that hold, by the measures of `annotation/agreement`.

Letters: N rows, K values.
"""

from dataclasses import dataclass

import numpy as np

from treasure.annotation.agreement import Judged
from treasure.annotation.agreement import agreement as agreement_of_sets
from treasure.intervals import Interval

NUM_RESAMPLES = 1_000


@dataclass(frozen=True)
class Agreement:
    """Agreement of one prediction a row with the truth; `confusion` (K, K) counts rows by truth, then prediction.

    Where the truth has several values, a prediction that is one of them is right, and else the first of them counts as
    the truth. `f1_head` and `f1_tail` are the mean F1 of the values that many and that few rows have; None where there
    are none.
    """

    num_rows: int
    num_prompts: int
    accuracy: Interval
    macro_f1: Interval
    kappa: Interval
    f1_head: Interval | None
    f1_tail: Interval | None
    confusion: np.ndarray


def agreement(
    truth: np.ndarray, predicted: np.ndarray, prompts: np.ndarray, is_tail: np.ndarray, *, seed: int = 0
) -> Agreement:
    """Agreement of `predicted` (N,) with `truth` (N, K), where a value that holds is above 0.

    `prompts` (N,) says which rows move together when rows are drawn, `is_tail` (K,) which values are rare.
    """
    num_values = truth.shape[1]
    is_right = truth[np.arange(len(predicted)), predicted] > 0
    true = np.where(is_right, predicted, truth.argmax(axis=1))
    confusion = np.bincount(true * num_values + predicted, minlength=num_values**2).reshape(num_values, num_values)
    names = np.array([str(place) for place in range(num_values)])
    _, clusters = np.unique(prompts, return_inverse=True)
    judged = Judged(tuple(frozenset((name,)) for name in names), true, predicted, clusters)
    occurs = confusion.sum(axis=1) > 0

    def f1_of(which: np.ndarray) -> Interval | None:
        values = names[occurs & which].tolist()
        found = agreement_of_sets(judged, values=values, num_resamples=NUM_RESAMPLES, seed=seed) if values else None
        return None if found is None else found.macro_f1

    found = agreement_of_sets(judged, values=names[occurs].tolist(), num_resamples=NUM_RESAMPLES, seed=seed)
    return Agreement(
        num_rows=len(predicted),
        num_prompts=found.num_prompts,
        accuracy=found.accuracy,
        macro_f1=found.macro_f1,
        kappa=found.kappa,
        f1_head=f1_of(~is_tail),
        f1_tail=f1_of(is_tail),
        confusion=confusion,
    )

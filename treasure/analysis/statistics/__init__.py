"""Everything that decides whether a difference is more than chance: intervals by prompt, and tests.

`docs/statistics.md` tells which number takes which of them, and how often each interval holds the truth.
"""

from treasure.analysis.statistics.bootstrap import (
    LIFT,
    SHARE,
    Pairs,
    difference_in_differences,
    mean,
    paired_lift,
    resampled_means,
    wins,
)
from treasure.analysis.statistics.chance import McNemar, benjamini_hochberg, mcnemar, sign_flip
from treasure.analysis.statistics.rates import WinRate, rate, win_rate
from treasure.analysis.statistics.resamples import DEFAULT, Resamples, ratios, resamples

__all__ = [
    "DEFAULT",
    "LIFT",
    "SHARE",
    "McNemar",
    "Pairs",
    "Resamples",
    "WinRate",
    "benjamini_hochberg",
    "difference_in_differences",
    "mcnemar",
    "mean",
    "paired_lift",
    "rate",
    "ratios",
    "resampled_means",
    "resamples",
    "sign_flip",
    "win_rate",
    "wins",
]

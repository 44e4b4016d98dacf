"""How numbers are written for readers: rates in per cent, changes in points with their interval."""

import math

from treasure.analysis.benchmarks import Metric

MINUS = "\N{MINUS SIGN}"


def rate(value: float, metric: Metric) -> str:
    """A level of `metric`, such as '61.2 %' or '4.3 words'."""
    return f"{100 * value:.1f} %" if metric.is_rate else f"{value:.{metric.decimals}f} {metric.unit}"


def signed(value: float, metric: Metric) -> str:
    """A change of `metric` with its sign and no unit, such as '+5.1'; rates in percentage points."""
    shown = round(100 * value if metric.is_rate else value, metric.decimals)
    return f"{MINUS if shown < 0 else '+'}{abs(shown):.{metric.decimals}f}"


def interval(low: float, high: float, metric: Metric) -> str:
    """'+1.0 to +9.4', or 'too few prompts' where there is no interval."""
    if math.isnan(low) or math.isnan(high):
        return "too few prompts"
    return f"{signed(low, metric)} to {signed(high, metric)}"


def change(value: float, low: float, high: float, metric: Metric) -> str:
    """A change with unit and interval, such as '+5.1 points [+1.0 to +9.4]'."""
    unit = "points" if metric.is_rate else metric.unit
    return f"{signed(value, metric)} {unit} [{interval(low, high, metric)}]"


def count(value: float) -> str:
    """A whole number with thin groups of three, such as '1 234 567'."""
    return f"{value:,.0f}".replace(",", "\N{NARROW NO-BREAK SPACE}")


def duration(seconds: float) -> str:
    """A duration such as '41 s', '4 min 10 s' or '2 h 03 min'."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def brief(number: float) -> str:
    """A count in at most four letters, such as 7, 950, 1.2k, 48k or 2.7M."""
    for size, letter in ((1e6, "M"), (1e3, "k")):
        if number >= 0.9995 * size:
            shown = number / size
            return f"{shown:.1f}{letter}" if shown < 9.95 else f"{shown:.0f}{letter}"
    return f"{number:.0f}"


def percent(share: float) -> str:
    """A share in per cent, such as '12.3 %'; '–' where there is none, '<0.1 %' rather than a rounded 0."""
    if math.isnan(share):
        return "\N{EN DASH}"
    if 0 < share < 0.0005:
        return "<0.1 %"
    return f"{100 * share:.1f} %"

"""Regular expressions for the numbers of a range, as they are written in headers."""

import math


def number_regex(low: float, high: float, decimals: int = 0) -> str | None:
    """Matches each number from `low` to `high` with exactly `decimals` digits behind its point, and nothing else.

    No zeros stand in front, and no number is minus zero. None where no number lies in the range.
    """
    scale = 10**decimals
    first, last = math.ceil(round(low * scale, 6)), math.floor(round(high * scale, 6))
    if last < first:
        return None
    parts: list[str] = []
    if first < 0 <= -min(last, -1):
        parts.append(f"-{_natural(max(1, -last), -first, decimals)}")
    if max(first, 0) <= last:
        parts.append(_natural(max(first, 0), last, decimals))
    return _any_of(parts)


def _natural(first: int, last: int, decimals: int) -> str:
    """Numbers from `first` to `last`, at least 0, in units of the last digit behind the point."""
    low, high = (str(number).zfill(decimals + 1) for number in (first, last))
    parts: list[str] = []
    for length in range(len(low), len(high) + 1):
        least = low if length == len(low) else "1" + "0" * (length - 1)
        greatest = high if length == len(high) else "9" * length
        parts.append(_same_length(least, greatest, decimals))
    return _any_of(parts)


def _same_length(low: str, high: str, decimals: int) -> str:
    """Digits from `low` to `high`, which are equally long, with the point before the last `decimals` of them."""
    if not low:
        return ""
    point = r"\." if len(low) == decimals else ""
    if low[0] == high[0]:
        return point + low[0] + _same_length(low[1:], high[1:], decimals)
    zeros, nines = "0" * (len(low) - 1), "9" * (len(low) - 1)
    first, last, parts = int(low[0]), int(high[0]), []
    if low[1:] != zeros:
        parts.append(low[0] + _same_length(low[1:], nines, decimals))
        first += 1
    top = [] if high[1:] == nines else [high[0] + _same_length(zeros, high[1:], decimals)]
    last -= len(top)
    if first <= last:
        parts.append(_digit(first, last) + _any_digits(len(zeros), decimals))
    return point + _any_of(parts + top)


def _digit(first: int, last: int) -> str:
    return str(first) if first == last else f"[{first}-{last}]"


def _any_digits(count: int, decimals: int) -> str:
    """`count` digits, with the point before the last `decimals` of them where it is not behind us."""
    before = max(0, count - decimals)
    point = r"\." if decimals and count >= decimals else ""
    return _repeated(before) + point + _repeated(count - before)


def _repeated(count: int) -> str:
    return "" if count == 0 else "[0-9]" if count == 1 else f"[0-9]{{{count}}}"


def _any_of(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else f"(?:{'|'.join(parts)})"

"""Which numbers a header may hold of a category, beside the buckets that are derived from it."""

import math
from collections.abc import Mapping

from treasure.taxonomy.taxonomy import Category, Kind, Scalar, Taxonomy

_DECIMAL_BOUND = 100
"""Greatest size of a decimal without bounds, such as the score of a reward model."""


def number_range(
    taxonomy: Taxonomy, category: Category, buckets: Mapping[str, Scalar], greatest: int
) -> tuple[int, int]:
    """Least and greatest number of `category` in units of its last decimal; where there is none, the greatest is less.

    `buckets` holds category -> value; those that are derived from this category bound it, others may be among them.
    Numbers go up to `greatest`, decimals to 100, where the taxonomy sets no bounds.
    """
    scale, is_decimal = 10**category.decimals, category.kind is Kind.DECIMAL
    low = (-_DECIMAL_BOUND if is_decimal else 0) if category.minimum is None else category.minimum
    high = max(low, _DECIMAL_BOUND if is_decimal else greatest) if category.maximum is None else category.maximum
    first, last = _first_from(low, scale), -_first_from(-high, scale)
    for bucket in taxonomy.categories:
        if bucket.derived_from == category.name and bucket.name in buckets:
            place = bucket.value_names.index(str(buckets[bucket.name]))
            first = max(first, _first_from(bucket.edges[place - 1], scale)) if place else first
            last = min(last, _first_from(bucket.edges[place], scale) - 1) if place < len(bucket.edges) else last
    return first, last


def _first_from(bound: float, scale: int) -> int:
    """The least number that is at least `bound`, in units of 1 / scale."""
    return math.ceil(round(bound * scale, 6))

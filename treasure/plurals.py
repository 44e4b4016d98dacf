"""Numbers with their nouns, for what is said to people."""


def plural(number: int, one: str, many: str = "") -> str:
    """`1 row`, `2 rows`, `0 rows`; `many` is the plural where it is not `one` with an s."""
    return f"{number} {one if number == 1 else many or f'{one}s'}"

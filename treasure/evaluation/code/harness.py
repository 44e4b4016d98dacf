"""`Harness`: what an answer is put into before it is run; it is all that scoring needs beside the answer."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

from treasure.evaluation.code.rows import PackRow
from treasure.evaluation.code.source_text import Definition, definitions


@dataclass(frozen=True, kw_only=True)
class Harness:
    """The declaration that an answer continues or repeats, and the tests that follow it; all in `language`."""

    language: str
    declaration: str
    test: str
    imports: str = ""
    test_setup: str = ""

    @classmethod
    def of_row(cls, row: PackRow) -> Self:
        """That of one problem."""
        return cls(
            language=row.language,
            declaration=row.declaration,
            test=row.test,
            imports=row.imports,
            test_setup=row.test_setup,
        )

    @classmethod
    def of_reference(cls, reference: Mapping[str, Any]) -> Self:
        """That which `to_reference` wrote."""
        return cls(**{name: reference[name] for name in cls.__dataclass_fields__})

    def to_reference(self) -> dict[str, str]:
        """Plain values, for `BenchmarkPrompt.reference`."""
        return asdict(self)

    @property
    def function(self) -> str:
        """The name of the function that is asked for: the last one declared; '' if none is."""
        return self._last.name

    @property
    def before(self) -> str:
        """What stands before the function that is asked for: imports and functions that are given."""
        return self.declaration[: self._last.start]

    @property
    def last_start(self) -> int:
        """Where in the declaration the function that is asked for begins."""
        return self._last.start

    @property
    def _last(self) -> Definition:
        return [Definition("", len(self.declaration), 0), *definitions(self.declaration, self.language)][-1]

"""`FinishedReport`: where a report lies that is done."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class FinishedReport:
    """A report that lies in `folder`."""

    title: str
    folder: Path

    @property
    def page(self) -> Path:
        """The page to open."""
        return self.folder / "index.html"

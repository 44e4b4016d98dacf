"""Which taxonomy a run uses."""

from dataclasses import dataclass, field
from pathlib import Path

from treasure.errors import TaxonomyError, did_you_mean
from treasure.taxonomy.load import load_taxonomy
from treasure.taxonomy.taxonomy import Taxonomy


@dataclass(kw_only=True, slots=True)
class TaxonomyConfig:
    """A taxonomy file, or a part of it."""

    file: str = "treasure_hunt"
    """A shipped taxonomy by name (a file of conf/taxonomy), or the path of your own YAML."""
    only: list[str] = field(default_factory=list)
    """Categories to keep, in the file's order; empty keeps all."""

    def load(self, shipped: Path) -> Taxonomy:
        """The taxonomy; names without a suffix are looked up in the folder `shipped`.

        Raises:
            TaxonomyError: no such file, not valid, or `only` names a category that it does not have.
        """
        taxonomy = load_taxonomy(self._path(shipped), shipped)
        return taxonomy.only(self.only) if self.only else taxonomy

    def _path(self, shipped: Path) -> Path:
        if self.file.endswith((".yaml", ".yml")):
            return Path(self.file)
        names = sorted(path.stem for path in shipped.glob("*.yaml"))
        if self.file not in names:
            raise TaxonomyError(
                f"No shipped taxonomy is called '{self.file}'.{did_you_mean(self.file, names)} Shipped: "
                f"{', '.join(names)}. For your own, give taxonomy.file a path that ends with .yaml."
            )
        return shipped / f"{self.file}.yaml"

"""Quality buckets from scores: fits their edges over examples that were scored, and says in which bucket one is."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from treasure.annotation.finding import Finding, Outcome
from treasure.annotation.quality_config import QualityConfig, SmallGroups
from treasure.annotation.quality_edges import BUCKET, EdgeFitter, QualityEdges, buckets_of
from treasure.data.example import Example
from treasure.errors import ConfigError
from treasure.seeding import key_to_int
from treasure.taxonomy.taxonomy import Taxonomy

QUALITY, LANGUAGE, TASK = "quality", "lang", "task"


def fit_edges(known: Iterable[Mapping[str, Finding]], config: QualityConfig, taxonomy: Taxonomy) -> QualityEdges:
    """Edges from what is known of examples, one mapping each, gone through once; also writes them to `config.edges`.

    Examples without a score or a language play no part; of several tasks the first in the taxonomy's order counts.

    Raises:
        ConfigError: the taxonomy has no buckets, or the file is there already, and edges are never moved.
        DataError: no language has enough scores.
    """
    if Path(config.edges).exists():
        raise ConfigError(f"{config.edges} is there already. Edges are cut once; name another file to cut anew.")
    fitter = EdgeFitter(config, taxonomy)
    for findings in known:
        score, language = _first(findings, QUALITY), _first(findings, LANGUAGE)
        if score is not None and language is not None:
            fitter.add(float(score), str(language), str(_first(findings, TASK) or ""))
    edges = fitter.edges()
    edges.save(Path(config.edges))
    return edges


class QualityAnnotator:
    """Says in which quarter of its language the quality of an example is, where the quality is known."""

    name = "quality"
    categories = (BUCKET,)
    reads = (QUALITY, LANGUAGE, TASK)

    def __init__(self, config: QualityConfig, taxonomy: Taxonomy) -> None:
        """Reads the edges.

        Raises:
            ConfigError: the taxonomy has other buckets than the edges.
            DataError: the file of the edges is missing, broken, or of another scorer.
        """
        self._fall_back = config.small_groups is SmallGroups.LANGUAGE
        self._edges = QualityEdges.load(Path(config.edges), config.scorer)
        expected = buckets_of(taxonomy)
        if self._edges.buckets != expected or self._edges.within_task != config.within_task:
            raise ConfigError(
                f"{config.edges} has the buckets {', '.join(self._edges.buckets)} with within_task="
                f"{self._edges.within_task}; asked for are {', '.join(expected)} with within_task="
                f"{config.within_task}. Fit edges in another file."
            )
        groups = str(sorted(self._edges.groups.items()))
        self.version = f"{key_to_int(config.scorer, groups, str(config.small_groups)):016x}"

    def annotate(self, examples: Sequence[Example], known: Sequence[Mapping[str, Finding]]) -> list[dict[str, Finding]]:
        """A bucket for each example with a quality whose bucket `known` does not settle.

        Quality, language and task are taken from `known` too; without a quality there is nothing to ask.
        """
        return [self._found(findings) for _, findings in zip(examples, known, strict=True)]

    def _found(self, findings: Mapping[str, Finding]) -> dict[str, Finding]:
        score, language = _first(findings, QUALITY), _first(findings, LANGUAGE)
        if score is None or (BUCKET in findings and findings[BUCKET].settles):
            return {}
        if language is None:
            return {BUCKET: Finding(self.name, Outcome.ABSTAINED, note="The language is not known.")}
        task = str(_first(findings, TASK) or "")
        bucket = self._edges.bucket(float(score), str(language), task, fall_back=self._fall_back or not task)
        if bucket is None:
            note = f"Too few scores in {f'{language}, {task}' if task else language} when the edges were cut."
            return {BUCKET: Finding(self.name, Outcome.ABSTAINED, note=note)}
        return {BUCKET: Finding(self.name, Outcome.FOUND, (bucket,))}


def _first(findings: Mapping[str, Finding], category: str) -> Any:
    """The first value that was found; None without any."""
    finding = findings.get(category)
    return finding.values[0] if finding is not None and finding.outcome is Outcome.FOUND else None

"""What `treasure-evaluate levers`, `benchmark`, `markers`, `rescore` and `compare` can be told, as in schema.py."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from treasure.analysis.config import Resampling
from treasure.config.paths import PathsConfig
from treasure.errors import ConfigError
from treasure.evaluation.benchmarks.marker_prediction_config import MarkerPredictionConfig
from treasure.evaluation.record import Regime
from treasure.evaluation.studies.choosing_config import ChoosingStudyConfig
from treasure.evaluation.studies.config import StudiesConfig
from treasure.evaluation.studies.disagreement_config import DisagreementStudyConfig
from treasure.evaluation.studies.entanglement_config import EntanglementStudyConfig
from treasure.evaluation.studies.guidance_config import GuidanceStudyConfig
from treasure.evaluation.studies.lengths_config import LengthsStudyConfig
from treasure.evaluation.studies.posteriors_config import PosteriorsStudyConfig
from treasure.evaluation.suite_config import SuiteConfig
from treasure.inference.config import BackendConfig, GenerationConfig


@dataclass(kw_only=True, slots=True)
class LeverStudiesCommand:
    """`treasure-evaluate levers`: how a trained model follows its levers."""

    run: str
    """Folder of a finished run with markers, such as outputs/runs/<group>/<run>."""
    studies: StudiesConfig = field(default_factory=StudiesConfig)
    posteriors: PosteriorsStudyConfig = field(default_factory=PosteriorsStudyConfig)
    lengths: LengthsStudyConfig = field(default_factory=LengthsStudyConfig)
    disagreement: DisagreementStudyConfig = field(default_factory=DisagreementStudyConfig)
    guidance: GuidanceStudyConfig = field(default_factory=GuidanceStudyConfig)
    choosing: ChoosingStudyConfig = field(default_factory=ChoosingStudyConfig)
    entanglement: EntanglementStudyConfig = field(default_factory=EntanglementStudyConfig)
    generation: GenerationConfig = field(default_factory=GenerationConfig)

    def __post_init__(self) -> None:
        if self.generation.temperature > 0:
            raise ConfigError(
                f"Levers are measured on greedy answers: generation.temperature must be 0, got "
                f"{self.generation.temperature:g}. Headers that are drawn have choosing.temperature."
            )


@dataclass(kw_only=True, slots=True)
class BenchmarksCommand:
    """`treasure-evaluate benchmark`: public benchmarks on their own files."""

    checkpoint: str = ""
    """Model folder that answers, such as outputs/runs/<group>/<run>/model; or give `answers`."""
    answers: str = ""
    """File of answers that another model gave, in the benchmark's public format or {prompt_id, content} a line."""
    suite: SuiteConfig = field(default_factory=SuiteConfig)
    """Benchmarks to run: suite=ifeval or suite=[ifeval,language_confusion]; their options as suite.ifeval.languages."""
    folder: str = ""
    """Folder of the results; empty takes outputs/evaluations/<group>/<run> of the model."""
    regimes: list[str] = field(default_factory=lambda: [str(Regime.INFERRED), str(Regime.FIXED)])
    """Regimes of a marked model: inferred, fixed, forced; one without markers is asked in baseline alone."""
    levers: dict[str, Any] = field(default_factory=dict)
    """Levers of a marked model beside those of each regime, as treasure-generate takes them."""
    num_samples: int = 1
    """Answers to each prompt, at least 1; more need generation.temperature above 0."""
    limit: int | None = None
    """Only the first so many prompts of each benchmark, to try things out; None takes all."""
    beside: list[str] = field(default_factory=list)
    """Folders of other evaluations, such as that of Baseline, whose answers stand beside on the page."""
    seed: int = 0
    """Written into the records, to tell runs of several seeds apart."""
    generation: GenerationConfig = field(default_factory=GenerationConfig)
    backend: BackendConfig = field(default_factory=BackendConfig)
    resampling: Resampling = field(default_factory=Resampling)
    paths: PathsConfig = field(default_factory=PathsConfig)

    def __post_init__(self) -> None:
        allowed = (Regime.INFERRED, Regime.FIXED, Regime.FORCED)
        unknown = sorted(set(self.regimes) - set(map(str, allowed)))
        if unknown or not self.regimes:
            raise ConfigError(f"regimes must name some of {', '.join(allowed)}; got {self.regimes}.")
        if len(set(self.regimes)) < len(self.regimes):
            raise ConfigError(f"regimes names one twice: {', '.join(self.regimes)}.")
        if bool(self.checkpoint) == bool(self.answers):
            raise ConfigError(
                "Give either checkpoint=MODEL FOLDER, which answers, or answers=FILE with answers that are there."
            )
        self.suite.check()
        if self.answers and not self.folder:
            raise ConfigError("Name a folder for the records of these answers: folder=outputs/evaluations/<name>.")
        if self.num_samples < 1 or (self.limit is not None and self.limit < 1):
            raise ConfigError(f"num_samples and limit must be at least 1, got {self.num_samples} and {self.limit}.")
        if self.num_samples > 1 and self.generation.temperature == 0:
            raise ConfigError(
                f"num_samples={self.num_samples} of the most probable answer would be the same. Set "
                "generation.temperature above 0, such as 0.8, or num_samples=1."
            )


@dataclass(kw_only=True, slots=True)
class MarkersCommand:
    """`treasure-evaluate markers`: does a trained model know what a prompt is?"""

    run: str
    """Folder of a finished run with markers, such as outputs/runs/<group>/<run>."""
    folder: str = ""
    """Folder of the results; empty takes outputs/evaluations/<group>/<run>."""
    marker_prediction: MarkerPredictionConfig = field(default_factory=MarkerPredictionConfig)
    generation: GenerationConfig = field(default_factory=GenerationConfig)
    resampling: Resampling = field(default_factory=Resampling)
    paths: PathsConfig = field(default_factory=PathsConfig)

    def __post_init__(self) -> None:
        if self.generation.temperature > 0:
            raise ConfigError(
                f"Headers are judged that the model writes greedily: generation.temperature must be 0, got "
                f"{self.generation.temperature:g}."
            )


@dataclass(kw_only=True, slots=True)
class RescoreCommand:
    """`treasure-evaluate rescore`: answers that are there are scored anew, without the model."""

    folder: str
    """Folder of one benchmark's records, such as outputs/evaluations/<group>/<run>/ifeval."""
    suite: SuiteConfig = field(default_factory=SuiteConfig)
    """The benchmark with its options."""
    resampling: Resampling = field(default_factory=Resampling)
    paths: PathsConfig = field(default_factory=PathsConfig)

    def __post_init__(self) -> None:
        self.suite.check()


@dataclass(kw_only=True, slots=True)
class CompareCommand:
    """`treasure-evaluate compare`: the records of one evaluation against those of another, prompt by prompt."""

    folder: Any
    """Folder of an evaluation, of one benchmark in it, or of a run; of several runs that differ in seed: [A,B,C]."""
    against: Any
    """The same of what it is compared with, such as Baseline; seeds must agree."""
    against_regime: str = ""
    """Regime of `against`; empty takes the only one there is, or of several the same regime."""
    output: str = ""
    """File to write; empty takes against-<name>.json in the first folder."""
    resampling: Resampling = field(default_factory=Resampling)

    def __post_init__(self) -> None:
        for name in ("folder", "against"):
            if not all(isinstance(one, str) and one for one in _listed(getattr(self, name))):
                raise ConfigError(f"{name} must be a folder or a list of folders, got {getattr(self, name)!r}.")
        if self.against_regime and self.against_regime not in set(Regime):
            raise ConfigError(
                f"against_regime must be one of {', '.join(Regime)}, or empty; got '{self.against_regime}'."
            )

    @property
    def folders(self) -> list[Path]:
        """The folders of `folder`."""
        return [Path(one) for one in _listed(self.folder)]

    @property
    def against_folders(self) -> list[Path]:
        """The folders of `against`."""
        return [Path(one) for one in _listed(self.against)]


def _listed(value: Any) -> list[Any]:
    """What was given, one or several, as a list; of nothing [""]."""
    return (list(value) or [""]) if isinstance(value, list | tuple) else [value]

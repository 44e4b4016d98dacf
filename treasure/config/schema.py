"""What each command can be told: one dataclass a command, put together from the parts' own options.

Those of `treasure-evaluate <word>` stand in evaluate_schema.py.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from omegaconf import MISSING

from treasure.analysis.config import AgreementConfig, CoverageConfig, Resampling
from treasure.annotation.classifier.config import ClassifierTrainConfig
from treasure.annotation.config import AnnotationOptions, AnnotatorsConfig, Engine
from treasure.annotation.quality_config import QualityConfig
from treasure.config.on_error import OnError
from treasure.config.paths import PathsConfig
from treasure.data.config import BatchConfig, DataConfig, DataSource
from treasure.errors import ConfigError
from treasure.evaluation.config import BenchmarkConfig, fitting_regimes
from treasure.inference.choosing_config import ChooseBy, ChoosingConfig
from treasure.inference.config import BackendConfig, BackendKind, GenerationConfig
from treasure.inference.guidance_config import GuidanceConfig
from treasure.markers.config import MarkerMode, MarkersConfig
from treasure.model.config import ModelConfig, OptimizerConfig, SchedulerConfig, Trainable
from treasure.taxonomy.config import TaxonomyConfig
from treasure.training.config import CallbacksConfig, LoggerConfig, TrainerConfig
from treasure.world.config import WorldConfig


@dataclass(kw_only=True, slots=True)
class RunCommand:
    """`treasure-run`, `-train`, `-evaluate`: one model, from data to records."""

    name: str
    """Name of the run; its folder is <name>-<hash>."""
    group: str = "default"
    """Runs of one group are reported together; W&B groups them too."""
    seed: int = 0
    """Seed of weights, example order and dropout."""
    taxonomy: TaxonomyConfig = field(default_factory=TaxonomyConfig)
    data: DataConfig = field(default_factory=DataConfig)
    world: WorldConfig = field(default_factory=WorldConfig)
    markers: MarkersConfig = field(default_factory=MarkersConfig)
    model: ModelConfig
    batch: BatchConfig = field(default_factory=BatchConfig)
    optimizer: OptimizerConfig = field(default_factory=OptimizerConfig)
    scheduler: SchedulerConfig = field(default_factory=SchedulerConfig)
    trainer: TrainerConfig = field(default_factory=TrainerConfig)
    callbacks: CallbacksConfig = field(default_factory=CallbacksConfig)
    logger: LoggerConfig = field(default_factory=LoggerConfig)
    generation: GenerationConfig = field(default_factory=GenerationConfig)
    benchmark: BenchmarkConfig = field(default_factory=BenchmarkConfig)
    paths: PathsConfig = field(default_factory=PathsConfig)
    on_error: OnError = OnError.CONTINUE
    """What a sweep does after a job that failed: stop starts no other, continue runs the rest; never part of a run."""

    def __post_init__(self) -> None:
        for key in ("name", "group"):
            value = getattr(self, key)
            if not value or any(letter in value for letter in "/\\:") or value.startswith("."):
                raise ConfigError(f"{key} becomes a folder name and cannot be {value!r}; use letters, digits, - and _.")
        if self.model.trainable is Trainable.MARKERS and self.markers.mode is not MarkerMode.TOKENS:
            raise ConfigError(
                f"model.trainable=markers trains the embedding rows of marker tokens, and markers={self.markers.mode} "
                "adds none. Take markers=tokens, or model.trainable=lora or full."
            )
        if self.markers.mode is not MarkerMode.NONE:
            fitting_regimes(
                self.benchmark.regimes, self.markers.style(self.batch.header_loss_weight), "benchmark.regimes"
            )


@dataclass(kw_only=True, slots=True)
class ReportCommand:
    """`treasure-report`: a group of finished runs becomes a report."""

    group: str
    """Group of runs to report."""
    names: list[str] = field(default_factory=list)
    """Names or folders of the runs to report, such as [none-seed0, tokens-seed0]; empty takes all of the group."""
    folder: str = ""
    """Folder below outputs/reports; empty takes the group's name."""
    title: str = ""
    """Title of the page; empty takes the folder's name."""
    resampling: Resampling = field(default_factory=Resampling)
    logger: LoggerConfig = field(default_factory=LoggerConfig)
    paths: PathsConfig = field(default_factory=PathsConfig)


@dataclass(kw_only=True, slots=True)
class StatusCommand:
    """`treasure-report status`: how all runs stand at this moment."""

    group: str | None = None
    """Group of runs to show; None shows all groups."""
    paths: PathsConfig = field(default_factory=PathsConfig)


@dataclass(kw_only=True, slots=True)
class CoverageCommand:
    """`treasure-report coverage`: what annotations cover, and which levers would be guesses."""

    annotations: str
    """Folder of annotations, as treasure-annotate makes it."""
    folder: str = "coverage"
    """Folder below outputs/reports."""
    title: str = ""
    """Title of the page; empty takes the folder's name."""
    coverage: CoverageConfig = field(default_factory=CoverageConfig)
    taxonomy: TaxonomyConfig = field(default_factory=TaxonomyConfig)
    paths: PathsConfig = field(default_factory=PathsConfig)


@dataclass(kw_only=True, slots=True)
class AgreementCommand:
    """`treasure-report agreement`: how well annotations agree with gold, or with each other."""

    annotations: str
    """Folder of annotations to judge, as treasure-annotate makes it."""
    found_by: str = ""
    """Annotator to judge; empty takes what is settled, in order of trust."""
    gold: str = ""
    """Folder of annotations that count as gold; empty takes the facts and columns of data.datasets."""
    gold_by: str = ""
    """Annotator of `gold` whose word is gold, such as facts; empty takes what is settled there."""
    data: DataConfig = field(default_factory=DataConfig)
    """Datasets that state gold; named beside `gold` too, answers to the same prompt count as one in intervals."""
    folder: str = "agreement"
    """Folder below outputs/reports."""
    title: str = ""
    """Title of the page; empty takes the folder's name."""
    agreement: AgreementConfig = field(default_factory=AgreementConfig)
    taxonomy: TaxonomyConfig = field(default_factory=TaxonomyConfig)
    paths: PathsConfig = field(default_factory=PathsConfig)

    def __post_init__(self) -> None:
        if not self.gold and self.data.source is DataSource.WORLD:
            raise ConfigError("There is no gold: name a folder of annotations (gold=…) or files with facts (data=…).")
        if not self.gold and self.gold_by:
            raise ConfigError("gold_by is read beside gold alone; without it the facts of data are gold.")
        if Path(self.gold or "-") == Path(self.annotations) and self.found_by == self.gold_by:
            raise ConfigError(
                "annotations and gold are the same, so all would agree. Give another found_by, gold_by or folder."
            )


@dataclass(kw_only=True, slots=True)
class GenerateCommand:
    """`treasure-generate`: a trained model answers one prompt or a file of prompts."""

    checkpoint: str
    """Model folder, such as outputs/runs/<group>/<run>/model."""
    prompt: str | None = None
    """One prompt; give this or `input`."""
    input: str | None = None
    """JSON Lines with a `prompt` (and optionally `levers`) an object."""
    output: str | None = None
    """JSON Lines to write; None shows one answer as a page, and those to a file as JSON Lines."""
    levers: dict[str, Any] = field(default_factory=dict)
    """Category -> value (fix), infer, or {mode: value}; modes: default, fix, force, forbid, at_most, at_least."""
    posteriors: bool = True
    """Whether a page shows what the model believes of each category; read where one answer is shown."""
    num_samples: int = 0
    """Headers that beliefs are averaged over, at least 0; 0 shows them conditional on the header that is chosen."""
    choosing: ChoosingConfig = field(default_factory=lambda: ChoosingConfig(num_headers=1))
    guidance: GuidanceConfig = field(default_factory=GuidanceConfig)
    backend: BackendConfig = field(default_factory=BackendConfig)
    generation: GenerationConfig = field(default_factory=GenerationConfig)

    def __post_init__(self) -> None:
        is_chosen, is_guided = self.choosing.num_headers > 1, self.guidance.is_on
        if is_chosen and is_guided:
            raise ConfigError("Set choosing.num_headers above 1 or guidance, not both.")
        if self.choosing.by is ChooseBy.REWARD:
            raise ConfigError("choosing.by=reward takes a function, which a command line cannot give; call choose().")
        if (is_chosen or is_guided) and self.backend.kind is not BackendKind.TRANSFORMERS:
            what = "choosing among headers" if is_chosen else "guidance"
            raise ConfigError(f"{what} needs backend.kind=transformers, got {self.backend.kind}.")
        if (self.prompt is None) == (self.input is None):
            raise ConfigError("Give either prompt='…' or input=FILE.jsonl, not both and not neither.")
        if self.num_samples < 0:
            raise ConfigError(f"num_samples must be at least 0, got {self.num_samples}.")
        if not self.checkpoint.strip():
            raise ConfigError(
                "checkpoint is empty. Give the model folder that treasure-run or treasure-train wrote, such as "
                "checkpoint=outputs/runs/<group>/<run>/model."
            )


@dataclass(kw_only=True, slots=True)
class RenderCommand(RunCommand):
    """`treasure-render`: training examples of a run, as the model sees them."""

    example: int = 0
    """Number of the first example to print, from 0."""
    count: int = 1
    """How many examples to print, at least 1."""
    epoch: int = 0
    """Epoch whose dropout is drawn, from 0."""

    def __post_init__(self) -> None:
        super(RenderCommand, self).__post_init__()
        if self.example < 0 or self.count < 1 or self.epoch < 0:
            raise ConfigError("example and epoch must be at least 0, and count at least 1.")


@dataclass(kw_only=True, slots=True)
class AnnotateCommand:
    """`treasure-annotate`: instruction data get their markers, which are kept beside them."""

    folder: str
    """Folder of the sidecar to make or to go on with; data.annotations of a training names it."""
    data: DataConfig = field(default_factory=DataConfig)
    taxonomy: TaxonomyConfig = field(default_factory=TaxonomyConfig)
    annotator: AnnotatorsConfig = field(default_factory=AnnotatorsConfig)
    categories: list[str] = field(default_factory=list)
    """Categories to annotate; empty takes all of the taxonomy. Those that are there already stay."""
    engine: Engine = Engine.DATASETS
    """datasets (all cores of this machine) or ray (a Ray cluster, extra `cluster`)."""
    num_workers: int = 0
    """Processes that annotate at once, at least 0; 0 takes all cores."""
    block_size: int = 5000
    """Examples in a block, at least 1: what is lost at most when a process is killed. One folder keeps one size."""
    limit: int | None = None
    """Examples to annotate of each dataset, at least 1; None takes all."""
    retry_failed: bool = False
    """Whether to ask again about examples that failed in an earlier start."""
    ray_address: str = ""
    """Address of a running Ray cluster, such as auto; empty starts a Ray on this machine."""
    dry_run: bool = False
    """Whether only to count what would be asked, and write nothing."""
    paths: PathsConfig = field(default_factory=PathsConfig)

    def __post_init__(self) -> None:
        for key, least in (("num_workers", 0), ("block_size", 1)):
            if getattr(self, key) < least:
                raise ConfigError(f"{key} must be at least {least}, got {getattr(self, key)}.")
        if self.limit is not None and self.limit < 1:
            raise ConfigError(f"limit must be at least 1, got {self.limit}.")
        if self.ray_address and self.engine is not Engine.RAY:
            raise ConfigError("ray_address is read by engine=ray alone.")

    def options(self) -> AnnotationOptions:
        """How the run goes about it."""
        return AnnotationOptions(
            engine=self.engine,
            num_workers=self.num_workers,
            block_size=self.block_size,
            limit=self.limit,
            retry_failed=self.retry_failed,
            ray_address=self.ray_address,
        )


@dataclass(kw_only=True, slots=True)
class TrainClassifierCommand:
    """`treasure-annotate train`: the known markers of examples teach a classifier of their texts."""

    folder: str
    """Folder to write the classifier and its report into; one that is there is replaced."""
    data: DataConfig = field(default_factory=DataConfig)
    world: WorldConfig = field(default_factory=WorldConfig)
    taxonomy: TaxonomyConfig = field(default_factory=TaxonomyConfig)
    train: ClassifierTrainConfig = field(default_factory=ClassifierTrainConfig)
    use_shots: bool = True
    """Whether the shots of the taxonomy (conf/shots), where it has some, are learned from too."""
    paths: PathsConfig = field(default_factory=PathsConfig)


@dataclass(kw_only=True, slots=True)
class EdgesCommand:
    """`treasure-annotate edges`: scores that a sidecar knows become the edges of quality buckets."""

    folder: str
    """Folder of the sidecar."""
    quality: QualityConfig
    taxonomy: TaxonomyConfig = field(default_factory=TaxonomyConfig)
    paths: PathsConfig = field(default_factory=PathsConfig)


@dataclass(kw_only=True, slots=True)
class ExportCommand(AnnotateCommand):
    """`treasure-annotate export`: annotated examples with their markers become one file, for other programs."""

    data: DataConfig = field(default_factory=lambda: DataConfig(source=MISSING))
    """What is exported: data=world, or your files; forgotten files are never replaced by the world."""
    output: str
    """File to write: .jsonl, .jsonl.gz or .parquet."""
    world: WorldConfig = field(default_factory=WorldConfig)
    """The world whose examples are written with data=world."""

    def __post_init__(self) -> None:
        super(ExportCommand, self).__post_init__()
        if not self.output.endswith((".jsonl", ".jsonl.gz", ".parquet")):
            raise ConfigError(f"output must end with .jsonl, .jsonl.gz or .parquet, got '{self.output}'.")

"""What training and evaluation start from: taxonomy, world, corpus, and the run's folder."""

from dataclasses import dataclass
from pathlib import Path

from treasure.config.composer import conf_dir
from treasure.config.run_folder import RunFolder, to_plain
from treasure.config.schema import RunCommand
from treasure.data.config import DataSource
from treasure.errors import ConfigError, LeverError, TaxonomyError
from treasure.evaluation.benchmarks.world import request_for
from treasure.evaluation.config import check_heldout_regimes, fitting_regimes, regimes_of
from treasure.inference.headers import Headers
from treasure.inference.levers import LeverSet
from treasure.markers.config import MarkerMode
from treasure.taxonomy.taxonomy import Taxonomy
from treasure.training.corpus import Corpus, build_corpus
from treasure.training.prepare import Prepared, prepare
from treasure.world.data_files import world_fingerprint
from treasure.world.world import World

NOT_PART_OF_A_RUN = (
    "paths",
    "logger",
    "callbacks",
    "on_error",
    "data.only",
    "trainer.devices",
    "trainer.num_nodes",
    "trainer.strategy",
    "trainer.save_every_minutes",
    "trainer.save_every_steps",
)
"""Options that change where things lie or what is shown, but no result; `data.datasets` holds what data.only left."""


@dataclass(frozen=True)
class Inputs:
    """The data of one run; `world` is None where the data are files."""

    taxonomy: Taxonomy
    world: World | None
    corpus: Corpus


def load_inputs(config: RunCommand) -> Inputs:
    """Reads or generates everything that `config` trains and evaluates on."""
    taxonomy = config.taxonomy.load(conf_dir() / "taxonomy")
    config.markers.dropout.check(taxonomy)
    world = World(config.world, taxonomy) if config.data.source is DataSource.WORLD else None
    corpus = build_corpus(config.data, taxonomy, world=world, cache=Path(config.paths.outputs) / "cache")
    return Inputs(taxonomy, world, corpus)


def prepared_from(config: RunCommand, inputs: Inputs) -> Prepared:
    """Model and tokenized examples, from the cache where they are there."""
    return prepare(
        inputs.corpus,
        inputs.taxonomy,
        markers=config.markers,
        model=config.model,
        template=config.data.template,
        overflow=config.data.overflow,
        seed=config.seed,
        cache=Path(config.paths.outputs) / "cache",
        header_loss_weight=config.batch.header_loss_weight,
        tail_threshold=config.data.tail_threshold,
    )


def check_regimes(config: RunCommand) -> None:
    """Refuses what the evaluation would refuse: that should not cost a training.

    That holds for a training alone, too: the regimes are part of what names its folder, so that an evaluation with
    others would not find the model.

    Raises:
        ConfigError: held-out examples, which data from files are evaluated on, cannot be asked so.
        TaxonomyError, LeverError: levers that no evaluation could set.
    """
    if config.benchmark.levers:
        _check_levers(config, config.taxonomy.load(conf_dir() / "taxonomy"))
    if config.data.source is DataSource.WORLD or config.markers.mode is MarkerMode.NONE:
        return
    style = config.markers.style(config.batch.header_loss_weight)
    asked = {"benchmark.regimes": config.benchmark.regimes}
    if config.trainer.snapshots:
        asked["benchmark.snapshot_regimes"] = config.benchmark.snapshot_regimes
    for option, names in asked.items():
        check_heldout_regimes(fitting_regimes(names, style, option), style, option)


def _check_levers(config: RunCommand, taxonomy: Taxonomy) -> None:
    """Makes all requests, for which no model is needed: levers may not go with those of a regime, or with the model's.

    Raises:
        ConfigError, TaxonomyError, LeverError: see `levers_beside`.
        LeverError: a prompt cannot be asked with them.
    """
    beside = levers_beside(config, taxonomy)
    if config.markers.mode is MarkerMode.NONE:
        return
    style = config.markers.style(config.batch.header_loss_weight)
    headers = Headers(taxonomy, config.markers.surface(taxonomy), config.model.max_length, style)
    names = {*config.benchmark.regimes, *(config.benchmark.snapshot_regimes if config.trainer.snapshots else ())}
    regimes = [regime for regime in regimes_of(style) if str(regime) in names]
    for prompt in World(config.world, taxonomy).prompts():
        if config.benchmark.names and prompt.benchmark not in config.benchmark.names:
            continue
        for regime in regimes:
            try:
                headers.check([request_for(prompt, regime, taxonomy, style=style, beside=beside)])
            except (LeverError, TaxonomyError) as error:
                raise LeverError(
                    f"benchmark.levers do not go with benchmark '{prompt.benchmark}' in the regime {regime}. {error}"
                ) from error


def levers_beside(config: RunCommand, taxonomy: Taxonomy) -> LeverSet:
    """The levers that an evaluation sets in every regime.

    Raises:
        ConfigError: the data are files, whose held-out examples have levers of their own.
        TaxonomyError, LeverError: they are impossible, or a limit, which is measured only after an evaluation.
    """
    if config.benchmark.levers and config.data.source is not DataSource.WORLD:
        raise ConfigError("benchmark.levers is for the world's prompts; held-out examples are given their own markers.")
    levers = LeverSet.of(taxonomy, config.benchmark.levers)
    if limited := [name for name, lever in levers.levers.items() if lever.mode.is_limit]:
        raise LeverError(f"benchmark.levers cannot hold a limit ({limited[0]}): fix the number instead.")
    return levers


def open_run_folder(config: RunCommand) -> RunFolder:
    """The folder outputs/runs/<group>/<name>-<hash of all that decides the result: options, taxonomy, data>.

    Raises:
        DataError: a file of the data is missing.
    """
    taxonomy = config.taxonomy.load(conf_dir() / "taxonomy")
    is_world = config.data.source is DataSource.WORLD
    content = world_fingerprint() if is_world else config.data.fingerprint()
    settings = {**to_plain(config), "taxonomy_hash": taxonomy.hash, "data_hash": content}
    return RunFolder.of(
        Path(config.paths.outputs) / "runs" / config.group, config.name, settings, ignore=NOT_PART_OF_A_RUN
    )

"""The card tells what was done, not what was asked for."""

from pathlib import Path

import tiny

from treasure.data.config import BatchConfig, OverflowPolicy, TemplateConfig
from treasure.markers.config import MarkersConfig
from treasure.model.config import ModelConfig, OptimizerConfig
from treasure.training.config import TrainerConfig
from treasure.training.corpus import Corpus
from treasure.training.hardware import resolve_precision
from treasure.training.prepare import prepare
from treasure.training.story import tell


def test_the_precision_is_the_one_that_was_taken(tmp_path: Path):
    corpus, markers = Corpus(tuple(tiny.corpus(16)), ()), MarkersConfig()
    model = ModelConfig(path=None, tiny=tiny.SHAPE, max_length=tiny.CONTEXT)
    prepared = prepare(
        corpus,
        tiny.TAXONOMY,
        markers=markers,
        model=model,
        template=TemplateConfig(),
        overflow=OverflowPolicy.STOP,
        seed=0,
        cache=tmp_path,
    )
    story = tell(
        prepared,
        corpus,
        markers=markers,
        model=model,
        batch=BatchConfig(),
        optimizer=OptimizerConfig(),
        trainer=TrainerConfig(precision="auto", accelerator="cpu"),
        datasets=["sums"],
        tail_threshold=0.05,
        seed=0,
        step=3,
    )
    assert story.settings["precision"] == resolve_precision("auto", "cpu") != "auto"

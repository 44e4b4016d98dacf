"""A small world and an untrained model of its taxonomy, for tests of studies."""

from pathlib import Path

from treasure.data.config import TemplateConfig
from treasure.evaluation.studies.study import StudyInputs, of_world
from treasure.inference.config import GenerationConfig
from treasure.markers.config import MarkerMode, MarkersConfig
from treasure.markers.header_style import Placement
from treasure.model.causal_lm import build_tiny
from treasure.model.checkpoint import Checkpoint, make_checkpoint, save_checkpoint
from treasure.model.config import TinyModelConfig
from treasure.model.tokenizer import train_tokenizer
from treasure.taxonomy.load import load_taxonomy
from treasure.world.config import WorldConfig
from treasure.world.oracle import Oracle
from treasure.world.world import World

TAXONOMY = load_taxonomy(Path(__file__).parents[2] / "conf" / "taxonomy" / "world.yaml")
WORLD = World(WorldConfig(num_train_examples=200, num_prompts_per_benchmark=3), TAXONOMY)
SHAPE = TinyModelConfig(vocab_size=400, hidden_size=16, intermediate_size=24, num_layers=1, num_heads=2)
MOST_EXAMPLES = 1500
"""More would only take time."""


def world_checkpoint(placement: Placement = Placement.BOTH) -> Checkpoint:
    """An untrained model with markers of the world's taxonomy."""
    examples = [WORLD.example("train", index).example for index in range(60)]
    tokenizer = train_tokenizer([text for e in examples for text in (e.prompt, e.completion)], SHAPE.vocab_size)
    markers = MarkersConfig(mode=MarkerMode.TOKENS, placement=placement)
    model = build_tiny(SHAPE, tokenizer, 512, 0)
    return make_checkpoint(
        model, tokenizer, TAXONOMY, markers.surface(TAXONOMY), TemplateConfig(), 512, markers.style(1.0)
    )


def world_inputs(folder: Path, placement: Placement = Placement.BOTH) -> StudyInputs:
    """Inputs of a study whose answers are cut after a few tokens."""
    checkpoint = world_checkpoint(placement)
    save_checkpoint(checkpoint, folder / "model")
    fit, test = of_world(WORLD, "levers_fit"), of_world(WORLD, "levers_test")
    return StudyInputs(
        checkpoint,
        folder / "model",
        GenerationConfig(max_new_tokens=6, batch_size=64),
        "cpu",
        0,
        lambda size: fit(min(size, MOST_EXAMPLES)),
        lambda size: test(min(size, MOST_EXAMPLES)),
        WORLD,
        Oracle(WORLD, lambda jobs: []),
    )

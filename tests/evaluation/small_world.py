"""A small world with an untrained model of its taxonomy, for tests of studies: answers are noise, rows are whole."""

from pathlib import Path

from treasure.data.config import TemplateConfig
from treasure.evaluation.studies.study import StudyInputs, of_world
from treasure.inference.config import GenerationConfig
from treasure.markers.config import MarkerMode, MarkersConfig
from treasure.model.causal_lm import build_tiny
from treasure.model.checkpoint import make_checkpoint
from treasure.model.config import TinyModelConfig
from treasure.model.tokenizer import train_tokenizer
from treasure.taxonomy.load import load_taxonomy
from treasure.world.config import WorldConfig
from treasure.world.oracle import Oracle
from treasure.world.world import World

TAXONOMY = load_taxonomy(Path(__file__).parents[2] / "conf" / "taxonomy" / "world.yaml")
CONTEXT = 256


def inputs(folder: Path, *, max_new_tokens: int = 8) -> StudyInputs:
    """What a study of the untrained model starts from."""
    world = World(WorldConfig(num_train_examples=200, num_prompts_per_benchmark=6), TAXONOMY)
    texts = [text for e in world.train_examples() for text in (e.example.prompt, e.example.completion)]
    shape = TinyModelConfig(vocab_size=800, hidden_size=32, intermediate_size=48, num_layers=2, num_heads=2)
    tokenizer = train_tokenizer(texts, shape.vocab_size)
    markers = MarkersConfig(mode=MarkerMode.TOKENS)
    checkpoint = make_checkpoint(
        build_tiny(shape, tokenizer, CONTEXT, 0),
        tokenizer,
        TAXONOMY,
        markers.surface(TAXONOMY),
        TemplateConfig(),
        CONTEXT,
        markers.style(1.0),
    )
    generation = GenerationConfig(max_new_tokens=max_new_tokens)
    examples = of_world(world, "fit"), of_world(world, "test")
    return StudyInputs(checkpoint, folder, generation, "cpu", 0, *examples, world, Oracle(world, lambda jobs: []))

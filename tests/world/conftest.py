"""One world and a corpus of it, made once for all tests of the folder."""

from pathlib import Path

import pytest

from treasure.data.example import MarkedExample
from treasure.taxonomy.load import load_taxonomy
from treasure.taxonomy.taxonomy import Taxonomy
from treasure.world.config import WorldConfig
from treasure.world.world import World

TAXONOMY_FILE = Path(__file__).parents[2] / "conf" / "taxonomy" / "world.yaml"


@pytest.fixture(scope="session")
def world_taxonomy() -> Taxonomy:
    """The taxonomy of the world."""
    return load_taxonomy(TAXONOMY_FILE)


@pytest.fixture(scope="session")
def world(world_taxonomy: Taxonomy) -> World:
    """A world with default shares and fewer prompts."""
    return World(WorldConfig(num_train_examples=12_000, num_prompts_per_benchmark=120), world_taxonomy)


@pytest.fixture(scope="session")
def corpus(world: World) -> list[MarkedExample]:
    """The training corpus of `world`."""
    return list(world.train_examples())

"""What all tests share: no network, quiet loggers, checked tensor shapes, repeatable properties."""

import gc
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, get_args
from unittest import mock

os.environ.update(HF_HUB_OFFLINE="1", WANDB_MODE="offline", WANDB_SILENT="true", TOKENIZERS_PARALLELISM="false")
os.environ["OMP_NUM_THREADS"] = "1"  # several threads on so little wait for each other, ten times as long on busy cores

import beartype
import jaxtyping
import pytest
from hypothesis import HealthCheck, settings
from jaxtyping import AbstractArray, jaxtyped


def _check(function: Callable[..., Any]) -> Callable[..., Any]:
    """Checks the annotations of functions with tensors on each call; all others are left to the type checker.

    An int is welcome where a float is asked for, as type checkers have it.
    """
    if not any(map(_has_shape, getattr(function, "__annotations__", {}).values())):
        return function
    return beartype.beartype(conf=beartype.BeartypeConf(is_pep484_tower=True))(function)


def _has_shape(hint: Any) -> bool:
    if isinstance(hint, str):
        return "Tensor" in hint or "ndarray" in hint
    if isinstance(hint, type) and issubclass(hint, AbstractArray):
        return True
    return any(map(_has_shape, get_args(hint)))


def _where_shapes_are(*, typechecker: Callable[..., Any]) -> Callable[[Any], Any]:
    """jaxtyping's decorator, for what promises shapes alone: it slows each call of what it wraps."""

    def decorate(part: Any) -> Any:
        hints = getattr(part.__init__ if isinstance(part, type) else part, "__annotations__", {})
        return jaxtyped(part, typechecker=typechecker) if any(map(_has_shape, hints.values())) else part

    return decorate


_checker = ModuleType("treasure_type_checker")
_checker.check = _check  # type: ignore[attr-defined]
sys.modules[_checker.__name__] = _checker
jaxtyping.jaxtyped = _where_shapes_are  # the import hook takes it from there
jaxtyping.install_import_hook(
    ["treasure.data", "treasure.model", "treasure.training", "treasure.inference"], f"{_checker.__name__}.check"
)

from treasure.taxonomy.load import load_taxonomy
from treasure.taxonomy.taxonomy import Taxonomy

settings.register_profile(
    "repeatable", deadline=None, derandomize=True, max_examples=50, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("repeatable")

REPOSITORY = Path(__file__).parents[1]


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[Any]:
    """Modules live to the end: to look through them for garbage, as they load and later, took a fifth of the time."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.fixture(autouse=True)
def _environment_is_kept() -> Iterator[None]:
    """What a test or a library sets in the environment (W&B's logger does) is gone after it."""
    with mock.patch.dict(os.environ):
        yield


@pytest.fixture(scope="session")
def taxonomy() -> Taxonomy:
    """The shipped taxonomy with its 13 categories."""
    return load_taxonomy(REPOSITORY / "conf" / "taxonomy" / "treasure_hunt.yaml")

"""Turns a composed DictConfig into an instance of its schema; every range check of the option dataclasses runs here."""

import copy
import dataclasses
from collections.abc import Iterator
from typing import TypeVar

from omegaconf import DictConfig, ListConfig, OmegaConf, open_dict

from treasure.config.field_docs import field_docs
from treasure.errors import ConfigError, TreasureError, did_you_mean

T = TypeVar("T")


def to_typed(config: DictConfig, schema: type[T]) -> T:
    """`config` without its `hydra` node, as an instance of `schema`.

    Raises:
        ConfigError: a required option is missing, or a check of a dataclass fails; names the option.
    """
    config = copy.deepcopy(config)
    with open_dict(config):
        config.pop("hydra", None)
    for path, node in _structured(config, ""):
        _refuse_extra_keys(path, node)
    missing = sorted(OmegaConf.missing_keys(config))
    if missing:
        raise ConfigError(_missing_text(config, missing))
    try:
        typed = OmegaConf.to_object(config)
    except TreasureError as error:
        raise _placed(config, error) from error
    assert isinstance(typed, schema), f"the primary config must list the schema of {schema.__name__} first"
    return typed


def _missing_text(config: DictConfig, missing: list[str]) -> str:
    lines = [key + _about(config, key) for key in missing]
    noun = "option" if len(missing) == 1 else "options"
    example = " ".join(f"{key}=…" for key in missing)
    return f"Missing {noun}: {'; '.join(lines)}. Give it on the command line, such as {example}"


def _about(config: DictConfig, key: str) -> str:
    parent, _, name = key.rpartition(".")
    node = OmegaConf.select(config, parent) if parent else config
    kind = OmegaConf.get_type(node) if node is not None else None
    text = field_docs(kind).get(name, "") if kind is not None else ""
    return f" ({text.rstrip('.')})" if text else ""


def _placed(config: DictConfig, error: TreasureError) -> ConfigError:
    """`error` with the path of the innermost node that causes it, unless its text already says so."""
    place = next(_failing(config), "")
    text = str(error)
    return ConfigError(text if not place or place in text else f"In '{place}': {text}")


def _refuse_extra_keys(path: str, node: DictConfig) -> None:
    """`+key=value` gets past OmegaConf's own check; nobody would read such an option."""
    kind = OmegaConf.get_type(node)
    assert kind is not None
    allowed = sorted(field.name for field in dataclasses.fields(kind))
    for key in node:
        if key not in allowed:
            place = f" in '{path}'" if path else ""
            raise ConfigError(
                f"Unknown option '{f'{path}.' if path else ''}{key}'; '+' does not make one."
                f"{did_you_mean(str(key), allowed)} Allowed{place}: {', '.join(allowed)}."
            )


def _failing(config: DictConfig) -> Iterator[str]:
    """Paths of the nodes that cannot be built, innermost first."""
    for path, node in _structured(config, ""):
        try:
            OmegaConf.to_object(node)
        except TreasureError:
            yield path


def _structured(node: DictConfig | ListConfig, path: str) -> Iterator[tuple[str, DictConfig]]:
    """(dotted path, node) of the dataclass nodes in and below `node`, innermost first."""
    if node._is_none() or node._is_missing() or node._is_interpolation():
        return
    names = list(node) if isinstance(node, DictConfig) else range(len(node))
    for key in names:
        child = node._get_child(key)
        if isinstance(child, DictConfig | ListConfig):
            yield from _structured(child, f"{path}.{key}" if path else str(key))
    if isinstance(node, DictConfig) and dataclasses.is_dataclass(OmegaConf.get_type(node)):
        yield path, node

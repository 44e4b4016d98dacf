"""Reads YAML as plain data together with the place of every key, and refuses a key that is given twice."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import yaml

from treasure.errors import TaxonomyError

Keys = tuple[str, ...]
"""The way down to an entry, such as ('categories', 'domain', 'values', 'Legal')."""


@dataclass(frozen=True)
class Places:
    """Where each entry stands; `origin` stands in for entries without a place of their own."""

    origin: str
    lines: Mapping[Keys, str] = field(default_factory=dict)

    def of(self, keys: Keys) -> str:
        """`file:line` of the entry, or of the nearest one around it."""
        while keys and keys not in self.lines:
            keys = keys[:-1]
        return self.lines.get(keys, self.origin)

    def error(self, keys: Keys, message: str) -> TaxonomyError:
        """A TaxonomyError that begins with the place of `keys`."""
        return TaxonomyError(f"{self.of(keys)}: {message}")


def read_yaml(path: Path) -> tuple[dict[str, Any], Places]:
    """The mapping in `path`, all of its keys as text, and where they stand.

    Raises:
        TaxonomyError: the file is missing, not YAML, not a mapping, or gives a key twice.
    """
    lines: dict[Keys, str] = {}
    try:
        node = yaml.compose(path.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
        data = _plain(node, (), lines, path) if node is not None else {}
    except FileNotFoundError as error:
        there = ", ".join(sorted(file.stem for file in path.parent.glob("*.yaml"))) or "none"
        raise TaxonomyError(f"{path}: No such taxonomy file. In this folder: {there}.") from error
    except (yaml.YAMLError, UnicodeDecodeError, OSError) as error:
        raise TaxonomyError(f"{path}: Not readable as YAML: {' '.join(str(error).split())}.") from error
    if not isinstance(data, dict):
        raise TaxonomyError(f"{path}:1: A taxonomy file is a mapping with 'name' and 'categories', got {data!r:.60}.")
    return data, Places(str(path), lines)


def _plain(node: yaml.Node, keys: Keys, lines: dict[Keys, str], path: Path) -> Any:
    if isinstance(node, yaml.MappingNode):
        found: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = str(key_node.value)  # as written, so that `1:` and `No:` stay names
            place = f"{path}:{key_node.start_mark.line + 1}"
            if key in found:
                raise TaxonomyError(f"{place}: '{key}' is given twice; first at {lines[(*keys, key)]}. Remove one.")
            lines[(*keys, key)] = place
            found[key] = _plain(value_node, (*keys, key), lines, path)
        return found
    if isinstance(node, yaml.SequenceNode):
        return [_plain(item, keys, lines, path) for item in node.value]
    return _scalar(cast("yaml.ScalarNode", node))


def _scalar(node: yaml.ScalarNode) -> Any:
    loader = yaml.SafeLoader("")
    return loader.construct_object(node)

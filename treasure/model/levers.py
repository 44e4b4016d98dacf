"""`treasure.json`: the levers of a model in its folder, with a hash, and what tells them from others."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from treasure.data.config import TemplateConfig, TemplateKind
from treasure.errors import CheckpointError, LeversError
from treasure.jsonl import write_json
from treasure.markers.config import MarkerMode
from treasure.markers.header_style import DEFAULT_STYLE, HeaderStyle, MarkerOrder, Placement
from treasure.markers.surface import SurfaceName
from treasure.taxonomy.load import taxonomy_from_dict, taxonomy_to_dict
from treasure.taxonomy.taxonomy import Category, Taxonomy

LEVERS_FILE = "treasure.json"
FORMAT_VERSION = 2
"""Raised when a folder changes in a way that earlier code would read wrongly."""

_BASE_TEMPLATE = "base_chat_template"


@dataclass(frozen=True)
class BaseTemplate:
    """The chat template that the base's tokenizer came with: one text, several by name, or None."""

    text: str | dict[str, str] | None


@dataclass(frozen=True)
class Levers:
    """Which markers a model knows and how they are written. `surface` is None for a model without markers.

    `base_template` is None in folders of before models were exported with a chat template of their own.
    """

    taxonomy: Taxonomy
    surface: SurfaceName | None
    template: TemplateConfig
    max_length: int
    style: HeaderStyle = DEFAULT_STYLE
    base_template: BaseTemplate | None = None


@dataclass(frozen=True)
class ExpectedLevers:
    """What whoever loads a model takes for granted of it; None leaves a part open."""

    taxonomy: Taxonomy | None = None
    mode: MarkerMode | None = None
    template: TemplateConfig | None = None


def write_levers(folder: Path, levers: Levers, tokenizer_files: Sequence[str]) -> None:
    """Writes `treasure.json`, with a digest of each of the files that decide which ids a text becomes."""
    content: dict[str, Any] = {
        "format_version": FORMAT_VERSION,
        "surface": None if levers.surface is None else str(levers.surface),
        "header": asdict(levers.style),
        "max_length": levers.max_length,
        "template": asdict(levers.template),
        "taxonomy": taxonomy_to_dict(levers.taxonomy),
        **({} if levers.base_template is None else {_BASE_TEMPLATE: levers.base_template.text}),
        "files": {name: _digest((folder / name).read_bytes()) for name in sorted(tokenizer_files)},
    }
    write_json(folder / LEVERS_FILE, {"hash": _hash(content), **content})


def read_levers(folder: Path) -> Levers:
    """The levers in `folder`.

    Raises:
        LeversError: they are of a later format.
        CheckpointError: they are missing, or something in the folder was changed by hand.
        TaxonomyError: the taxonomy in it is not valid.
    """
    path = folder / LEVERS_FILE
    content = _read(path)
    version = content.get("format_version", 0)
    if version > FORMAT_VERSION:
        raise LeversError(
            f"'{path}' has format {version}, and this version of treasure reads formats up to {FORMAT_VERSION}. "
            "Install a later treasure."
        )
    if content.pop("hash") != _hash(content):
        raise CheckpointError(
            f"'{path}' was changed after it was written: its hash does not fit. Export the model again."
        )
    _check_files(folder, content.get("files", {}))
    return Levers(
        taxonomy=taxonomy_from_dict(content["taxonomy"], str(path)),
        surface=None if content["surface"] is None else SurfaceName(content["surface"]),
        template=TemplateConfig(**{**content["template"], "kind": TemplateKind(content["template"]["kind"])}),
        max_length=content["max_length"],
        style=_style(content.get("header")),
        base_template=_base_template(content),
    )


def base_template(folder: Path) -> BaseTemplate | None:
    """The chat template to put back into the tokenizer of `folder`; None where it has its own, or is no folder of ours.

    Raises:
        CheckpointError: `treasure.json` is there and not readable.
    """
    path = folder / LEVERS_FILE
    return _base_template(_read(path)) if path.is_file() else None


def check_levers(found: Levers, expected: ExpectedLevers, folder: Path) -> None:
    """Refuses levers that are not the expected ones.

    Raises:
        LeversError: says what differs.
    """
    differences = _differences(found, expected)
    if differences:
        raise LeversError(
            f"The model in '{folder}' was trained with other levers than those asked for: {'; '.join(differences)}. "
            "Ask for those of the model, or train again."
        )


def _base_template(content: dict[str, Any]) -> BaseTemplate | None:
    return BaseTemplate(content[_BASE_TEMPLATE]) if _BASE_TEMPLATE in content else None


def _style(content: dict[str, Any] | None) -> HeaderStyle:
    """How headers are written; models exported before there was a choice have the default."""
    if content is None:
        return DEFAULT_STYLE
    return HeaderStyle(Placement(content["placement"]), MarkerOrder(content["order"]), content["is_learned"])


def _read(path: Path) -> dict[str, Any]:
    if not path.is_file():
        inside = path.parent / "model"
        near = f" Did you mean '{inside}'?" if (inside / LEVERS_FILE).is_file() else ""
        raise CheckpointError(
            f"'{path.parent}' holds no {LEVERS_FILE}, so its markers are not known.{near} Give a model folder that "
            "treasure-run or treasure-train wrote, such as outputs/runs/<group>/<run>/model."
        )
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise CheckpointError(f"'{path}' is not readable: {error}. Export the model again.") from error
    if not isinstance(content, dict) or "hash" not in content:
        raise CheckpointError(f"'{path}' is not readable: it has no hash. Export the model again.")
    return content


def _check_files(folder: Path, digests: dict[str, str]) -> None:
    for name, digest in digests.items():
        if not (folder / name).is_file():
            raise CheckpointError(
                f"'{folder}' lacks its file {name}. Copy the folder whole, or export the model again."
            )
        if _digest((folder / name).read_bytes()) != digest:
            raise CheckpointError(
                f"'{folder / name}' was changed after it was written, so texts would become other tokens than in "
                "training. Export the model again."
            )


def _hash(content: dict[str, Any]) -> str:
    return _digest(json.dumps(content, sort_keys=True).encode())


def _digest(data: bytes) -> str:
    return hashlib.blake2b(data, digest_size=8).hexdigest()


def _differences(found: Levers, expected: ExpectedLevers) -> list[str]:
    notes: list[str] = []
    if expected.taxonomy is not None and expected.taxonomy.hash != found.taxonomy.hash:
        names = f"taxonomy ('{found.taxonomy.name}', asked for is '{expected.taxonomy.name}')"
        notes += [f"{names}: {', '.join(_taxonomy_differences(found.taxonomy, expected.taxonomy))}"]
    mode = MarkerMode.NONE if found.surface is None else MarkerMode(found.surface.value)
    if expected.mode is not None and expected.mode is not mode:
        notes.append(f"the model has the surface '{mode}', asked for is '{expected.mode}'")
    if expected.template is not None:
        ours, theirs = asdict(found.template), asdict(expected.template)
        notes += [
            f"template.{name} is {ours[name]!r} in the model, asked for is {theirs[name]!r}"
            for name in ours
            if ours[name] != theirs[name]
        ]
    return notes


def _taxonomy_differences(found: Taxonomy, expected: Taxonomy) -> list[str]:
    """What tells two taxonomies apart, category by category."""
    notes = [f"the model has no category '{name}'" for name in expected.names if name not in found]
    for category in found.categories:
        if category.name not in expected:
            notes.append(f"only the model has the category '{category.name}'")
            continue
        other = expected.category(category.name)
        for name in sorted(set(category.value_names) ^ set(other.value_names)):
            side = "only the model has" if name in category.value_names else "the model lacks"
            notes.append(f"{side} the value '{name}' of '{category.name}'")
        if set(category.value_names) == set(other.value_names) and _bounds(category) != _bounds(other):
            notes.append(f"'{category.name}' is defined otherwise (kind, order, bounds or edges)")
    return notes or ["the order of the categories"]


def _bounds(category: Category) -> tuple[object, ...]:
    return (
        category.kind,
        category.value_names,
        category.multiple,
        category.applies_when,
        category.minimum,
        category.maximum,
        category.decimals,
        category.derived_from,
        category.edges,
    )

"""A checkpoint knows its levers: model, tokenizer, taxonomy, surface and template travel together."""

import copy
import hashlib
import json
import os
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from transformers import PreTrainedModel, PreTrainedTokenizerFast

from treasure.data.template import TemplateConfig, TemplateKind, make_template
from treasure.data.tokenize import Encoder
from treasure.errors import CheckpointError
from treasure.jsonl import write_json
from treasure.markers.header_style import DEFAULT_STYLE, HeaderStyle, MarkerOrder, Placement
from treasure.markers.surface import Surface, SurfaceName, make_surface
from treasure.model.causal_lm import load_pretrained
from treasure.model.marker_embeddings import add_marker_embeddings, add_marker_tokens
from treasure.model.tokenizer import load_tokenizer
from treasure.taxonomy.load import taxonomy_from_dict, taxonomy_to_dict
from treasure.taxonomy.taxonomy import Taxonomy

LEVERS_FILE = "treasure.json"


@dataclass(frozen=True)
class Checkpoint:
    """All that is needed to train or to ask a model. `surface` is None for a model without markers."""

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerFast
    taxonomy: Taxonomy
    surface: Surface | None
    template: TemplateConfig
    max_length: int
    encoder: Encoder
    style: HeaderStyle = DEFAULT_STYLE


def make_checkpoint(
    model: PreTrainedModel,
    base_tokenizer: PreTrainedTokenizerFast,
    taxonomy: Taxonomy,
    surface: Surface | None,
    template: TemplateConfig,
    max_length: int,
    style: HeaderStyle = DEFAULT_STYLE,
) -> Checkpoint:
    """Puts a base model and its markers together: the surface's tokens and embedding rows are added."""
    tokenizer = copy.deepcopy(base_tokenizer)
    if surface is not None:
        add_marker_embeddings(model, base_tokenizer, surface, add_marker_tokens(tokenizer, surface))
    encoder = Encoder(tokenizer, make_template(template, tokenizer), surface)
    return Checkpoint(model, tokenizer, taxonomy, surface, template, max_length, encoder, style)


def save_checkpoint(checkpoint: Checkpoint, folder: Path) -> None:
    """Writes a Hugging Face folder that plain `from_pretrained` loads, with the levers in `treasure.json` beside it.

    The folder appears whole or not at all; an earlier one of the same name is replaced.
    """
    partial = folder.with_name(f".{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    checkpoint.model.save_pretrained(partial, safe_serialization=True)
    checkpoint.tokenizer.save_pretrained(partial)
    write_json(partial / LEVERS_FILE, _levers(checkpoint))
    shutil.rmtree(folder, ignore_errors=True)
    os.replace(partial, folder)


def load_checkpoint(folder: Path, expected: Taxonomy | None = None) -> Checkpoint:
    """The checkpoint in `folder`.

    Raises:
        CheckpointError: it is no checkpoint of ours, was changed by hand, or its taxonomy is not `expected`.
    """
    levers = _read_levers(folder)
    taxonomy = taxonomy_from_dict(levers["taxonomy"], str(folder / LEVERS_FILE))
    if expected is not None and expected.hash != taxonomy.hash:
        differences = "; ".join(_differences(taxonomy, expected))
        raise CheckpointError(
            f"The model in '{folder}' was trained with another taxonomy ('{taxonomy.name}') than the one asked for "
            f"('{expected.name}'): {differences}. Use the taxonomy of the model, or train again."
        )
    surface = None if levers["surface"] is None else make_surface(SurfaceName(levers["surface"]), taxonomy)
    template = TemplateConfig(**{**levers["template"], "kind": TemplateKind(levers["template"]["kind"])})
    tokenizer = load_tokenizer(str(folder))
    encoder = Encoder(tokenizer, make_template(template, tokenizer), surface)
    model = load_pretrained(folder)
    header = levers.get("header", {})  # models exported before there was a choice have the default
    style = HeaderStyle(
        Placement(header.get("placement", "both")),
        MarkerOrder(header.get("order", "canonical")),
        header.get("is_learned", True),
    )
    return Checkpoint(model, tokenizer, taxonomy, surface, template, levers["max_length"], encoder, style)


def _levers(checkpoint: Checkpoint) -> dict[str, Any]:
    levers: dict[str, Any] = {
        "surface": None if checkpoint.surface is None else str(checkpoint.surface.name),
        "header": asdict(checkpoint.style),
        "max_length": checkpoint.max_length,
        "template": asdict(checkpoint.template),
        "taxonomy": taxonomy_to_dict(checkpoint.taxonomy),
    }
    return {"hash": _hash(levers), **levers}


def _hash(levers: dict[str, Any]) -> str:
    return hashlib.blake2b(json.dumps(levers, sort_keys=True).encode(), digest_size=8).hexdigest()


def _read_levers(folder: Path) -> dict[str, Any]:
    path = folder / LEVERS_FILE
    if not path.is_file():
        raise CheckpointError(
            f"'{folder}' holds no {LEVERS_FILE}, so its markers are not known. Give a model folder that treasure-run "
            "or treasure-train wrote, such as outputs/runs/<group>/<run>/model."
        )
    try:
        levers = json.loads(path.read_text(encoding="utf-8"))
        claimed = levers.pop("hash")
    except (json.JSONDecodeError, KeyError, AttributeError) as error:
        raise CheckpointError(f"'{path}' is not readable: {error}. Export the model again.") from error
    if claimed != _hash(levers):
        raise CheckpointError(
            f"'{path}' was changed after it was written: its hash does not fit. Export the model again."
        )
    return levers


def _differences(found: Taxonomy, expected: Taxonomy) -> list[str]:
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


def _bounds(category: Any) -> tuple[object, ...]:
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

"""A trained classifier and its folder.

classifier.json       categories and values, features, what it was trained on, hashes of the weights and of itself
weights.safetensors   <category>.weights (F, K) in float16, <category>.biases (K,)
report.json           what training measured

Nothing in the folder is code, and nothing in it is unpickled.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from treasure.annotation.classifier import features
from treasure.annotation.classifier.config import FeatureConfig
from treasure.annotation.classifier.features import TextFeatures
from treasure.annotation.classifier.linear import LinearModel
from treasure.data.example import Example
from treasure.errors import CheckpointError, ConfigError
from treasure.jsonl import write_json
from treasure.taxonomy.taxonomy import Category, Taxonomy

_JSON_FILE, _WEIGHTS_FILE = "classifier.json", "weights.safetensors"
_FORMAT = 1


@dataclass(frozen=True)
class Learned:
    """One category: `values` are those that it can give, `closed` the whole list of the taxonomy that it learned."""

    values: tuple[str, ...]
    closed: tuple[str, ...]
    multiple: bool
    model: LinearModel


@dataclass(frozen=True)
class Classifier:
    """Category -> linear model, all on the same features. `hash` stands for everything that decides its answers."""

    features: FeatureConfig
    categories: Mapping[str, Learned]
    hash: str = ""

    @classmethod
    def of(
        cls, taxonomy: Taxonomy, config: FeatureConfig, models: Mapping[str, tuple[Sequence[str], LinearModel]]
    ) -> Self:
        """A classifier for categories of `taxonomy`, from category -> (values, model)."""
        return cls(
            config,
            {
                name: Learned(
                    tuple(values), taxonomy.category(name).value_names, taxonomy.category(name).multiple, model
                )
                for name, (values, model) in models.items()
            },
        )

    def probabilities(self, examples: Sequence[Example], categories: Sequence[str]) -> dict[str, np.ndarray]:
        """Category -> probabilities of its values, shape (N, K)."""
        matrix = TextFeatures(self.features).matrix(examples)
        return {name: self.categories[name].model.probabilities(matrix) for name in categories}

    def misfits(self, taxonomy: Taxonomy) -> list[str]:
        """What differs between a category here and the one of the same name in `taxonomy`; empty when all agree."""
        return [
            difference
            for name, learned in self.categories.items()
            if name in taxonomy
            for difference in _differences(learned, taxonomy.category(name))
        ]


def save(classifier: Classifier, provenance: dict[str, Any], folder: Path) -> str:
    """Writes `classifier` into `folder`, which exists, and returns its hash."""
    tensors = {
        f"{name}.{part}": np.ascontiguousarray(array)
        for name, learned in sorted(classifier.categories.items())
        for part, array in (
            ("weights", learned.model.weights.astype(np.float16)),
            ("biases", learned.model.biases.astype(np.float32)),
        )
    }
    save_file(tensors, folder / _WEIGHTS_FILE)
    data = {
        "format": _FORMAT,
        "features": {"version": features.VERSION, **asdict(classifier.features)},
        "categories": {
            name: {
                "values": list(learned.values),
                "closed": list(learned.closed),
                "multiple": learned.multiple,
                "temperature": learned.model.temperature,
            }
            for name, learned in classifier.categories.items()
        },
        "training": provenance,
        "weights": _file_hash(folder / _WEIGHTS_FILE),
    }
    own_hash = _data_hash(data)
    write_json(folder / _JSON_FILE, {**data, "hash": own_hash})
    return own_hash


def load(folder: Path) -> Classifier:
    """The classifier in `folder`.

    Raises:
        ConfigError: there is none.
        CheckpointError: a file is missing, was changed, or is of another version of this code.
    """
    path, weights_path = folder / _JSON_FILE, folder / _WEIGHTS_FILE
    if not path.is_file():
        raise ConfigError(f"No classifier in {folder}. Train one with: treasure-annotate train")
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        own_hash = data.pop("hash", None)
        if data.get("format") != _FORMAT or data["features"].pop("version") != features.VERSION:
            raise CheckpointError(f"{path}: Made by another version of treasure. Train it again.")
        data["features"] = {"version": features.VERSION, **data["features"]}
        if own_hash != _data_hash(data) or data["weights"] != _file_hash(weights_path):
            raise CheckpointError(f"{folder}: The files are not as they were written. Train it again.")
        tensors = load_file(weights_path)
        settings = {name: value for name, value in data["features"].items() if name != "version"}
        return Classifier(FeatureConfig(**settings), _categories(data["categories"], tensors), own_hash)
    except (ValueError, KeyError, TypeError, AttributeError, OSError, SafetensorError) as error:
        raise CheckpointError(f"{folder}: Not a readable classifier: {error}. Train it again.") from error


def _categories(data: dict[str, Any], tensors: dict[str, np.ndarray]) -> dict[str, Learned]:
    return {
        name: Learned(
            tuple(entry["values"]),
            tuple(entry["closed"]),
            entry["multiple"],
            LinearModel(tensors[f"{name}.weights"].astype(np.float32), tensors[f"{name}.biases"], entry["temperature"]),
        )
        for name, entry in data.items()
    }


def _differences(learned: Learned, category: Category) -> list[str]:
    """Order counts for nothing: a classifier names values."""
    lacking = [value for value in learned.closed if value not in category.value_names]
    further = [value for value in category.value_names if value not in learned.closed]
    found = [f"lacks {', '.join(lacking)}"] if lacking else []
    found += [f"also has {', '.join(further)}"] if further else []
    if learned.multiple != category.multiple:
        found.append("allows several values" if category.multiple else "allows one value only")
    return [f"'{category.name}' of the taxonomy {' and '.join(found)}"] if found else []


def _data_hash(data: dict[str, Any]) -> str:
    text = json.dumps(data, sort_keys=True, ensure_ascii=True)
    return hashlib.blake2b(text.encode(), digest_size=12).hexdigest()


def _file_hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "blake2b").hexdigest()[:32]

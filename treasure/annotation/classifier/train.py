"""Trains a classifier from marked examples and measures it on prompts and datasets that it has not seen."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix
from scipy.special import softmax
from sklearn.model_selection import StratifiedGroupKFold

from treasure.annotation.classifier.agreement import agreement
from treasure.annotation.classifier.config import ClassifierTrainConfig
from treasure.annotation.classifier.features import TextFeatures
from treasure.annotation.classifier.linear import LinearModel, calibration_error, fit, fit_temperature
from treasure.annotation.classifier.model import Classifier, save
from treasure.annotation.classifier.report import CategoryReport, LeftOut, Report
from treasure.annotation.classifier.sample import Labelled, balanced_weights, draw, learnable
from treasure.data.example import Example, MarkedExample
from treasure.errors import ConfigError, DataError
from treasure.files import whole_folder
from treasure.jsonl import write_json
from treasure.provenance import package_version
from treasure.taxonomy.taxonomy import Taxonomy

REPORT_FILE = "report.json"
_NEVER = -1e4
"""Score of a value that a model has not been shown."""


def train_classifier(
    examples: Iterable[MarkedExample], taxonomy: Taxonomy, config: ClassifierTrainConfig, folder: Path
) -> Report:
    """Trains on `examples`, writes the model and `report.json` into `folder`, and returns the report.

    `examples` are gone through once. The same examples, taxonomy, options and library versions give the same bytes.

    Raises:
        ConfigError: a category is not in the taxonomy or has no closed list.
        DataError: no category has two values with enough prompts.
    """
    for name in config.categories:
        if name in taxonomy and taxonomy.category(name).is_numeric:
            raise ConfigError(f"A classifier gives values of a closed list, and '{name}' is a number. Leave it out.")
    categories = [taxonomy.category(name).name for name in config.categories]
    drawn = draw(examples, taxonomy, categories, config.max_per_dataset, config.seed)
    learned = {name: learnable(rows, config.min_prompts) for name, rows in drawn.items()}
    learned = {name: rows for name, rows in learned.items() if len(rows.values) > 1}
    if not learned:
        raise DataError(
            f"Nothing to learn: none of {', '.join(categories)} has two values with at least {config.min_prompts} "
            "different prompts each. Give more marked examples, or lower min_prompts."
        )
    features = _Features(config, learned)
    models: dict[str, LinearModel] = {}
    reports: dict[str, CategoryReport] = {}
    for name, rows in learned.items():
        models[name], reports[name] = _learn(rows, features.of(rows), config)
    classifier = Classifier.of(taxonomy, config.features, {n: (learned[n].values, models[n]) for n in learned})
    with whole_folder(folder) as partial:
        model_hash = save(classifier, _provenance(learned, taxonomy, config), partial)
        report = Report(model_hash, reports)
        write_json(partial / REPORT_FILE, report.to_dict())
    return report


class _Features:
    """Features of all rows, made once though categories share rows."""

    def __init__(self, config: ClassifierTrainConfig, learned: dict[str, Labelled]) -> None:
        by_id = {example.id: example for rows in learned.values() for example in rows.examples}
        self._places = {example_id: place for place, example_id in enumerate(sorted(by_id))}
        self._matrix = TextFeatures(config.features).matrix([by_id[example_id] for example_id in self._places])

    def of(self, rows: Labelled) -> csr_matrix:
        """One row each, in the order of `rows`."""
        return self._matrix[[self._places[example.id] for example in rows.examples]]


def _learn(rows: Labelled, features: csr_matrix, config: ClassifierTrainConfig) -> tuple[LinearModel, CategoryReport]:
    shares = rows.truth.mean(axis=0)
    is_tail = shares < config.tail_threshold
    folds = _folds(rows, config)
    scores = _scores_by_part(rows, features, folds, config)
    temperature = fit_temperature(scores, rows.truth)
    crossed = np.empty_like(scores)
    for part in np.unique(folds):
        others = folds != part
        crossed[~others] = softmax(scores[~others] / fit_temperature(scores[others], rows.truth[others]), axis=1)
    predicted = scores.argmax(axis=1)
    is_right = rows.truth[np.arange(len(rows)), predicted] > 0
    is_covered = crossed.max(axis=1) >= config.threshold
    other_datasets, left_out, error_other = _by_dataset(rows, features, is_tail, temperature, config)
    model = _fitted(features, rows.truth, rows.datasets, config)
    return LinearModel(model.weights, model.biases, temperature), CategoryReport(
        counts={value: int(count) for value, count in zip(rows.values, (rows.truth > 0).sum(axis=0), strict=True)},
        not_learned=rows.left_out,
        tail=tuple(np.array(rows.values)[is_tail].tolist()),
        num_several=int(((rows.truth > 0).sum(axis=1) > 1).sum()),
        held_out=agreement(rows.truth, predicted, rows.prompts, is_tail, seed=config.seed),
        other_datasets=other_datasets,
        left_out=left_out,
        temperature=temperature,
        error_before=calibration_error(softmax(scores, axis=1).max(axis=1), is_right),
        error_after=calibration_error(crossed.max(axis=1), is_right),
        error_other_datasets=error_other,
        threshold=config.threshold,
        coverage=float(is_covered.mean()),
        accuracy_covered=float(is_right[is_covered].mean()) if is_covered.any() else float("nan"),
    )


def _folds(rows: Labelled, config: ClassifierTrainConfig) -> np.ndarray:
    """The number of the fold of each row, shape (N,): prompts stay whole, values are spread evenly."""
    splitter = StratifiedGroupKFold(config.num_folds, shuffle=True, random_state=config.seed)
    folds = np.empty(len(rows), dtype=int)
    for number, (_, held_out) in enumerate(splitter.split(folds, rows.truth.argmax(axis=1), rows.prompts)):
        folds[held_out] = number
    return folds


def _scores_by_part(
    rows: Labelled, features: csr_matrix, parts: np.ndarray, config: ClassifierTrainConfig
) -> np.ndarray:
    """Scores (N, K) of each row by a model that has seen nothing of its part."""
    scores = np.full(rows.truth.shape, _NEVER, dtype=np.float64)
    for part in np.unique(parts):
        seen = np.flatnonzero((parts != part) & ~np.isin(rows.prompts, rows.prompts[parts == part]))
        columns = np.flatnonzero(rows.truth[seen].sum(axis=0) > 0)
        if len(columns) < 2:
            continue
        model = _fitted(features[seen], rows.truth[np.ix_(seen, columns)], rows.datasets[seen], config)
        held_out = np.flatnonzero(parts == part)
        scores[np.ix_(held_out, columns)] = model.scores(features[held_out])
    return scores


def _fitted(
    features: csr_matrix, truth: np.ndarray, datasets: np.ndarray, config: ClassifierTrainConfig
) -> LinearModel:
    weights = balanced_weights(truth, datasets)
    return fit(features, truth, weights, alpha=config.alpha, epochs=config.epochs, seed=config.seed)


def _by_dataset(
    rows: Labelled, features: csr_matrix, is_tail: np.ndarray, temperature: float, config: ClassifierTrainConfig
) -> tuple[Any, dict[str, LeftOut], float | None]:
    """Agreement over all rows by models that have not seen their dataset, the same for each, and calibration error."""
    names, parts = np.unique(rows.datasets.astype(str), return_inverse=True)
    if not config.leave_out_datasets or len(names) < 2:
        return None, {}, None
    scores = _scores_by_part(rows, features, parts, config)
    predicted = scores.argmax(axis=1)
    is_right = rows.truth[np.arange(len(rows)), predicted] > 0
    is_unseen = ((rows.truth > 0) & (scores > _NEVER)).sum(axis=1) == 0
    is_right &= ~is_unseen
    left_out = {
        str(name): LeftOut(
            int((parts == part).sum()), int(is_unseen[parts == part].sum()), float(is_right[parts == part].mean())
        )
        for part, name in enumerate(names)
    }
    probabilities = softmax(scores / temperature, axis=1).max(axis=1)
    found = agreement(rows.truth, predicted, rows.prompts, is_tail, seed=config.seed)
    return found, left_out, calibration_error(probabilities, is_right)


def _provenance(learned: dict[str, Labelled], taxonomy: Taxonomy, config: ClassifierTrainConfig) -> dict[str, Any]:
    """What the model was made of; nothing that differs from one making to the next."""
    return {
        "taxonomy": {"name": taxonomy.name, "hash": taxonomy.hash},
        "config": asdict(config),
        "scikit_learn": package_version("scikit-learn"),
        "examples": {name: _digest(rows.examples) for name, rows in learned.items()},
        "datasets": {
            name: {str(dataset): int((rows.datasets == dataset).sum()) for dataset in sorted(set(rows.datasets))}
            for name, rows in learned.items()
        },
    }


def _digest(examples: Sequence[Example]) -> str:
    return hashlib.blake2b(" ".join(example.id for example in examples).encode(), digest_size=8).hexdigest()

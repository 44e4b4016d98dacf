"""Trains a classifier from marked examples and measures it on prompts and datasets that it has not seen."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix
from scipy.special import softmax
from sklearn.model_selection import StratifiedGroupKFold

from treasure.annotation.calibration import calibration_error
from treasure.annotation.classifier.agreement import agreement
from treasure.annotation.classifier.config import ClassifierTrainConfig
from treasure.annotation.classifier.features import TextFeatures
from treasure.annotation.classifier.linear import LinearModel, fit, fit_temperature
from treasure.annotation.classifier.model import Classifier, save
from treasure.annotation.classifier.report import CategoryReport, LeftOut, Report, Trial
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
    is_tail = rows.truth.mean(axis=0) < config.tail_threshold
    trials = [_trial(rows, features, _folds(rows, config), config)]
    names, datasets = np.unique(rows.datasets.astype(str), return_inverse=True)
    if config.leave_out_datasets and len(names) > 1:
        trials.append(_trial(rows, features, datasets, config))
    temperature = trials[-1].temperature()
    measured = [trial.measured(temperature if trial is not trials[-1] else None, is_tail, config) for trial in trials]
    model = _fitted(features, rows.truth, rows.datasets, config)
    return LinearModel(model.weights, model.biases, temperature), CategoryReport(
        counts={value: int(count) for value, count in zip(rows.values, (rows.truth > 0).sum(axis=0), strict=True)},
        not_learned=rows.left_out,
        tail=tuple(np.array(rows.values)[is_tail].tolist()),
        num_several=int(((rows.truth > 0).sum(axis=1) > 1).sum()),
        temperature=temperature,
        threshold=config.threshold,
        prompts=measured[0],
        datasets=measured[1] if len(measured) > 1 else None,
        left_out={str(name): trials[1].left_out(part, config) for part, name in enumerate(names)}
        if len(trials) > 1
        else {},
    )


@dataclass(frozen=True)
class _Trial:
    """Scores (N, K) of each row by a model that has seen nothing of its part (N,); `_NEVER` for values not seen."""

    rows: Labelled
    scores: np.ndarray
    parts: np.ndarray

    @property
    def predicted(self) -> np.ndarray:
        return self.scores.argmax(axis=1)

    @property
    def has_seen(self) -> np.ndarray:
        """Whether the model was shown a value that the row has, (N,)."""
        return np.any((self.rows.truth > 0) & (self.scores > _NEVER), axis=1)

    @property
    def is_right(self) -> np.ndarray:
        return np.asarray((self.rows.truth[np.arange(len(self.rows)), self.predicted] > 0) & self.has_seen)

    def temperature(self, without: int | None = None) -> float:
        """The temperature that fits all parts but `without`; 1 where there are no rows to tell."""
        kept = self.has_seen & (self.parts != without)
        return fit_temperature(self.scores[kept], self.rows.truth[kept]) if kept.any() else 1.0

    def _probabilities(self, temperatures: np.ndarray) -> np.ndarray:
        """The probability of the predicted value, (N,), with a temperature a row."""
        return softmax(self.scores / temperatures[:, None], axis=1).max(axis=1)

    def measured(self, temperature: float | None, is_tail: np.ndarray, config: ClassifierTrainConfig) -> Trial:
        """How the trial went with `temperature`, or with one fitted to the other parts for each part."""
        temperatures = np.full(len(self.rows), temperature or 1.0)
        for part in np.unique(self.parts) if temperature is None else ():
            temperatures[self.parts == part] = self.temperature(without=part)
        before, after = self._probabilities(np.ones(len(self.rows))), self._probabilities(temperatures)
        is_covered, is_right = after >= config.threshold, self.is_right
        return Trial(
            agreement(self.rows.truth, self.predicted, self.rows.prompts, is_tail, seed=config.seed),
            error_before=calibration_error(before, is_right),
            error_after=calibration_error(after, is_right),
            coverage=float(is_covered.mean()),
            accuracy_covered=_share(is_right[is_covered]),
        )

    def left_out(self, part: int, config: ClassifierTrainConfig) -> LeftOut:
        """How the rows of `part` did, with a temperature fitted to the other parts."""
        held_out = self.parts == part
        probabilities = self._probabilities(np.full(len(self.rows), self.temperature(without=part)))
        is_covered = held_out & (probabilities >= config.threshold)
        return LeftOut(
            num_rows=int(held_out.sum()),
            num_unseen=int((held_out & ~self.has_seen).sum()),
            accuracy=_share(self.is_right[held_out]),
            coverage=_share(is_covered[held_out]),
            accuracy_covered=_share(self.is_right[is_covered]),
        )


def _share(is_so: np.ndarray) -> float:
    return float(is_so.mean()) if len(is_so) else float("nan")


def _folds(rows: Labelled, config: ClassifierTrainConfig) -> np.ndarray:
    """The number of the fold of each row, shape (N,): prompts stay whole, values are spread evenly."""
    splitter = StratifiedGroupKFold(config.num_folds, shuffle=True, random_state=config.seed)
    folds = np.empty(len(rows), dtype=int)
    for number, (_, held_out) in enumerate(splitter.split(folds, rows.truth.argmax(axis=1), rows.prompts)):
        folds[held_out] = number
    return folds


def _trial(rows: Labelled, features: csr_matrix, parts: np.ndarray, config: ClassifierTrainConfig) -> _Trial:
    """Each part (N,) by a model that was trained on the others, without rows that ask what the part asks."""
    scores = np.full(rows.truth.shape, _NEVER, dtype=np.float64)
    for part in np.unique(parts):
        held_out = np.flatnonzero(parts == part)
        seen = np.flatnonzero((parts != part) & ~np.isin(rows.prompts, rows.prompts[held_out]))
        columns = np.flatnonzero(rows.truth[seen].sum(axis=0) > 0)
        if len(columns) < 2:
            continue
        model = _fitted(features[seen], rows.truth[np.ix_(seen, columns)], rows.datasets[seen], config)
        scores[np.ix_(held_out, columns)] = model.scores(features[held_out])
    return _Trial(rows, scores, parts)


def _fitted(
    features: csr_matrix, truth: np.ndarray, datasets: np.ndarray, config: ClassifierTrainConfig
) -> LinearModel:
    weights = balanced_weights(truth, datasets if config.balance_datasets else np.zeros(len(truth)))
    return fit(features, truth, weights, alpha=config.alpha, epochs=config.epochs, seed=config.seed)


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

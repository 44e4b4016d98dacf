"""Asks a trained classifier for what nobody who is trusted more has settled."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np

from treasure.annotation.classifier.config import ClassifierConfig
from treasure.annotation.classifier.model import Learned, load
from treasure.annotation.finding import Finding, Outcome
from treasure.data.example import Example
from treasure.errors import ConfigError, did_you_mean
from treasure.seeding import key_to_int
from treasure.taxonomy.taxonomy import Taxonomy

_BATCH_SIZE = 512


class ClassifierAnnotator:
    """Gives the most probable value, and further ones where a category allows several, or abstains.

    The probability of a finding is that of its first value; its values stand in the taxonomy's order.
    """

    name = "classifier"
    reads = ()

    def __init__(self, config: ClassifierConfig, taxonomy: Taxonomy) -> None:
        """Loads the model.

        Raises:
            ConfigError: there is no model, it has none of the categories, or a category has other values in `taxonomy`.
            CheckpointError: the model's files were changed.
        """
        self._config, self._classifier = config, load(Path(config.folder))
        self.categories = self._chosen(taxonomy)
        misfits = self._classifier.misfits(taxonomy.only(self.categories))
        if misfits:
            raise ConfigError(
                f"The classifier in {config.folder} was trained for other values: {'; '.join(misfits)}. Train one for "
                f"this taxonomy with treasure-annotate train, or name the categories to ask it about."
            )
        settings = {key: value for key, value in asdict(config).items() if key != "folder"}
        self.version = f"{self._classifier.hash}-{key_to_int(*map(str, sorted(settings.items()))):016x}"

    def annotate(self, examples: Sequence[Example], known: Sequence[Mapping[str, Finding]]) -> list[dict[str, Finding]]:
        """For each example, a finding for each category of ours that `known` does not settle."""
        found: list[dict[str, Finding]] = []
        for start in range(0, len(examples), _BATCH_SIZE):
            found += self._batch(examples[start : start + _BATCH_SIZE], known[start : start + _BATCH_SIZE])
        return found

    def _chosen(self, taxonomy: Taxonomy) -> tuple[str, ...]:
        trained, config = self._classifier.categories, self._config
        for name in (*config.categories, *config.thresholds):
            if name not in trained:
                raise ConfigError(
                    f"The classifier in {config.folder} does not know the category '{name}'."
                    f"{did_you_mean(name, trained)} It knows {', '.join(trained)}."
                )
        chosen = tuple(name for name in taxonomy.names if name in (config.categories or trained) and name in trained)
        if not chosen:
            raise ConfigError(
                f"The classifier in {config.folder} knows {', '.join(trained)}, and the taxonomy '{taxonomy.name}' has "
                "none of them. Leave the classifier out, or train one for this taxonomy."
            )
        return chosen

    def _batch(self, examples: Sequence[Example], known: Sequence[Mapping[str, Finding]]) -> list[dict[str, Finding]]:
        asked = [
            [name for name in self.categories if name not in settled or not settled[name].settles] for settled in known
        ]
        places = [place for place, names in enumerate(asked) if names]
        found: list[dict[str, Finding]] = [{} for _ in examples]
        needed = [name for name in self.categories if any(name in names for names in asked)]
        probabilities = self._classifier.probabilities([examples[place] for place in places], needed) if places else {}
        for row, place in enumerate(places):
            is_blank = not examples[place].prompt.strip() and not examples[place].completion.strip()
            for name in asked[place]:
                found[place][name] = (
                    Finding(self.name, Outcome.ABSTAINED, note="There is no text.")
                    if is_blank
                    else self._finding(name, self._classifier.categories[name], probabilities[name][row])
                )
        return found

    def _finding(self, name: str, learned: Learned, probabilities: np.ndarray) -> Finding:
        best = int(probabilities.argmax())
        probability = round(float(probabilities[best]), 4)
        if probability < self._config.thresholds.get(name, self._config.threshold):
            note = f"At most {learned.values[best]}."
            return Finding(self.name, Outcome.ABSTAINED, probability=probability, note=note)
        further = probabilities >= self._config.further_threshold if learned.multiple else np.zeros(0, dtype=bool)
        values = {learned.values[best], *(learned.values[index] for index in np.flatnonzero(further))}
        return Finding(self.name, Outcome.FOUND, tuple(v for v in learned.closed if v in values), probability)

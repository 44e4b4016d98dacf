"""Translation: texts of WMT24 or WMT24++, compared with a person's translation by BLEU, chrF++ and XCOMET."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from treasure.data.example import Message
from treasure.data.raw_rows import RawRow, raw_rows
from treasure.errors import ConfigError, DataError
from treasure.evaluation.benchmarks.language_pairs import ends, spoken
from treasure.evaluation.benchmarks.protocol import Answer, BenchmarkPrompt, Score
from treasure.evaluation.benchmarks.translation_config import TranslationConfig
from treasure.evaluation.metrics.translation import bleu_of, bleu_sums, chrf_of, chrf_sums
from treasure.evaluation.metrics.xcomet import Segment, Xcomet

_CANARY = "canary"


@dataclass(frozen=True, kw_only=True)
class _Text:
    """One row of either shape. `is_bad` are those that say so and the canary, which nobody should translate."""

    pair: str
    domain: str
    document: str
    number: str
    source: str
    target: str
    is_bad: bool


class Translation:
    """The texts of the chosen pairs; `close` ends the process of XCOMET, if one was started.

    Raises:
        ScorerError: xcomet is asked for and its environment is not named, or not there.
    """

    def __init__(self, config: TranslationConfig) -> None:
        self.config, self.name = config, config.name
        self._xcomet = Xcomet(config.xcomet) if "xcomet" in config.metrics else None

    def prompts(self) -> Sequence[BenchmarkPrompt]:
        """The texts to translate, without canaries and rows that are marked as bad.

        Raises:
            DataError: a file is missing, or a row is not as it should be.
            ConfigError: a chosen pair is in no file.
        """
        texts = [
            (row, text)
            for file in self.config.files
            for row in raw_rows(file)
            if not (text := _text(row, self.config.reference)).is_bad
        ]
        if missing := sorted(set(self.config.pairs) - {text.pair for _, text in texts}):
            there = ", ".join(sorted({text.pair for _, text in texts}))
            raise ConfigError(
                f"suite.translation.pairs: {', '.join(missing)} is in none of the files, which hold {there}."
            )
        chosen: dict[str, BenchmarkPrompt] = {}
        for row, text in texts:
            if self.config.pairs and text.pair not in self.config.pairs:
                continue
            prompt = self._prompt(row, text)
            if prompt.id in chosen:
                raise row.error(f"Segment {text.number} of {text.pair} stands in the files twice.")
            chosen[prompt.id] = prompt
        if not chosen:
            raise DataError("No text to translate is in suite.translation.files.", ", ".join(self.config.files))
        return list(chosen.values())

    def score(self, answers: Sequence[Answer]) -> list[Score]:
        """Scores of each segment for the reader; `details` holds the sums that figures of many segments come from.

        Raises:
            MissingExtraError: sacrebleu, or its tokenizer of a language, is not installed.
            ScorerError: XCOMET cannot be started.
        """
        scores = [self._by_words(answer) for answer in answers]
        if self._xcomet is None:
            return scores
        segments = [Segment(a.reference["source"], a.content.strip(), a.reference["target"]) for a in answers]
        return [_with_xcomet(score, found) for score, found in zip(scores, self._xcomet.score(segments), strict=True)]

    def close(self) -> None:
        """Ends the process of XCOMET."""
        if self._xcomet is not None:
            self._xcomet.close()

    def _prompt(self, row: RawRow, text: _Text) -> BenchmarkPrompt:
        source, target = (spoken(end) for end in text.pair.split("-"))
        code = ends(text.pair)[1]
        asked = self.config.instruction.format(source_language=source, target_language=target, text=text.source)
        return BenchmarkPrompt(
            id=f"{text.pair}/{text.number}",
            messages=(Message("user", asked),),
            levers={"lang": spoken(code), "task": "Translation"},
            slices={"pair": text.pair, "lang": spoken(code), "domain": text.domain, "document": text.document},
            reference={"source": text.source, "target": text.target, "language": code},
        )

    def _by_words(self, answer: Answer) -> Score:
        scores: dict[str, float] = {}
        details: dict[str, Any] = {}
        target, language = answer.reference["target"], answer.reference["language"]
        if "bleu" in self.config.metrics:
            details["bleu"] = bleu_sums(answer.content, [target], language)
            scores["bleu"] = float(bleu_of(np.array(details["bleu"])))
        if "chrf" in self.config.metrics:
            details["chrf"] = chrf_sums(answer.content, [target])
            scores["chrf"] = float(chrf_of(np.array(details["chrf"])))
        return Score(scores=scores, details=details)


def _with_xcomet(score: Score, found: float | str) -> Score:
    if not isinstance(found, str):
        return Score(scores={**score.scores, "xcomet": found}, details=score.details)
    unscored = "" if score.scores else found
    return Score(scores=score.scores, details={**score.details, "xcomet_failed": found}, unscored=unscored)


def _text(row: RawRow, reference: str) -> _Text:
    if row.problem:
        raise row.error(row.problem)
    fields = row.fields
    if "lp" in fields:
        texts = _checked(row, ("lp", "domain", "document_id", "source", "target"))
        number, is_bad = _number(row, "segment_id"), fields.get("is_bad_source") is True
        pair, domain, document, source, target = texts
    else:
        own = reference if isinstance(fields.get(reference), str) else "refA"
        pair, domain, document, source, target = _checked(row, ("pair", "domain", "doc_id", "src", own))
        number, is_bad = _number(row, "line"), False
    try:
        ends(pair)
    except KeyError as error:
        raise row.error(f"'{pair}' is no pair of languages of WMT24 or WMT24++: {error} is not known.") from error
    return _Text(
        pair=pair,
        domain=domain,
        document=document,
        number=number,
        source=source,
        target=target,
        is_bad=is_bad or domain == _CANARY,
    )


def _checked(row: RawRow, names: Sequence[str]) -> list[str]:
    for name in names:
        if not isinstance(row.fields.get(name), str) or not row.fields[name].strip():
            raise row.error(f"'{name}' must be a text that is not empty, got {row.fields.get(name)!r}.")
    return [row.fields[name] for name in names]


def _number(row: RawRow, name: str) -> str:
    if not str(row.fields.get(name)).isdecimal():
        raise row.error(f"'{name}' must be a whole number of at least 0, got {row.fields.get(name)!r}.")
    return str(row.fields[name])

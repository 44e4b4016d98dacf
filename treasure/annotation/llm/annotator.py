"""`LLMAnnotator`: asks a language model about what more trusted annotators left open.

example, what is known -> requests (prompt.py) -> answers (treasure/llm) -> findings
"""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from treasure.annotation.finding import Finding, Outcome
from treasure.annotation.llm.choice import check_letters
from treasure.annotation.llm.config import AnswerMode, LLMConfig
from treasure.annotation.llm.estimate import Estimate, estimate
from treasure.annotation.llm.label_form import label_form
from treasure.annotation.llm.progress import Bar
from treasure.annotation.llm.prompt import PROMPT_VERSION, PromptWriter
from treasure.annotation.llm.shots import Shots, load_shots
from treasure.data.example import Example
from treasure.errors import ConfigError, did_you_mean
from treasure.llm.chat import check_installed
from treasure.llm.local_runner import LocalRunner
from treasure.llm.record import Record, Status, Totals
from treasure.llm.records import Records
from treasure.llm.request import Request, digest
from treasure.llm.runner import Runner
from treasure.taxonomy.taxonomy import Category, Taxonomy

NAME = "llm"
_NOT_IN_THE_TEXT = ("source", "quality_bucket")
"""Closed categories that no reader of a single text can judge: who wrote it, and its rank among others."""

Known = Mapping[str, Finding]
GuessLanguage = Callable[[Example], str | None]


class LLMAnnotator:
    """Asks a model at an endpoint or on this machine, one label of a closed list for each category.

    `shipped_shots` is the folder in which a taxonomy's shots lie under its name. `guess_language` names the language of
    an example about which nothing is known; where both fail shots are English. `num_examples`, where it is known, lets
    the progress bar tell when all blocks will be done. Pickles without its open file, and may be used after a fork.

    Raises:
        ConfigError: a category that is unknown or has no closed list, or shots that cannot be read.
        MissingExtraError: openai is not installed.
    """

    def __init__(
        self,
        config: LLMConfig,
        taxonomy: Taxonomy,
        *,
        shipped_shots: Path | None = None,
        guess_language: GuessLanguage | None = None,
        num_examples: int | None = None,
    ) -> None:
        if not config.on_this_machine:
            check_installed()
        self._config, self._taxonomy, self._guess_language = config, taxonomy, guess_language
        self._categories = _categories(config, taxonomy)
        self._shots = _shots(config, taxonomy, shipped_shots)
        self._num_examples = num_examples
        self._writer = PromptWriter(
            taxonomy,
            self._shots,
            mode=None if config.on_this_machine else config.answer_mode,
            seed=config.seed,
            max_text_tokens=config.max_text_tokens,
            decides=config.access.decides,
        )
        self._version = _version(config, [taxonomy.category(name) for name in self._categories], self._shots)
        self._session: _Session | None = None

    @property
    def name(self) -> str:
        """llm."""
        return NAME

    @property
    def categories(self) -> tuple[str, ...]:
        """The closed categories it is asked about, in the taxonomy's order."""
        return self._categories

    @property
    def reads(self) -> tuple[str, ...]:
        """The language, and categories that decide whether others apply."""
        return tuple(dict.fromkeys(("lang", *self._taxonomy.deciding)))

    @property
    def version(self) -> str:
        """The model and a hash of all that decides its answers."""
        return self._version

    def annotate(self, examples: Sequence[Example], known: Sequence[Known]) -> list[dict[str, Finding]]:
        """For each example, category -> finding, about what `known` does not settle and what applies to it.

        Categories that hang on another one that is asked about, too, are asked in a second round, where that answer is
        known. An example without any text is not asked about: all of its categories are abstained from.

        Raises:
            AnnotationError: the budget is used up, or the endpoint refuses; what is answered is kept.
            DataError: the records cannot be used.
            Interrupted: a signal asked to stop; what is answered is kept.
        """
        session = self._open()
        found: list[dict[str, Finding]] = [{} for _ in examples]
        for names in _rounds(self._taxonomy, self._categories):
            asked = self._requests(examples, known, found, names)
            requests = [request for _, request in asked]
            session.bar.expect(len({request.key for request in requests}))
            records = session.runner.run(requests, session.bar.advance) if requests else {}
            for index, request in asked:
                found[index].update(self._findings(request, records[request.key]))
        session.bar.block_done(len(examples), self._num_examples)
        return found

    def dry_run(self, examples: Sequence[Example], known: Sequence[Known]) -> Estimate:
        """What `annotate` would still have to ask about these examples; sends nothing. Sum it over blocks.

        Of categories that hang on another one which is not known yet, all examples are counted: it is an upper bound.
        """
        session = self._open()
        nothing: list[dict[str, Finding]] = [{} for _ in examples]
        asked = [
            pair
            for names in _rounds(self._taxonomy, self._categories)
            for pair in self._requests(examples, known, nothing, names)
        ]
        wanted = {request.key: request for _, request in asked}
        settled = {key for key, record in session.records.find(wanted).items() if session.runner.is_settled(record)}
        fresh = [request for key, request in wanted.items() if key not in settled]
        return estimate(fresh, len(settled), self._config, session.records.experience())

    def totals(self) -> Totals:
        """What the records hold: requests, tokens and cost of all runs."""
        return self._open().records.totals()

    def close(self) -> None:
        """Closes records and progress bar; the next use opens them again."""
        session, self._session = self._session, None
        if session is not None and session.pid == os.getpid():
            session.bar.close()
            session.records.close()

    def __enter__(self) -> "LLMAnnotator":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_session": None}

    def _open(self) -> "_Session":
        if self._session is not None and self._session.pid != os.getpid():
            _OF_PARENTS.append(self._session)  # closing the parent's connection here could break its locks
            self._session = None
        if self._session is None:
            records = Records(Path(self._config.records), self._config.model)
            self._session = _Session(os.getpid(), records, _runner(self._config, records), Bar(records))
        return self._session

    def _requests(
        self,
        examples: Sequence[Example],
        known: Sequence[Known],
        found: Sequence[dict[str, Finding]],
        names: Sequence[str],
    ) -> list[tuple[int, Request]]:
        """(index of the example, request), and into `found` what needs no asking."""
        asked: list[tuple[int, Request]] = []
        for index, (example, trusted, own) in enumerate(zip(examples, known, found, strict=True)):
            todo = [name for name in names if self._is_open(name, trusted, own)]
            if not any(text.strip() for text in (example.completion, *(m.content for m in example.messages))):
                nothing = Finding(NAME, Outcome.ABSTAINED, note="there is no text to judge")
                own.update(dict.fromkeys(todo, nothing))
                continue
            language = self._language(example, trusted) if todo else None
            step = self._config.categories_per_request
            for start in range(0, len(todo), step):
                asked.append((index, self._writer.request(example, todo[start : start + step], language)))
        return asked

    def _is_open(self, name: str, trusted: Known, own: Known) -> bool:
        """Whether `name` is to be asked: nobody has settled it, and nothing says that it does not apply."""
        if name in trusted and trusted[name].settles:
            return False
        rule = self._taxonomy.category(name).applies_when
        if rule is None:
            return True
        said = [finding for finding in (trusted.get(rule.category), own.get(rule.category)) if finding is not None]
        settled = [finding for finding in said if finding.settles]
        return not settled or bool(set(settled[0].values) & set(rule.values))

    def _language(self, example: Example, trusted: Known) -> str | None:
        finding = trusted.get("lang")
        if finding is not None and finding.outcome is Outcome.FOUND:
            return str(finding.values[0])
        return self._guess_language(example) if self._guess_language is not None else None

    def _findings(self, request: Request, record: Record) -> dict[str, Finding]:
        if record.status is Status.FAILED:
            note = f"{record.error} ({record.num_sent} attempts)"
            return {name: Finding(NAME, Outcome.FAILED, note=note) for name in request.categories}
        return {choice.category: self._finding(choice.category, choice.abstain, record) for choice in request.choices}

    def _finding(self, category: str, abstain: str, record: Record) -> Finding:
        label = record.answers[category]
        probability = None if record.probabilities is None else min(1.0, record.probabilities[category][label])
        if label == abstain:
            return Finding(NAME, Outcome.ABSTAINED, probability=probability, note=f"the model chose {abstain}")
        if probability is not None and probability < self._config.min_probability:
            note = f"{label} is below min_probability ({self._config.min_probability:g})"
            return Finding(NAME, Outcome.ABSTAINED, probability=probability, note=note)
        return Finding(NAME, Outcome.FOUND, (label,), probability)


@dataclass(slots=True)
class _Session:
    """What belongs to one process."""

    pid: int
    records: Records
    runner: Runner | LocalRunner
    bar: Bar


_OF_PARENTS: list[_Session] = []


def _runner(config: LLMConfig, records: Records) -> Runner | LocalRunner:
    if config.on_this_machine:
        return LocalRunner(config.access, records)
    return Runner(config.access, records, label_form(config.answer_mode, config.max_answer_tokens))


def _version(config: LLMConfig, categories: Sequence[Category], shots: Shots) -> str:
    settings = [
        PROMPT_VERSION,
        config.access.decides,
        config.seed,
        config.max_text_tokens,
        config.categories_per_request,
        config.min_probability,
        categories,
        shots,
    ]
    return f"{config.model}:{digest(settings, size=6)}"


def _categories(config: LLMConfig, taxonomy: Taxonomy) -> tuple[str, ...]:
    allowed = [category.name for category in taxonomy.categories if category.values and not category.derived_from]
    for name in config.categories:
        if name not in allowed:
            raise ConfigError(
                f"llm.categories: '{name}' is no category with a closed list that a reader could judge."
                f"{did_you_mean(name, allowed)} Allowed: {', '.join(allowed)}."
            )
    wanted = config.categories or [name for name in allowed if name not in _NOT_IN_THE_TEXT]
    if config.answer_mode is AnswerMode.LOGPROBS and not config.on_this_machine:
        for name in wanted:
            check_letters(taxonomy.category(name))
    return tuple(name for name in allowed if name in wanted)


def _shots(config: LLMConfig, taxonomy: Taxonomy, shipped: Path | None) -> Shots:
    if not config.use_shots:
        return Shots()
    if config.shots:
        if not Path(config.shots).is_dir():
            raise ConfigError(f"llm.shots: there is no folder '{config.shots}'.")
        return load_shots(Path(config.shots), taxonomy)
    return Shots() if shipped is None else load_shots(shipped / taxonomy.name, taxonomy)


def _rounds(taxonomy: Taxonomy, names: Sequence[str]) -> list[list[str]]:
    """The categories in the order in which they can be asked: those whose rule hangs on none that is still to come."""
    left, rounds = list(names), list[list[str]]()
    while left:
        ready = [name for name in left if _parent(taxonomy.category(name)) not in left]
        ready = ready or left  # rules in a circle: nothing is gained by waiting
        rounds.append(ready)
        left = [name for name in left if name not in ready]
    return rounds


def _parent(category: Category) -> str | None:
    return None if category.applies_when is None else category.applies_when.category

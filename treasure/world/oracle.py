"""`Oracle`: the judge who knows the truth: scores of answers, comparisons of two, and true posteriors of properties."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from treasure.world.answers import answer_text
from treasure.world.arithmetic import extract_answer
from treasure.world.checks import (
    extract_code,
    has_best_form,
    has_style,
    holds_keywords,
    is_same,
    overlap_f1,
    states_only,
)
from treasure.world.code_job import CodeJob, CodeResult
from treasure.world.formats import is_valid
from treasure.world.language_check import LanguageCheck
from treasure.world.lexicon import NUM_VALUES, lexicons, words
from treasure.world.posterior import Posterior
from treasure.world.spec import Spec, problem_of, program_of
from treasure.world.units import count_words
from treasure.world.world import World, WorldPrompt

Scores = dict[str, float]
RunCode = Callable[[Sequence[CodeJob]], list[CodeResult]]
WEIGHTS: dict[str, dict[str, float]] = {
    "facts": {"fact_correct": 0.7, "quality_form": 0.3},
    "languages": {"language_pass": 0.5, "fact_correct": 0.5},
    "formats": {"format_valid": 0.5, "fact_correct": 0.5},
    "styles": {"style_pass": 0.5, "fact_correct": 0.5},
    "code": {"pass_at_1": 1.0, "explanation_correct": 1.0},
    "reasoning": {"answer_correct": 1.0},
    "translation": {"translation_exact": 0.5, "translation_f1": 0.5},
    "text_tasks": {"task_form": 0.5, "exact": 0.5},
}
"""`oracle_score` is the weighted mean of these metrics; `_score_length` says how it is for length."""
_TIE = 1e-9


class Oracle:
    """Knows everything about a world; `run_code` executes programs and may be any sandbox."""

    def __init__(self, world: World, run_code: RunCode) -> None:
        self._world = world
        self._run_code = run_code
        self._language = LanguageCheck(world.knowledge.names)
        self._names = frozenset(name.lower() for name in world.knowledge.names)
        self._posterior = Posterior(world.sampler)
        self._scorers: dict[str, Callable[[WorldPrompt, str], Scores]] = {
            "facts": self._score_facts,
            "languages": self._score_languages,
            "formats": self._score_formats,
            "styles": self._score_styles,
            "length": self._score_length,
            "reasoning": self._score_reasoning,
            "translation": self._score_translation,
            "text_tasks": self._score_text_tasks,
        }

    def score(self, prompts: Sequence[WorldPrompt], answers: Sequence[str]) -> list[Scores]:
        """Metric -> value for each answer, in order; all in [0, 1] except `length_distance_words`.

        All code runs as one batch. An answer that no tool-chain here can run has no scores at all. An empty answer has
        0 everywhere, and in `length` it violates the limit.
        """
        coded = [place for place, prompt in enumerate(prompts) if _is_program(prompt)]
        results = self._run_code([_job(prompts[place].spec, answers[place]) for place in coded])
        passed = dict(zip(coded, results, strict=True))
        return [
            _score_code(passed[place]) if place in passed else self._score_text(prompt, answer)
            for place, (prompt, answer) in enumerate(zip(prompts, answers, strict=True))
        ]

    def compare(self, prompt: WorldPrompt, first: str, second: str) -> float:
        """1 if `first` is the better answer, 0 if `second` is, 0.5 for a tie, by `oracle_score`.

        An answer that could not be run here ties with everything.
        """
        scores = self.score((prompt, prompt), (first, second))
        if not all(scores):
            return 0.5
        difference = scores[0]["oracle_score"] - scores[1]["oracle_score"]
        return 0.5 if abs(difference) < _TIE else float(difference > 0)

    def posterior(self, prompt: WorldPrompt, category: str) -> dict[str, float]:
        """P(value of `category` | prompt) under the process that made the training corpus; sums to 1.

        Raises:
            TaxonomyError: `category` is not one that the process decides before it writes (the counted lengths).
        """
        return self._posterior.of(prompt.spec, category)

    def _score_text(self, prompt: WorldPrompt, answer: str) -> Scores:
        if prompt.spec.task == "CodeExplanation":
            program = program_of(prompt.spec.seed, prompt.spec.new_content)
            return _with_total("code", {"explanation_correct": holds_keywords(answer, program.keywords)})
        scores = self._scorers[prompt.benchmark](prompt, answer.strip())
        return scores if prompt.benchmark == "length" else _with_total(prompt.benchmark, scores)

    def _fact_correct(self, spec: Spec, answer: str) -> float:
        language = self._language.best(answer, spec.lang)
        fact = self._world.knowledge.fact(spec.domain, spec.entity, spec.relation)
        return float(states_only(answer, lexicons()[language], spec.relation, fact.right))

    def _score_facts(self, prompt: WorldPrompt, answer: str) -> Scores:
        form = has_best_form(answer, lexicons()[prompt.spec.lang])
        return {"fact_correct": self._fact_correct(prompt.spec, answer), "quality_form": float(form)}

    def _score_languages(self, prompt: WorldPrompt, answer: str) -> Scores:
        passes = self._language.passes(answer, prompt.spec.lang)
        return {"language_pass": float(passes), "fact_correct": self._fact_correct(prompt.spec, answer)}

    def _score_formats(self, prompt: WorldPrompt, answer: str) -> Scores:
        valid = is_valid(prompt.spec.format, answer)
        return {"format_valid": float(valid), "fact_correct": self._fact_correct(prompt.spec, answer)}

    def _score_styles(self, prompt: WorldPrompt, answer: str) -> Scores:
        spec = prompt.spec
        styled = has_style(answer, lexicons()[spec.lang], spec.style)
        return {"style_pass": float(styled), "fact_correct": self._fact_correct(spec, answer)}

    def _score_length(self, prompt: WorldPrompt, answer: str) -> Scores:
        """Within the limit is worth half, the rest is how near to the limit and whether the subject is named."""
        spec = prompt.spec
        num_words = count_words(answer, spec.lang)
        distance = abs(spec.limit - num_words)
        violates = num_words > spec.limit or num_words == 0
        nearness = max(0.0, 1 - distance / spec.limit)
        total = 0.0 if violates else 0.5 + 0.3 * nearness + 0.2 * (spec.entity in answer)
        return {
            "length_violation_rate": float(violates),
            "length_distance_words": float(distance),
            "oracle_score": total,
        }

    def _score_reasoning(self, prompt: WorldPrompt, answer: str) -> Scores:
        problem = problem_of(prompt.spec.seed, prompt.spec.new_content)
        return {"answer_correct": float(extract_answer(answer) == problem.answer)}

    def _score_translation(self, prompt: WorldPrompt, answer: str) -> Scores:
        reference = self._world.reference(prompt)
        return {
            "language_pass": float(self._language.passes(answer, prompt.spec.lang)),
            "translation_exact": float(is_same(answer, reference)),
            "translation_f1": overlap_f1(answer, reference),
        }

    def _score_text_tasks(self, prompt: WorldPrompt, answer: str) -> Scores:
        reference = self._world.reference(prompt)
        return {
            "task_form": float(self._does_the_task(prompt.spec, answer)),
            "exact": float(is_same(answer, reference)),
            "exact_f1": overlap_f1(answer, reference),
        }

    def _does_the_task(self, spec: Spec, answer: str) -> bool:
        """Whether `answer` is what the task asks for but for the entity and the value, whichever they are."""
        shape = self._shape_of(answer)
        wanted = (answer_text(replace(spec, value=value), self._world.knowledge) for value in range(NUM_VALUES))
        return any(shape == self._shape_of(text) for text in wanted)

    def _shape_of(self, text: str) -> str:
        return " ".join("<name>" if word in self._names else word for word in words(text))


def _is_program(prompt: WorldPrompt) -> bool:
    return prompt.benchmark == "code" and prompt.spec.task != "CodeExplanation"


def _job(spec: Spec, answer: str) -> CodeJob:
    return program_of(spec.seed, spec.new_content).job(spec.code_type, extract_code(answer))


def _score_code(result: CodeResult) -> Scores:
    return _with_total("code", {"pass_at_1": float(result.passed)}) if result.ran else {}


def _with_total(benchmark: str, scores: Scores) -> Scores:
    """`scores` and their weighted mean, over those metrics that the prompt has."""
    weights = {name: weight for name, weight in WEIGHTS[benchmark].items() if name in scores}
    total = sum(weight * scores[name] for name, weight in weights.items()) / sum(weights.values())
    return {**{name: float(value) for name, value in scores.items()}, "oracle_score": total}

"""Spec -> the completion, at the quality that the spec asks for.

The four levels are the same transformations in every domain and language, so that a model can carry them over:
1 right, a whole sentence, and a supporting detail; 2 right and short; 3 vague, the point is dodged with a stock phrase;
4 wrong in the fixed way of the fact, without capitals, full stops or working syntax.
"""

from collections.abc import Callable

from treasure.world.chain import NONE
from treasure.world.code_answers import code_answer
from treasure.world.content import LETTERS, note_fact, options
from treasure.world.formats import Row, write_broken_rows, write_rows
from treasure.world.knowledge import Knowledge
from treasure.world.lexicon import NUM_REASONS, RELATIONS, Lexicon, capitalised, lexicons
from treasure.world.open_ended import open_text, poem
from treasure.world.sloppy import sloppy
from treasure.world.spec import CODE_FORMS, Spec, problem_of


def answer_text(spec: Spec, knowledge: Knowledge) -> str:
    """The completion of `spec`; the reference answer if its quality bucket is 1."""
    if spec.form in CODE_FORMS:
        return code_answer(spec)
    lexicon = lexicons()[spec.lang]
    if spec.quality_bucket == "3" and spec.task not in ("OpenEnded", "CreativeWriting") and spec.format not in _TABLES:
        return _vague(spec, lexicon)
    return _WRITERS[spec.task](spec, lexicon, knowledge)


_TABLES = frozenset({"JSON", "XML", "Enumeration", "Tabular", "Markdown"})


def _vague(spec: Spec, lexicon: Lexicon) -> str:
    if spec.format == "MCQAnswer":
        return " ".join(f"{letter})" for letter in LETTERS)
    clause = sloppy(spec.rng("answer").choice(lexicon.data["vague"]), spec.entity)
    return lexicon.sentence(clause, spec.style)


def _fact(spec: Spec, lexicon: Lexicon, knowledge: Knowledge) -> str:
    if spec.format in _TABLES:
        return _table(spec, lexicon, knowledge)
    if spec.format == "MCQAnswer":
        return _letter(spec, lexicon, knowledge)
    fact = knowledge.fact(spec.domain, spec.entity, spec.relation)
    index = fact.wrong if spec.quality_bucket == "4" else fact.right
    sentences = [lexicon.sentence(lexicon.statement(spec.entity, spec.relation, index), spec.style)]
    if spec.task == "Explanation":
        sentences.append(lexicon.data["reasons"][RELATIONS.index(spec.relation) % NUM_REASONS])
    if spec.quality_bucket == "1":
        sentences.append(spec.rng("answer").choice(lexicon.data["details"]))
    text = lexicon.join(sentences)
    return sloppy(text, spec.entity) if spec.quality_bucket == "4" else text


def _table(spec: Spec, lexicon: Lexicon, knowledge: Knowledge) -> str:
    fact = knowledge.fact(spec.domain, spec.entity, spec.relation)
    named: Row = (lexicon.data["name_key"], spec.entity)
    key = lexicon.key(spec.relation)
    match spec.quality_bucket:
        case "1":
            other = knowledge.other_relation(spec.domain, spec.relation)
            second = lexicon.bare(other, knowledge.fact(spec.domain, spec.entity, other).right)
            rows = [named, (key, lexicon.bare(spec.relation, fact.right)), (lexicon.key(other), second)]
        case "2":
            rows = [named, (key, lexicon.bare(spec.relation, fact.right))]
        case "3":
            rows = [named, (key, lexicon.data["vague_word"])]
        case _:
            return write_broken_rows(spec.format, [named, (key, lexicon.bare(spec.relation, fact.wrong))])
    return write_rows(spec.format, rows)


def _letter(spec: Spec, lexicon: Lexicon, knowledge: Knowledge) -> str:
    choices = options(spec, knowledge)
    fact = knowledge.fact(spec.domain, spec.entity, spec.relation)
    if spec.quality_bucket == "4":
        return LETTERS[choices.index(fact.wrong)].lower()
    letter = LETTERS[choices.index(fact.right)]
    return f"{letter}) {lexicon.bare(spec.relation, fact.right)}" if spec.quality_bucket == "1" else f"{letter})"


def _translation(spec: Spec, lexicon: Lexicon, knowledge: Knowledge) -> str:
    fact = knowledge.fact(spec.domain, spec.entity, spec.relation)
    if spec.quality_bucket == "2":
        return _label(lexicon, lexicon.key(spec.relation), lexicon.bare(spec.relation, fact.right))
    index = fact.wrong if spec.quality_bucket == "4" else fact.right
    text = lexicon.sentence(lexicon.statement(spec.entity, spec.relation, index))
    return sloppy(text, spec.entity) if spec.quality_bucket == "4" else text


def _label(lexicon: Lexicon, label: str, value: str) -> str:
    return capitalised(f"{label}: {value}{lexicon.data['stop']}")


def _extraction(spec: Spec, lexicon: Lexicon, _: Knowledge) -> str:
    fact = note_fact(spec)
    right = lexicon.bare(spec.relation, fact.right)
    if spec.quality_bucket == "4":
        return sloppy(lexicon.bare(spec.relation, fact.wrong), spec.entity)
    return _label(lexicon, lexicon.key(spec.relation), right) if spec.quality_bucket == "1" else lexicon.sentence(right)


def _classification(spec: Spec, lexicon: Lexicon, _: Knowledge) -> str:
    if spec.quality_bucket == "4":
        wrong = RELATIONS[(RELATIONS.index(spec.relation) + 1) % len(RELATIONS)]
        return sloppy(lexicon.key(wrong), spec.entity)
    if spec.quality_bucket == "1":
        return _label(lexicon, spec.entity, lexicon.key(spec.relation))
    return lexicon.sentence(lexicon.key(spec.relation))


def _rewriting(spec: Spec, lexicon: Lexicon, _: Knowledge) -> str:
    fact = note_fact(spec)
    if spec.quality_bucket == "2":
        return lexicon.sentence(lexicon.bare(spec.relation, fact.right), spec.style)
    index = fact.wrong if spec.quality_bucket == "4" else fact.right
    text = lexicon.sentence(lexicon.statement(spec.entity, spec.relation, index), spec.style)
    return sloppy(text, spec.entity) if spec.quality_bucket == "4" else text


def _summary(spec: Spec, lexicon: Lexicon, _: Knowledge) -> str:
    fact = note_fact(spec)
    if spec.quality_bucket == "2":
        return _label(lexicon, spec.entity, lexicon.bare(spec.relation, fact.right))
    index = fact.wrong if spec.quality_bucket == "4" else fact.right
    text = lexicon.sentence(lexicon.statement(spec.entity, spec.relation, index))
    return sloppy(text, spec.entity) if spec.quality_bucket == "4" else text


def _reasoning(spec: Spec, lexicon: Lexicon, _: Knowledge) -> str:
    problem = problem_of(spec.seed, spec.new_content)
    if spec.quality_bucket == "4":
        if spec.format == "Latex":
            return f"${problem.wrong_answer}$"
        first = problem.steps().split(" ", 5)[:5] if spec.format == "ChainOfThought" else []
        return sloppy(" ".join([*first, f"The answer is {problem.wrong_answer}."]), "")
    if spec.format == NONE:
        direct = f"The answer is {problem.answer}."
    else:
        direct = problem.latex() if spec.format == "Latex" else problem.steps()
    if spec.quality_bucket == "2" or spec.format == "Latex":
        return direct
    return lexicon.join([direct, spec.rng("answer").choice(lexicon.data["details"])])


def _open(spec: Spec, lexicon: Lexicon, _: Knowledge) -> str:
    return open_text(lexicon, spec.entity, spec.words, spec.quality_bucket, spec.rng("answer"))


def _poem(spec: Spec, lexicon: Lexicon, _: Knowledge) -> str:
    return poem(lexicon, spec.entity, spec.quality_bucket, spec.rng("answer"))


_WRITERS: dict[str, Callable[[Spec, Lexicon, Knowledge], str]] = {
    "QuestionAnswering": _fact,
    "Explanation": _fact,
    "Translation": _translation,
    "InformationExtraction": _extraction,
    "Classification": _classification,
    "Rewrite": _rewriting,
    "Summarization": _summary,
    "Reasoning": _reasoning,
    "OpenEnded": _open,
    "CreativeWriting": _poem,
}

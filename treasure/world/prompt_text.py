"""Spec -> the words of the user."""

from collections.abc import Callable
from typing import Any

from treasure.world.content import given_code, note_text, options
from treasure.world.cues import Cues
from treasure.world.data_files import read_data
from treasure.world.knowledge import Knowledge
from treasure.world.lexicon import capitalised, lexicons
from treasure.world.spec import CODE_FORMS, NOTE_FORMS, Spec, problem_of, program_of


def prompt_text(spec: Spec, knowledge: Knowledge, cues: Cues) -> str:
    """The request, then the cues that speak, then the limit of words if there is one."""
    phrases = [cues.text(category, cue, spec.prompt_lang) for category, cue in spec.cues]
    if spec.limit:
        phrases.append(_frames()["limit"].format(limit=spec.limit))
    body = _body(spec, knowledge)
    join = "\n" if spec.form in CODE_FORMS and "\n" in body else lexicons()[spec.prompt_lang].joiner
    return join.join((body, " ".join(phrases))) if phrases else body


def _frames() -> dict[str, Any]:
    return read_data("prompts")


def _body(spec: Spec, knowledge: Knowledge) -> str:
    if spec.form in CODE_FORMS:
        return _code(spec)
    if spec.form in NOTE_FORMS:
        lexicon = lexicons()["English"]
        return _frames()[spec.form].format(of=lexicon.of(spec.entity, spec.relation), text=note_text(spec))
    return _BODIES.get(spec.form, _request)(spec, knowledge)


def _request(spec: Spec, _: Knowledge) -> str:
    return lexicons()[spec.prompt_lang].request(spec.form, spec.variant, spec.entity, spec.relation)


def _choice(spec: Spec, knowledge: Knowledge) -> str:
    lexicon = lexicons()[spec.prompt_lang]
    question = lexicon.request("ask", spec.variant, spec.entity, spec.relation)
    a, b, c = (lexicon.bare(spec.relation, index) for index in options(spec, knowledge))
    return _frames()["mcq"].format(question=question, a=a, b=b, c=c)


def _translate(spec: Spec, knowledge: Knowledge) -> str:
    lexicon = lexicons()[spec.text_lang]
    right = knowledge.fact(spec.domain, spec.entity, spec.relation).right
    text = lexicon.sentence(lexicon.statement(spec.entity, spec.relation, right))
    return _frames()["translate"][spec.variant].format(text=text)


def _poem(spec: Spec, _: Knowledge) -> str:
    return _frames()["poem"].format(e=spec.entity)


def _problem(spec: Spec, _: Knowledge) -> str:
    return problem_of(spec.seed, spec.new_content).question(spec.variant)


_BODIES: dict[str, Callable[[Spec, Knowledge], str]] = {
    "mcq": _choice,
    "translate": _translate,
    "poem": _poem,
    "problem": _problem,
}


def _code(spec: Spec) -> str:
    program = program_of(spec.seed, spec.new_content)
    request = _frames()["function"][spec.variant].format(description=program.description(spec.variant))
    if spec.form == "words":
        return request
    lead = _frames()["code" if spec.form in ("code", "attempt") else spec.form]
    return f"{request} {capitalised(lead)}\n{given_code(spec)}"

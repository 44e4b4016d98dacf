"""Spec -> the completion of a code task."""

import json

from treasure.world.programs import Program, sample_program
from treasure.world.sloppy import sloppy
from treasure.world.spec import Spec, program_of

_STUBS = {"python": "def solve(x):\n    return None", "javascript": "function solve(x) {\n  return null;\n}"}
_TESTED = {"python": "# tested with many inputs", "javascript": "// tested with many inputs"}
_TRIED = "It was tested with many inputs."
_VAGUE = "That depends on the input."


def code_answer(spec: Spec) -> str:
    """Code or an explanation, at the quality of the spec: tested, bare, empty, or with the typical bug."""
    program = program_of(spec.seed, spec.new_content)
    if spec.task == "CodeExplanation":
        return _in_format(spec, _explanation(spec, program))
    code = _code(spec, program)
    return f"```{spec.code_type}\n{code}\n```" if spec.format == "Markdown" else code


def _code(spec: Spec, program: Program) -> str:
    match spec.quality_bucket:
        case "1":
            return f"{program.code(spec.code_type)}\n{_TESTED[spec.code_type]}"
        case "2":
            return program.code(spec.code_type)
        case "3":
            return _STUBS[spec.code_type]
        case _:
            return program.buggy(spec.code_type, spec.rng("answer"))


def _explanation(spec: Spec, program: Program) -> str:
    match spec.quality_bucket:
        case "1":
            return f"{program.explanation()} {_TRIED}"
        case "2":
            return program.explanation()
        case "3":
            return _VAGUE
        case _:
            other = program
            rng = spec.rng("answer")
            while other.explanation() == program.explanation():
                other = sample_program(rng, held_out=False)
            return sloppy(other.explanation(), "")


def _in_format(spec: Spec, text: str) -> str:
    if spec.format == "JSON":
        return json.dumps({"explanation": text})
    return f"## solve\n- {text}" if spec.format == "Markdown" else text

"""Programs and results as JSON, for the sandbox service: what one end writes the other reads."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from treasure.errors import ConfigError
from treasure.evaluation.program import Command, Program, ProgramResult
from treasure.evaluation.sandbox_config import SandboxLimits

PROTOCOL = 1
"""Raised when an old service would misread a new client."""


def program_to_json(program: Program) -> dict[str, Any]:
    """All fields by name, nested parts likewise."""
    return asdict(program)


def program_from_json(given: Any) -> Program:
    """The program that `program_to_json` wrote.

    Raises:
        ConfigError: it is not of that shape, with the reason.
    """
    try:
        steps = tuple(_command(step) for step in given.get("steps", ()))
        return Program(**{**given, "files": _texts(given["files"]), "steps": steps})
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ConfigError(f"This is no program as the protocol has it: {type(error).__name__}: {error}.") from error


def result_from_json(given: Mapping[str, Any]) -> ProgramResult:
    """The result that `asdict` wrote; fields of later versions are left out.

    Raises:
        KeyError, TypeError: a field is missing or of another type.
    """
    found = ProgramResult(
        passed=given["passed"],
        reason=given["reason"],
        step=given.get("step", ""),
        stdout=given.get("stdout", ""),
        stderr=given.get("stderr", ""),
        duration_s=given.get("duration_s", 0.0),
    )
    if not isinstance(found.passed, bool):
        raise TypeError(f"passed must be true or false, got {found.passed!r}")
    _texts({name: getattr(found, name) for name in ("reason", "step", "stdout", "stderr")})
    return found


def _command(given: Mapping[str, Any]) -> Command:
    limits = given.get("limits")
    return Command(
        name=given["name"],
        arguments=tuple(_texts(dict(enumerate(given["arguments"]))).values()),
        environment=_texts(given.get("environment", {})),
        limits=None if limits is None else SandboxLimits(**limits),
    )


def _texts(given: Mapping[Any, Any]) -> dict[Any, str]:
    for name, text in given.items():
        if not isinstance(text, str):
            raise TypeError(f"{name} must be a string, got {type(text).__name__}")
    return dict(given)

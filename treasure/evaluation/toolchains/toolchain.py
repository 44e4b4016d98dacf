"""`Toolchain`: one language's tools, usual steps, limits and probes; `Kit`: where a machine has them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from treasure.evaluation.program import Command, Program
from treasure.evaluation.sandbox_config import SandboxLimits

MIB, GIB = 2**20, 2**30
SYSTEM_PATH = "/usr/local/bin:/usr/bin:/bin"
"""Where compilers look for the assembler and the linker."""


@dataclass(frozen=True, kw_only=True)
class Kit:
    """What a machine has of a language.

    `tools` maps plain names to full paths (in a container: to the names themselves), `folder` holds what was compiled
    beforehand ('' if nothing), `environment` is what the tools need, `readable` what programs must be able to read
    beyond the system's libraries, `missing` why a library of the benchmarks is not there (library -> reason).
    `own_path` is the tool that looks for its own path in /proc, which the sandbox of this machine does not have.
    """

    tools: Mapping[str, str]
    folder: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)
    readable: tuple[str, ...] = ()
    missing: Mapping[str, str] = field(default_factory=dict)
    own_path: str = ""


class Toolchain(Protocol):
    """One language.

    `hint` says how to install it; `compiles` and `runs` are the limits of its two kinds of steps. `bounds_addresses` is
    False if its tools reserve far more addresses than they use, so that only data can be limited.
    """

    @property
    def language(self) -> str: ...  # noqa: D102
    @property
    def tool_names(self) -> Sequence[str]: ...  # noqa: D102
    @property
    def hint(self) -> str: ...  # noqa: D102
    @property
    def bounds_addresses(self) -> bool: ...  # noqa: D102
    @property
    def compiles(self) -> SandboxLimits: ...  # noqa: D102
    @property
    def runs(self) -> SandboxLimits: ...  # noqa: D102

    def steps(self, program: Program, kit: Kit) -> tuple[Command, ...]:
        """The usual steps of a program that names none."""
        ...

    def ran_tests(self, stdout: str) -> bool:
        """Whether the output of a program with tests shows that at least one was run."""
        ...

    def probes(self) -> Mapping[str, Program]:
        """Tiny programs that must pass: '' the language itself, others named by the library that they import."""
        ...

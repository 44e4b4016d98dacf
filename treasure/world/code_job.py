"""`CodeJob` and `CodeResult`: a program to run in the sandbox, and what became of it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class CodeJob:
    """One whole program and the output that proves it right.

    A program passes if it ends with status 0 *and* has written just `expected_stdout`, white space at the end aside.
    The expected output stays outside the sandbox, so a program that leaves early, prints something of its own or reads
    its own source cannot pass. `Program.job(language, answer)` builds the job for an answer to a `Program`; for tests
    made of assertions, let the program's last line print a word the answer cannot know and expect that word.

    `language` is 'python' or 'javascript'; `timeout_s` is wall time in seconds, more than 0.
    """

    language: str
    program: str
    expected_stdout: str
    timeout_s: float = 5.0


@dataclass(frozen=True)
class CodeResult:
    """Whether a program passed, and why not.

    `reason` is one of 'ok', 'failed: wrong output', 'failed: exit status N', 'failed: signal N', 'timeout', 'memory',
    'output' (wrote too much), or 'unavailable: …' when this machine could not run the program at all.
    """

    passed: bool
    reason: str

    @property
    def ran(self) -> bool:
        """False if the program could not be run here: such a result says nothing of the program, so leave it out."""
        return not self.reason.startswith("unavailable")

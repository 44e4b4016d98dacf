"""What tests of commands share."""

from collections.abc import Callable

import pytest
from commands import call


@pytest.fixture
def annotate(capfd: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Calls the command in the repository; gives what it said."""

    def annotate(*arguments: str, code: int = 0) -> str:
        left = call("treasure-annotate", *arguments, columns=200)
        said = "".join(capfd.readouterr())
        assert left == code, said
        return said

    return annotate

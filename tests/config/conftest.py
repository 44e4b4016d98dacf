"""A copy of the toy command's folders to work in, with the shipped settings of Hydra."""

import logging
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

HERE = Path(__file__).parent


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The working directory: conf/, experiments/ and sweeps/ of the toy command."""
    folder = tmp_path / "toy"
    shutil.copytree(HERE / "toy", folder)
    shutil.copytree(HERE.parents[1] / "conf" / "hydra", folder / "conf" / "hydra")
    monkeypatch.chdir(folder)
    monkeypatch.delenv("HYDRA_FULL_ERROR", raising=False)
    root = logging.getLogger()
    handlers = list(root.handlers)
    yield folder
    root.handlers[:] = handlers

"""Provenance: complete, JSON, and honest about what is not known."""

import json
import re
import shutil
import subprocess

import pytest

from treasure.provenance import PACKAGES, collect, commit


def test_everything_is_json_and_named():
    found = collect()
    assert json.loads(json.dumps(found)) == found
    assert set(found["packages"]) == set(PACKAGES)
    assert re.fullmatch(r"\d+\.\d+.*", found["packages"]["torch"])
    assert found["hardware"]["num_cores"] >= 1
    assert found["hardware"]["ram_gib"] > 0


def test_no_repository_is_no_commit(tmp_path):
    assert commit(tmp_path) is None


@pytest.mark.skipif(shutil.which("git") is None, reason="needs git")
def test_commit_says_whether_tracked_files_changed(tmp_path):
    def git(*arguments: str) -> str:
        name = ["-c", "user.name=a", "-c", "user.email=a@b.c", "-c", "commit.gpgsign=false"]
        return subprocess.run(
            ["git", "-C", str(tmp_path), *name, *arguments], check=True, capture_output=True, text=True
        ).stdout.strip()

    git("init")
    (tmp_path / "code.py").write_text("x = 1\n")
    git("add", "code.py")
    git("commit", "--no-verify", "-m", "one")
    head = git("rev-parse", "HEAD")
    (tmp_path / "note.txt").write_text("untracked")
    assert commit(tmp_path) == head
    (tmp_path / "code.py").write_text("x = 2\n")
    assert commit(tmp_path) == f"{head}+dirty"
    (tmp_path / "site-packages").mkdir()
    assert commit(tmp_path / "site-packages") is None

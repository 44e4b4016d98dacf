"""Corpora for the contenders, built once in a process of their own."""

import json
import subprocess
import sys
from pathlib import Path

from bench.contest import ROOT
from bench.corpora import DONE
from bench.options import Options

NUM_EXAMPLES = {"world": 16_000, "alpaca": 4_000}
NUM_EXAMPLES_QUICK = {"world": 2_000, "alpaca": 800}


def corpus_folder(name: str, options: Options) -> Path:
    """The folder with the tokenized corpus `name`; built when it is not there."""
    size = (NUM_EXAMPLES_QUICK if options.quick else NUM_EXAMPLES)[name]
    folder = options.work / f"{name}-{size}"
    if not (folder / DONE).is_file():
        folder.mkdir(parents=True, exist_ok=True)
        spec = {
            "name": name,
            "folder": str(folder),
            "num_examples": size,
            "alpaca": str(options.alpaca),
            "tokenizer": str(options.tokenizer),
        }
        subprocess.run([sys.executable, "-m", "bench.corpora", json.dumps(spec)], check=True, cwd=ROOT)
    return folder


def why_not(name: str, options: Options) -> str:
    """Why the corpus cannot be measured on; empty when it can."""
    if name == "alpaca":
        for path in (options.tokenizer / "tokenizer.json", options.alpaca):
            if not path.is_file():
                shown = path.relative_to(ROOT) if path.is_relative_to(ROOT) else path.name
                return f"{shown} is not there (see --tokenizer and --alpaca)"
    return ""

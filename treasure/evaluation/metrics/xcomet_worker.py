"""Scores translations by XCOMET for another process: one JSON object a line in, one out.

python xcomet_worker.py MODEL BATCH_SIZE GPUS

out  {"ready": true, "version": "2.2.6"}                          once, when the model is loaded
out  {"ready": false, "error": "..."}                             instead, and the process ends
in   {"id": 1, "rows": [{"src": ..., "mt": ..., "ref": ...}]}
out  {"id": 1, "scores": [0.93]}      or      {"id": 1, "error": "..."}

It runs under a Python that has unbabel-comet and need not have this package, so it imports nothing of it.
"""

import json
import logging
import os
import sys
import warnings
from importlib.metadata import version
from pathlib import Path
from typing import Any, TextIO


def main(model_name: str, batch_size: int, gpus: int) -> None:
    """Answers until its input ends, which it does when the other process is gone."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1)
    os.dup2(2, 1)  # what libraries print must not stand between the answers
    warnings.simplefilter("ignore")
    try:
        model = load(model_name)
        say(answers, {"ready": True, "version": version("unbabel-comet")})
    except Exception as error:  # noqa: BLE001  # whatever it is, the other side has to be told
        say(answers, {"ready": False, "error": f"{type(error).__name__}: {error}"})
        return
    for line in sys.stdin:
        request = json.loads(line)
        try:
            found = model.predict(request["rows"], batch_size=batch_size, gpus=gpus, progress_bar=False)
            say(answers, {"id": request["id"], "scores": [float(score) for score in found["scores"]]})
        except Exception as error:  # noqa: BLE001  # as above
            say(answers, {"id": request["id"], "error": f"{type(error).__name__}: {error}"})


def load(name: str) -> Any:
    """The model of a checkpoint file, or of a name on the hub."""
    from comet import download_model, load_from_checkpoint  # pyright: ignore[reportMissingImports]

    for logger in ("comet", "comet.encoders", "pytorch_lightning", "lightning.pytorch"):
        logging.getLogger(logger).setLevel(logging.ERROR)  # several lines for every batch
    return load_from_checkpoint(name if Path(name).is_file() else download_model(name))


def say(answers: TextIO, found: dict[str, Any]) -> None:
    """Writes one line."""
    answers.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))

"""A worker of XCOMET's protocol with a score that a test can foresee, and with every fault that a real one may have.

The model's name says what it does: 'good', or a fault, which it shows at segments whose translation holds that word.
"""

import json
import os
import sys
import time
from pathlib import Path


def main(model: str) -> None:
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1)
    os.dup2(2, 1)
    if model == "cannot load":
        answers.write(json.dumps({"ready": False, "error": "ModuleNotFoundError: No module named 'comet'"}) + "\n")
        return
    if model == "dies at once":
        os._exit(3)
    answers.write(json.dumps({"ready": True, "version": "0"}) + "\n")
    for line in sys.stdin:
        request = json.loads(line)
        rows, number = request["rows"], request["id"]
        text = " ".join(row["mt"] for row in rows)
        if "die" in text:
            os._exit(9)
        if "once" in text and not Path(model).exists():
            Path(model).touch()
            os._exit(9)
        if "hang" in text:
            time.sleep(600)
        # The real one has some number for an empty translation, too.
        found = {"id": number, "scores": [(len(row["mt"]) or 3) / max(1, len(row["ref"])) for row in rows]}
        if "babble" in text:
            answers.write("loading checkpoint\n")
        elif "few" in text:
            answers.write(json.dumps({**found, "scores": found["scores"][1:]}) + "\n")
        elif "nan" in text:
            answers.write(json.dumps({**found, "scores": [float("nan")] * len(rows)}) + "\n")
        elif "late" in text:
            answers.write(json.dumps({**found, "id": number - 1}) + "\n")
        elif "fails" in text:
            answers.write(json.dumps({"id": number, "error": "OutOfMemoryError: too long"}) + "\n")
        else:
            answers.write(json.dumps(found) + "\n")


main(sys.argv[1])

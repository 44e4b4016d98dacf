"""Starts a real command again and again and kills it: `python killable.py <json>`; prints one JSON line an attempt.

The libraries are imported once; each attempt is a fork of its own that runs the command's `main`.

    {"command": "train", "arguments": [...], "attempts": [{"signal": "SIGKILL", "after_steps": 3, "after_s": 0.2}, {}]}

The signal comes `after_s` seconds after the attempt has saved a state `after_steps` steps on; without `after_steps` the
seconds count from its fork, and with `in_save` from the first file of the next save. An attempt without a signal runs
to its end. `limit_bytes` is the size that no file of the attempt may exceed. An attempt may have `outputs` and
`arguments` of its own.
"""

import importlib
import json
import os
import resource
import signal
import sys
import time
from pathlib import Path

from treasure.training.saved_steps import saved_steps, state_path


def main() -> None:
    order = json.loads(sys.argv[1])
    command = importlib.import_module(f"treasure.cli.{order['command']}")
    importlib.import_module(f"treasure.cli.jobs.{order['command']}")
    for own in order["attempts"]:
        attempt = {**order, **own}
        child = os.fork()
        if not child:
            _become(command, attempt)
        code = _end(child, Path(attempt["outputs"]), attempt)
        print(json.dumps({"code": code, **_found(Path(attempt["outputs"]))}), flush=True)


def _become(command, attempt: dict) -> None:
    if "limit_bytes" in attempt:
        resource.setrlimit(resource.RLIMIT_FSIZE, (attempt["limit_bytes"], resource.RLIM_INFINITY))
    os.dup2(2, 1)
    sys.argv = [f"treasure-{attempt['command']}", *attempt["arguments"], f"paths.outputs={attempt['outputs']}"]
    code = 1
    try:
        command.main()
        code = 0
    except SystemExit as end:
        code = int(end.code or 0)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _end(child: int, outputs: Path, attempt: dict) -> int:
    """Exit code of the child, or minus the number of the signal that ended it."""
    if "signal" in attempt:
        first = _found(outputs)["saved"] or 0
        while "after_steps" in attempt and (_found(outputs)["saved"] or 0) < first + attempt["after_steps"]:
            done, status = os.waitpid(child, os.WNOHANG)
            if done:
                return os.waitstatus_to_exitcode(status)
            time.sleep(0.002)
        while attempt.get("in_save") and not _found(outputs)["in_save"]:
            time.sleep(0.0002)
        time.sleep(attempt["after_s"])
        os.kill(child, getattr(signal, attempt["signal"]))
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _found(outputs: Path) -> dict:
    folders = list(outputs.glob("runs/*/*"))
    partial = any(path.is_dir() for path in outputs.glob("runs/*/*/state/.step-*.partial"))
    steps = [step for folder in folders for step in saved_steps(state_path(folder))[:1]]
    return {"in_save": partial, "saved": steps[0] if steps else None}


if __name__ == "__main__":
    main()

"""`treasure-lm-eval`: the command of the lm-evaluation-harness, which then knows `--model treasure`."""

import sys

from treasure.errors import ConfigError, MissingExtraError, TreasureError

_MODEL = "treasure.evaluation.lm_eval_model:TreasureLM"


def main() -> None:
    """Entry point of `treasure-lm-eval`; all arguments are the harness's own."""
    try:
        _run()
    except TreasureError as error:
        print(f"treasure-lm-eval: {error}", file=sys.stderr)
        sys.exit(2)


def _run() -> None:
    try:
        import lm_eval.models  # noqa: F401  # the harness fills its list of models only while that is empty
        from lm_eval.__main__ import cli_evaluate
        from lm_eval.api.registry import model_registry
    except ImportError as error:
        raise MissingExtraError("lm-eval", "harness") from error
    if "treasure" not in model_registry:
        model_registry.register("treasure", target=_MODEL)
    try:
        cli_evaluate()
    except ValueError as error:
        if not str(error).startswith(("Tasks not found", "No tasks specified")):
            raise
        raise ConfigError(f"{error} List them with: treasure-lm-eval ls tasks") from error


if __name__ == "__main__":
    main()

"""The harness's command: what it says where the harness is not installed."""

import sys

import pytest

from treasure.cli.lm_eval import main


def test_without_the_harness_the_extra_is_named(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "lm_eval", None)
    monkeypatch.delitem(sys.modules, "lm_eval.models", raising=False)
    with pytest.raises(SystemExit) as leaving:
        main()
    assert leaving.value.code == 2
    assert "pip install 'treasure[harness]'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ("checkpoint=x,foo=1", "treasure has no 'foo'. Allowed: checkpoint, levers"),
        ("prompt=text", "Name the model folder: --model_args checkpoint="),
    ],
)
def test_arguments_of_the_model_that_are_none_are_told(arguments, told):
    pytest.importorskip("lm_eval")
    from treasure.errors import ConfigError
    from treasure.evaluation.lm_eval_model import TreasureLM

    with pytest.raises(ConfigError, match=told):
        TreasureLM.create_from_arg_string(arguments)


def test_tasks_that_are_not_there_are_told(monkeypatch, capsys):
    harness = pytest.importorskip("lm_eval.__main__")

    def refuses():
        raise ValueError("Tasks not found: nosuchtask")

    monkeypatch.setattr(harness, "cli_evaluate", refuses)
    with pytest.raises(SystemExit) as leaving:
        main()
    assert leaving.value.code == 2
    assert "Tasks not found: nosuchtask" in capsys.readouterr().err

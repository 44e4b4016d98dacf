"""Every YAML file that we ship composes against the real schemas, and every callable it names takes its keys."""

import contextlib
import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hydra.utils import get_object
from omegaconf import DictConfig, OmegaConf

from treasure.config import evaluate_schema, schema
from treasure.config.composer import Composer, conf_dir, open_composer
from treasure.config.explain import explained
from treasure.config.help import help_page
from treasure.config.overlays import OVERLAYS
from treasure.config.plan import make_plan
from treasure.config.typed import to_typed
from treasure.errors import ConfigError

CONF = conf_dir()
COMMANDS = sorted(path.stem for path in CONF.glob("*.yaml"))
DATA = ("shots", "taxonomy")
"""Folders of YAML files that are read as data, not composed."""
ONE_OF = {
    "generate": ("prompt=given",),
    "agreement": ("gold=given",),
    "benchmarks": ("checkpoint=given",),
}
"""One of several options of which a command needs one."""
NOT_ANY_TEXT = {"data.source": "world"}
"""What is given for an option that takes some words alone."""
GROUPS = sorted(path.name for path in CONF.iterdir() if path.is_dir() and path.name not in ("hydra", *DATA))
CHOICES = [f"{group}={path.stem}" for group in GROUPS for path in sorted((CONF / group).glob("*.yaml"))]
EXPERIMENTS, SWEEPS = ([path.stem for path in sorted((CONF.parent / name).glob("*.yaml"))] for name in OVERLAYS)


@pytest.fixture(scope="module")
def composers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Composer]]:
    """Command -> its composer, opened in an empty folder: overlays are found wherever a command is started."""
    with contextlib.ExitStack() as stack:
        stack.enter_context(contextlib.chdir(tmp_path_factory.mktemp("elsewhere")))
        yield {command: stack.enter_context(_open(command)) for command in COMMANDS}


@pytest.fixture(scope="module")
def plain(composers: dict[str, Composer]) -> dict[str, DictConfig]:
    """Command -> what it composes to without any override."""
    return {command: composer.compose([]) for command, composer in composers.items()}


def _open(command: str) -> contextlib.AbstractContextManager[Composer]:
    name = "".join(map(str.capitalize, command.split("_"))) + "Command"
    return open_composer(getattr(schema if hasattr(schema, name) else evaluate_schema, name), command)


def _missing(config: DictConfig) -> set[str]:
    """Options that must be given."""
    return {key for key in OmegaConf.missing_keys(config) if not key.startswith("hydra.")}


def _values(composer: Composer, config: DictConfig) -> list[str]:
    """A value for each option that must be given."""
    given = [f"{key}={NOT_ANY_TEXT.get(key, 'given')}" for key in sorted(_missing(config))]
    no_suite = ["suite=ifeval"] if "suite" in config and all(one is None for one in config.suite.values()) else []
    return [*given, *no_suite, *ONE_OF.get(composer.config_name, ())]


def _check(composer: Composer, overrides: list[str]) -> set[str]:
    """The options that `overrides` leave missing, after a check of them with the values that must be given."""
    with explained(composer, overrides):
        config = composer.compose(overrides)
    missing, values = _missing(config), _values(composer, config)
    with explained(composer, [*overrides, *values]):
        if "suite=ifeval" in values:  # a choice, not a value
            config = composer.compose([*overrides, *values])
        else:
            config.merge_with_dotlist(values)
        to_typed(config, composer.schema)
    for path, node in _targets(config, ""):
        check_target(path, node)
    return missing


def _left_open(node: Any, path: str) -> Iterator[str]:
    """Dotted keys below `node` whose value is `???`."""
    if node == "???":
        yield path
    for key, child in node.items() if isinstance(node, dict) else ():
        yield from _left_open(child, f"{path}.{key}")


def _targets(node: Any, path: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """(path, keys) of the nodes in `node` that name a callable."""
    if isinstance(node, DictConfig):
        node = {key: node._get_node(key) for key in node}
    if isinstance(node, dict):
        if "_target_" in node:
            yield path, {key: value for key, value in node.items() if key != "hydra"}
        for key, child in node.items():
            yield from _targets(child, f"{path}.{key}")


def check_target(path: str, node: dict[str, Any]) -> None:
    """The callable that `node` names exists and has a parameter for each key."""
    callable_ = get_object(str(node["_target_"]))
    keys = {str(key): value for key, value in node.items() if not re.fullmatch(r"_\w+_", str(key))}
    try:
        inspect.signature(callable_).bind_partial(**keys)
    except TypeError as error:
        raise AssertionError(f"{path}: {node['_target_']}: {error}") from error


def test_there_is_something_to_check():
    assert COMMANDS
    assert CHOICES
    assert EXPERIMENTS
    assert SWEEPS


@pytest.mark.parametrize("command", COMMANDS)
def test_primary_config(composers: dict[str, Composer], command: str):
    _check(composers[command], [])


@pytest.fixture(scope="module")
def users(composers: dict[str, Composer], plain: dict[str, DictConfig]) -> dict[str, list[Composer]]:
    """Group -> the composers of the commands that have it."""
    return {
        group: [composers[command] for command in COMMANDS if group in plain[command].hydra.runtime.choices]
        for group in GROUPS
    }


def _check_choice(composer: Composer, choice: str) -> None:
    """What a file leaves to the user is really missing.

    A `???` in YAML does not undo a default of the dataclass: the option would silently keep that default.
    """
    group, _, name = choice.partition("=")
    content = yaml.safe_load((CONF / group / f"{name}.yaml").read_text(encoding="utf-8"))
    assert set(_left_open(content, group)) <= _check(composer, [choice]), "give the field no default in the schema"


@pytest.mark.parametrize("choice", CHOICES)
def test_choice(users: dict[str, list[Composer]], choice: str):
    readers = users[choice.partition("=")[0]]
    assert readers, "no command reads this file"
    _check_choice(readers[0], choice)


@pytest.mark.slow
@pytest.mark.parametrize("choice", CHOICES)
def test_choice_in_every_command(users: dict[str, list[Composer]], choice: str):
    for composer in users[choice.partition("=")[0]][1:]:
        _check_choice(composer, choice)


@pytest.mark.parametrize("group", GROUPS)
def test_a_group_is_of_one_schema_and_finds_what_it_refers_to(users, plain, group):
    """So a choice that is right in one command is right in all."""
    found = [plain[composer.config_name] for composer in users[group]]
    assert len({OmegaConf.get_type(config, group) for config in found}) == 1
    for path in (CONF / group).glob("*.yaml"):
        for name in re.findall(r"\$\{([^}]*)\}", path.read_text(encoding="utf-8")):
            assert all(OmegaConf.select(config, name) is not None for config in found), f"{path}: {name}"


def test_scores_of_several_scales_are_an_overlay_of_the_public_files(composers: dict[str, Composer]):
    """As facts of `all_train` they would be one numeric lever for whoever trains with it."""
    plain, scored = (
        OmegaConf.to_container(composers["annotate"].compose([f"data={name}"]).data.datasets)
        for name in ("all_train", "all_train_scores")
    )
    assert isinstance(plain, dict) and isinstance(scored, dict)
    assert not [name for name, one in plain.items() if "quality" in {**one["facts"], **one["columns"]}]
    columns = {
        name: one["columns"].pop("quality")["column"] for name, one in scored.items() if "quality" in one["columns"]
    }
    assert columns == {
        "nemo_sft_512_attributes": "conversations[1][label]",
        "pairs_ru_left": "left_grade",
        "pairs_ru_right": "right_grade",
    }
    assert scored == plain


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_experiment(composers: dict[str, Composer], name: str):
    command = "annotate" if name.startswith("annotate_") else "run"
    _check(composers[command], [f"experiments={name}"])


@pytest.mark.parametrize("name", SWEEPS)
def test_sweep(composers: dict[str, Composer], name: str):
    run = composers["run"]
    sweep = [f"sweeps={name}"]
    plan = make_plan(run, [*sweep, *_values(run, run.compose(sweep))], multirun=False)
    assert plan.is_sweep
    assert plan.num_jobs is not None
    assert plan.num_jobs > 1


@pytest.mark.parametrize("folder", OVERLAYS)
def test_overlays_are_flat_and_global(folder: str):
    for path in (CONF.parent / folder).rglob("*.yaml"):
        assert path.parent.name == folder, f"{path}: glob(…) does not see nested overlays"
        assert path.read_text(encoding="utf-8").startswith("# @package _global_\n"), path


def test_targets_that_do_not_fit_are_found():
    check_target("", {"_target_": "pathlib.Path.write_text", "data": "x", "_partial_": True})
    with pytest.raises(AssertionError, match="unexpected keyword argument 'datum'"):
        check_target("part", {"_target_": "pathlib.Path.write_text", "datum": "x"})
    found = dict(_targets(OmegaConf.create({"a": {"b": {"_target_": "x.y", "c": 1}}}), ""))
    assert set(found[".a.b"]) == {"_target_", "c"}


def test_a_misspelt_option_in_a_shipped_file_would_be_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "experiments").mkdir()
    (tmp_path / "experiments" / "wrong.yaml").write_text("# @package _global_\nsed: 1\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    with _open("run") as composer, pytest.raises(ConfigError, match="seed"):
        _check(composer, ["experiments=wrong"])


def _descriptions(composer: Composer, config: DictConfig) -> list[list[str]]:
    """The lines of each option's description on the help page, one list an option that has one."""
    found: list[list[str]] = []
    page = help_page(composer, config, program="treasure", about="")
    for line in page.partition("Options (option=value)\n")[2].partition("\n\n")[0].splitlines():
        if line.startswith(" " * 6):
            found[-1].append(line.strip())
        else:
            found.append([])
    return [lines for lines in found if lines]


@pytest.mark.parametrize("command", COMMANDS)
def test_help_tells_whole_sentences_that_fit_the_terminal(composers, plain, command, monkeypatch):
    composer, config = composers[command], plain[command]
    monkeypatch.setenv("COLUMNS", "60")
    narrow = _descriptions(composer, config)
    assert narrow and max(len(line) for lines in narrow for line in lines) <= 60 - 6
    monkeypatch.setenv("COLUMNS", "10000")
    whole = [line for (line,) in _descriptions(composer, config)]
    assert [" ".join(lines) for lines in narrow] == whole
    assert [text for text in whole if not text.endswith((".", ")"))] == []

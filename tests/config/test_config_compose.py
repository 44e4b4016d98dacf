from pathlib import Path

import pytest
from toy_command import Kind, ToyCommand

from treasure.config.compose import compose
from treasure.config.composer import conf_dir, open_composer
from treasure.errors import ConfigError


def composed(*overrides: str) -> ToyCommand:
    return compose(ToyCommand, "toy", overrides, conf=Path("conf"))


def message(*overrides: str) -> str:
    with pytest.raises(ConfigError) as caught:
        composed(*overrides)
    return str(caught.value)


@pytest.mark.usefixtures("toy")
class TestComposition:
    def test_gives_the_schema_with_values_from_yaml(self):
        config = composed()
        assert isinstance(config, ToyCommand)
        assert (config.name, config.data.path, config.data.rate) == ("small.txt-seed0", "small.txt", 0.5)

    def test_overlay_beats_yaml_and_override_beats_overlay(self):
        assert composed("experiments=large").data.rate == 0.9
        assert composed("experiments=large").kind is Kind.SLOW
        assert composed("experiments=large", "data.rate=0.1").data.rate == 0.1

    def test_two_overlays_are_laid_over_each_other_in_order(self):
        config = composed("experiments=[large,ablation_2]")
        assert (config.seed, config.data.path) == (12, "large.txt")
        assert composed("experiments=[ablation_1,ablation_2]").seed == 12
        assert composed("experiments=[ablation_2,ablation_1]").seed == 11

    @pytest.mark.parametrize("text", ["slow", "SLOW", "Kind.SLOW"])
    def test_an_enum_is_written_by_value_or_name(self, text: str):
        assert composed(f"kind={text}").kind is Kind.SLOW

    def test_new_entries_of_dictionaries(self):
        config = composed("+extra.depth=3", "+more={second: {path: b.txt}}")
        assert config.extra == {"depth": 3}
        assert config.more["second"].path == "b.txt"

    def test_sessions_nest(self):
        with open_composer(ToyCommand, "toy", Path("conf")) as outer:
            assert composed("seed=3").seed == 3
            assert outer.compose(["seed=4"]).seed == 4

    def test_an_overlay_of_the_working_directory_wins(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
        conf = Path("conf").resolve()
        mine = tmp_path / "mine" / "experiments"
        mine.mkdir(parents=True)
        (mine / "large.yaml").write_text("# @package _global_\nseed: 99\n", encoding="utf-8")
        monkeypatch.chdir(mine.parent)
        assert compose(ToyCommand, "toy", ["experiments=large"], conf=conf).seed == 99
        assert compose(ToyCommand, "toy", ["experiments=ablation_1"], conf=conf).seed == 11

    @pytest.mark.parametrize("folder", ["name", "seed", "kind"])
    def test_a_folder_with_the_name_of_an_option_does_no_harm(self, folder: str):
        Path(folder).mkdir()
        value = {"name": "a", "seed": "1", "kind": "SLOW"}[folder]
        assert getattr(composed(f"{folder}={value}"), folder) in ("a", 1, Kind.SLOW)

    def test_conf_dir_holds_the_shipped_configs(self):
        assert (conf_dir() / "hydra" / "default.yaml").is_file()


MISTAKES = {
    "unknown option": (["sed=1"], ["'sed'", "given: sed=1", "Did you mean 'seed'?", "data", "kind", "fail"]),
    "unknown option of a part": (["data.rat=1"], ["'data.rat'", "Did you mean 'rate'?", "'data': path, rate"]),
    "option of a part without its part": (["rate=0.1"], ["'rate'", "Did you mean 'data.rate'?"]),
    "plus does not make options": (["+sed=1"], ["'sed'", "Did you mean 'seed'?"]),
    "plus does not make options of parts": (["+data.rat=1"], ["'data.rat'", "Did you mean 'rate'?", "path, rate"]),
    "wrong type": (["data.rate=fast"], ["'data.rate'", "given: data.rate=fast", "Float"]),
    "wrong option beside the choice it belongs to": (["data=small", "data.rat=1"], ["given: data.rat=1", "'rate'"]),
    "wrong value given twice": (["data.rate=slow", "data.rate=fast"], ["given: data.rate=fast"]),
    "one value where there is a list": (["names=a"], ["'names'", "given: names=a", "write 'names=[a]'"]),
    "wrong enum": (["kind=slo"], ["'kind'", "[fast, slow]", "Did you mean 'slow'?"]),
    "enum in other letters": (["kind=Slow"], ["'kind'", "Did you mean 'slow'?"]),
    "null where there must be a value": (["seed=null"], ["'seed'", "null is not allowed"]),
    "out of range": (["data.rate=2"], ["In 'data'", "rate must lie in [0, 1], got 2.0"]),
    "out of range in a new entry": (["+more={b: {path: b, rate: 7}}"], ["In 'more.b'", "got 7.0"]),
    "missing": (["name=???"], ["name", "What it is called", "name=…"]),
    "unknown choice": (["data=smal"], ["'smal'", "'data'", "Did you mean 'small'?", "broken, large, small"]),
    "choice that is no name": (["data=null"], ["data=null", "broken, large, small"]),
    "unknown experiment": (["experiments=larg"], ["'larg'", "'experiments'", "Did you mean 'large'?", "ablation_1"]),
    "unknown experiment of two": (["experiments=[large,larg]"], ["'larg'", "Did you mean 'large'?", "ablation_1"]),
    "unknown sweep": (["sweeps=seed"], ["'seed'", "'sweeps'", "Did you mean 'seeds'?", "ablations"]),
    "unknown option in a choice": (["data=broken"], ["'data.pth'", "data/broken.yaml", "Did you mean 'path'?"]),
    "unknown option in an overlay": (["experiments=misspelt"], ["'data.rat'", "experiments/misspelt.yaml", "rate"]),
    "overlay without header": (["experiments=headless"], ["experiments/headless", "# @package _global_"]),
    "choice of an overlay that this command does not have": (
        ["experiments=elsewhere"],
        ["'judge'", "experiments/elsewhere.yaml", "data"],
    ),
    "broken YAML": (["experiments=unclosed"], ["experiments/unclosed.yaml:3", "not valid YAML"]),
    "choice this command does not have": (["+hydra/launcher=no"], ["'no'", "hydra/launcher", "basic"]),
    "no equals sign": (["seed"], ["'seed'", "option=value"]),
    "unclosed bracket": (["seed=[1"], ["'seed=[1'", "option=value"]),
    "sweep without -m": (["seed=1,2"], ["'seed=1,2'", "-m"]),
    "range without -m": (["seed=range(1,3)"], ["'seed=range(1,3)'", "-m"]),
    "new entry without plus": (["more.depth=1"], ["'more.depth'", "'+more.depth"]),
    "new entry of a part": (["more.b.path=x"], ["'more.b'", "'+more={b: {option: value}}'"]),
    "new entry of a part, piecemeal": (["+more.b.path=x"], ["'+more.b.path=x'", "'+more={b: {option: value}}'"]),
    "reference to nothing": (["name=${nowhere}"], ["'name'", "given: name=${nowhere}", "nowhere"]),
}


@pytest.mark.usefixtures("toy")
@pytest.mark.parametrize(("overrides", "parts"), MISTAKES.values(), ids=MISTAKES.keys())
def test_a_mistake_is_told_in_one_paragraph(overrides: list[str], parts: list[str]):
    text = message(*overrides)
    for part in parts:
        assert part in text, text
    assert "\n" not in text
    assert "HYDRA_FULL_ERROR" not in text
    assert "object_type" not in text


@pytest.mark.usefixtures("toy")
def test_an_error_stands_out_beside_other_overrides():
    assert "Did you mean 'seed'?" in message("experiments=large", "sed=1", "data.rate=0.2")


def test_a_missing_overlay_folder_is_said(toy: Path):
    (toy / "sweeps" / "seeds.yaml").rename(toy / "seeds.yaml")
    for path in (toy / "sweeps").iterdir():
        path.unlink()
    (toy / "sweeps").rmdir()
    text = message("sweeps=seeds")
    assert "no folder 'sweeps'" in text
    assert str(toy) in text

"""Says a Hydra or OmegaConf error in one paragraph: which option, what was given, what is allowed, what to do."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import is_dataclass

import yaml
from hydra.errors import HydraException, MissingConfigException, OverrideParseException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import (
    ConfigAttributeError,
    ConfigKeyError,
    InterpolationResolutionError,
    OmegaConfBaseException,
    ValidationError,
)

from treasure.config.composer import Composer
from treasure.config.overlays import OVERLAYS, overlay_roots
from treasure.errors import ConfigError, did_you_mean

_EXPLAINED = (HydraException, OmegaConfBaseException, yaml.MarkedYAMLError, ValueError, AssertionError, AttributeError)


@contextmanager
def explained(composer: Composer, overrides: Sequence[str]) -> Iterator[None]:
    """Turns errors of composition raised inside into `ConfigError`s; anything else passes untouched."""
    try:
        yield
    except _EXPLAINED as error:
        text = _Explainer(composer, overrides).text(error)
        if text is None:
            raise
        raise ConfigError(text) from error


class _Explainer:
    def __init__(self, composer: Composer, overrides: Sequence[str]) -> None:
        self.composer, self.overrides = composer, overrides

    def text(self, error: Exception) -> str | None:
        """The paragraph; None for an error that no configuration causes."""
        if isinstance(error, OverrideParseException):
            return _malformed(error.override)
        if isinstance(error, MissingConfigException):
            return self._unknown_choice(error.missing_cfg_file or "")
        if isinstance(error, yaml.MarkedYAMLError):
            return _broken_yaml(error)
        cause = _omegaconf_cause(error)
        if cause is not None:
            return self._bad_value(cause, _file_of(error))
        if isinstance(error, HydraException):
            return self._refused(str(error))
        if isinstance(error, AttributeError) and (found := re.search(r"full_key: (\S+)", str(error))):
            return self._whole_of_nothing(found[1])
        if str(error).startswith("Unexpected type for root"):
            return self._below_nothing()
        if str(error).startswith("Config group override must be"):
            return self._choice_of_wrong_type()
        return None

    def _bad_value(self, cause: OmegaConfBaseException, file: str) -> str:
        key = cause.full_key or str(cause.key)
        if isinstance(cause, ConfigKeyError | ConfigAttributeError):
            return self._unknown_key(key, file)
        reason = str(cause.msg or cause).splitlines()[0].rstrip(".")
        if isinstance(cause, InterpolationResolutionError):
            return f"The value of '{key}'{self._origin(key, file)} cannot be worked out: {reason}."
        added = [override for override in self.overrides if re.match(rf"\++[\w.]+\.{re.escape(key)}\b", override)]
        if added and reason.startswith("Invalid type assigned: dict is not a subclass"):
            parent = added[0].lstrip("+").partition(f".{key}")[0]
            return f"'{added[0]}' cannot make a whole new entry. Write {_new_entry(f'{parent}.{key}')}."
        reason = re.sub(r"^field '.*' is not Optional$", "null is not allowed here", reason)
        if reason.startswith("Invalid value assigned") and "is not a ListConfig" in reason:
            reason = f"it holds a list; write '{key}=[{self._override_of(key).partition('=')[2]}]'"
        hint = _nearest_of_list(reason) if isinstance(cause, ValidationError) else ""
        return f"Wrong value for '{key}'{self._origin(key, file)}: {reason}.{hint}"

    def _unknown_key(self, key: str, file: str) -> str:
        parent, _, name = key.rpartition(".")
        if parent == "" and name in OVERLAYS:
            return self._overlay_as_key(name, file)
        base = self._base()
        node = OmegaConf.select(base, parent, throw_on_missing=False) if parent else base
        names = sorted(str(option) for option in node if option != "hydra") if isinstance(node, DictConfig) else []
        place = f" in '{parent}'" if parent else ""
        start = f"Unknown option '{key}'{self._origin(key, file)}."
        if isinstance(node, DictConfig) and OmegaConf.get_type(node) is dict and not file:
            have = f" It holds: {', '.join(names)}." if names else " It is empty."
            return f"{start}{did_you_mean(name, names)}{have} {self._how_to_add(key, node)}"
        near = did_you_mean(name, names) or _same_name_elsewhere(name, base)
        return f"{start}{near} Allowed{place}: {', '.join(names)}." if names else f"{start}{near}"

    def _how_to_add(self, key: str, node: DictConfig) -> str:
        override = self._override_of(key)
        whole = override.partition("=")[0] != key and "{" not in override and is_dataclass(node._metadata.element_type)
        example = _new_entry(key) if whole else f"'+{override or key}'"
        return f"A new entry is written {example}."

    def _overlay_as_key(self, name: str, file: str) -> str:
        if file:
            return f"{file}.yaml: an overlay must start with the line '# @package _global_'."
        roots = overlay_roots(self.composer.conf)
        return f"There is no folder '{name}' to choose from; looked in {' and '.join(map(str, roots))}."

    def _unknown_choice(self, path: str) -> str:
        group, _, name = path.rpartition("/")
        if not group:
            return f"There is no config '{name}' in {self.composer.conf} or in the schemas of the command."
        allowed = self.composer.choices(group)
        listed = f"Allowed: {', '.join(allowed)}." if allowed else "There are none."
        folders = [root / group for root in overlay_roots(self.composer.conf) if (root / group).is_dir()]
        where = f" They lie in {' and '.join(map(str, folders))}." if group in OVERLAYS else ""
        return f"Unknown choice '{name}' for '{group}'.{did_you_mean(name, allowed)} {listed}{where}"

    def _choice_of_wrong_type(self) -> str:
        for override in self.composer.parse(self.overrides):
            group = override.key_or_group
            choices = self.composer.choices(group) if group else []
            if choices and not isinstance(override.value(), str | list | dict):
                return f"Wrong choice: {override.input_line}. Allowed for '{group}': {', '.join(choices)}."
        return "A config group was given a value that is not a name; write group=name."

    def _whole_of_nothing(self, key: str) -> str:
        """A dictionary for options that are null, which OmegaConf cannot merge."""
        return (
            f"'{self._override_of(key)}' sets all of '{key}', which is not chosen here. Choose what has it, such as "
            f"{key.partition('.')[0]}=…, and set its options one by one: {key}.<option>=…"
        )

    def _below_nothing(self) -> str | None:
        """An option of something that is null."""
        sound = self._sound_overrides()
        for override in (override for override in self.overrides if override not in sound):
            parent = override.lstrip("+").partition("=")[0].rpartition(".")[0]
            return (
                f"The option '{override}' belongs to '{parent}', which is not chosen here. Choose what has it, such as "
                f"{parent.partition('.')[0]}=…, or leave the option out."
            )
        return None

    def _refused(self, text: str) -> str:
        ambiguous = re.search(r"(?:Ambiguous value for argument|Sweep parameters) '(.*?)'", text, re.S)
        if ambiguous:
            return _several_values(ambiguous[1])
        unset = re.search(r"You must specify '(.*?)'", text)
        if unset:
            group = unset[1]
            return f"A choice is missing: {group}=…. Allowed: {', '.join(self.composer.choices(group.split('@')[0]))}."
        unused = re.search(r"(?:In '(.*?)': )?Could not override '(.*?)'", text)
        if unused:
            return self._group_not_used(unused[2], file=unused[1] or "")
        return " ".join(text.split())

    def _group_not_used(self, group: str, file: str) -> str:
        choices = OmegaConf.select(self._base(), "hydra.runtime.choices") or {}
        used = sorted(name for name in choices if not name.startswith("hydra/"))
        place = f" (in {file}.yaml)" if file else ""
        return f"This command has no choice of '{group}'{place}.{did_you_mean(group, used)} It has: {', '.join(used)}."

    def _base(self) -> DictConfig:
        """The configuration without the override at fault, for the names it allows."""
        for overrides in (self._sound_overrides(), []):
            try:
                return self.composer.compose(overrides)
            except _EXPLAINED:
                continue
        schema = OmegaConf.structured(self.composer.schema)
        assert isinstance(schema, DictConfig)
        return schema

    def _sound_overrides(self) -> list[str]:
        sound: list[str] = []
        for override in self.overrides:
            try:
                self.composer.compose([*sound, override])
                sound.append(override)
            except _EXPLAINED:
                continue
        return sound

    def _override_of(self, key: str) -> str:
        """The one that is nearest to `key`: `data.path=…` rather than `data=…`; of equal ones the last."""
        found = ""
        for override in self.overrides:
            given, best = (text.lstrip("+~").partition("=")[0] for text in (override, found))
            is_near = given == key or given.startswith(f"{key}.") or key.startswith(f"{given}.")
            if is_near and len(given) >= len(best):
                found = override
        return found

    def _origin(self, key: str, file: str) -> str:
        given = self._override_of(key)
        return f" in {file}.yaml" if file else f" (given: {given})" if given else ""


def _omegaconf_cause(error: BaseException) -> OmegaConfBaseException | None:
    link: BaseException | None = error
    while link is not None:
        if isinstance(link, OmegaConfBaseException):
            return link
        link = link.__cause__ or link.__context__
    return None


def _file_of(error: Exception) -> str:
    found = re.match(r"In '(.*?)': \w+ raised while composing config", str(error))
    return found[1] if found else ""


def _new_entry(key: str) -> str:
    parent, _, name = key.rpartition(".")
    return f"'+{parent}={{{name}: {{option: value}}}}'"


def _malformed(override: str) -> str:
    if re.fullmatch(r"[\w.@/+-]+", override):
        return f"'{override}' is not of the form option=value. Write {override}=…, or --help for the options."
    return (
        f"'{override}' cannot be read as option=value. Lists are [a,b], dictionaries {{a: 1}}; a value with spaces, "
        "quotes, commas or brackets of its own needs quotes inside the shell's: 'option=\"a, b\"'."
    )


def _several_values(override: str) -> str:
    key, _, values = override.partition("=")
    if re.match(r"\w+\(", values):
        return f"'{override}' gives several values. Add -m to run once for each."
    return (
        f"'{override}' gives several values. Add -m to run once for each, write {key}=[{values}] for a list, "
        f"or '{key}=\"{values}\"' for one text."
    )


def _broken_yaml(error: yaml.MarkedYAMLError) -> str:
    mark = error.problem_mark or error.context_mark
    place = f"{mark.name}:{mark.line + 1}: " if mark is not None else ""
    return f"{place}not valid YAML: {error.problem or error.context}."


def _nearest_of_list(reason: str) -> str:
    found = re.match(r"Invalid value '(.*)', expected one of \[(.*)\]", reason)
    if not found:
        return ""
    allowed = found[2].split(", ")
    same = [name for name in allowed if name.lower() == found[1].lower()]
    return f" Did you mean '{same[0]}'?" if same else did_you_mean(found[1], allowed)


def _same_name_elsewhere(name: str, config: DictConfig) -> str:
    found = [key for key in _dotted_keys(config, "") if key.rpartition(".")[2] == name and not key.startswith("hydra.")]
    return f" Did you mean '{found[0]}'?" if found else ""


def _dotted_keys(config: DictConfig, prefix: str) -> Iterator[str]:
    for key in config:
        yield f"{prefix}{key}"
        child = config._get_node(key)
        if isinstance(child, DictConfig) and not child._is_none() and not child._is_missing():
            yield from _dotted_keys(child, f"{prefix}{key}.")

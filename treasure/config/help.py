"""The `--help` page of a command: its choices, its options with default and meaning, its flags."""

import json
import shutil
import textwrap
from collections.abc import Iterator, Mapping

from omegaconf import DictConfig, EnumNode, OmegaConf

from treasure.config.composer import Composer
from treasure.config.enum_values import member_text
from treasure.config.field_docs import field_docs

_WIDTH_WITHOUT_TERMINAL = 120
"""Columns that descriptions fill when the page goes into a file or pipe."""

_INDENT = " " * 6

_FLAGS = """\
Flags
  -m, --multirun     run once for each combination of option=a,b,c (a sweeps= file asks for it by itself)
  -c, --cfg job      print the composed configuration and stop; --resolve works out its ${references},
                     --package optimizer prints that part alone
  -h, --help         this page; options given before it are shown as they would be"""


def help_page(
    composer: Composer, config: DictConfig, *, program: str, about: str, subcommands: Mapping[str, str] = {}
) -> str:
    """The page as text. `config` is the composed configuration whose values are shown, `about` one sentence;
    `subcommands` are words that may stand before the options, with what each does.
    """
    choices = _choices(composer, config)
    parts = [about] if about else []
    parts.append(f"Usage: {program} [group=choice …] [option=value …] [-m]")
    if subcommands:
        parts.append(f"Subcommands (each has its own --help)\n{_columns(list(subcommands.items()))}")
    if choices:
        parts.append("Choices (group=choice; * is chosen)\n" + _columns(choices))
    parts.append("Options (option=value)\n" + "\n".join(_options(config)))
    parts.append(_FLAGS)
    return "\n\n".join(parts)


def _choices(composer: Composer, config: DictConfig) -> list[tuple[str, str]]:
    rows = []
    for group, chosen in config.hydra.runtime.choices.items():
        if not group.startswith("hydra"):
            names = composer.choices(group.partition("@")[0])
            picked = chosen if OmegaConf.is_list(chosen) else [chosen]
            rows.append((group, "  ".join(f"{name}*" if name in picked else name for name in names)))
    return sorted(rows)


def _options(config: DictConfig) -> Iterator[str]:
    for key, value, about in _leaves(config, ""):
        yield f"  {key} = {value}" + (f"\n{_wrapped(about)}" if about else "")


def _wrapped(text: str) -> str:
    """`text` below its option, whole, in lines that fit the terminal; an unbroken word may be longer."""
    width = shutil.get_terminal_size((_WIDTH_WITHOUT_TERMINAL, 24)).columns
    return textwrap.fill(
        text,
        max(width, 2 * len(_INDENT)),
        initial_indent=_INDENT,
        subsequent_indent=_INDENT,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _leaves(config: DictConfig, prefix: str) -> Iterator[tuple[str, str, str]]:
    """(dotted key, value as text, docstring) of every option below `config`, in the order of the schema."""
    kind = OmegaConf.get_type(config)
    docs = field_docs(kind) if kind is not None else {}
    for name in config:
        node = config._get_node(name)
        key = f"{prefix}{name}"
        if key == "hydra":
            continue
        if isinstance(node, DictConfig) and not node._is_none() and not node._is_missing() and len(node) > 0:
            yield from _leaves(node, f"{key}.")
        else:
            yield key, _value_text(config, str(name)), docs.get(str(name), "")


def _value_text(config: DictConfig, name: str) -> str:
    if OmegaConf.is_missing(config, name):
        return "(must be given)"
    node = config._get_node(name)
    if isinstance(node, EnumNode) and not node._is_interpolation() and not node._is_none():
        return member_text(node._value())
    plain = OmegaConf.to_container(OmegaConf.masked_copy(config, name), resolve=False)
    assert isinstance(plain, dict)
    value = plain[name]
    if isinstance(value, str) and value == value.strip() and value.isprintable() and value:
        return value
    return json.dumps(value, ensure_ascii=False)


def _columns(rows: list[tuple[str, str]]) -> str:
    width = max(len(left) for left, _ in rows)
    return "\n".join(f"  {left:<{width}}  {right}" for left, right in rows)

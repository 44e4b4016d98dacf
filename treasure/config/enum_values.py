"""Lets YAML and the command line name an enum's member by its value (`wandb: offline`), as people write it.

OmegaConf reads members by their Python name alone (`wandb: OFFLINE`), which still works.
"""

from enum import Enum
from typing import Any

from omegaconf import EnumNode
from omegaconf.errors import ValidationError


def accept_enum_values() -> None:
    """Replaces OmegaConf's reading of enums in this process; a second call changes nothing."""
    EnumNode.validate_and_convert_to_enum = staticmethod(read_member)


def read_member(enum_type: type[Enum], value: Any) -> Enum:
    """The member of `enum_type` that `value` is, names or has as its value; a name goes before a value.

    Raises:
        ValidationError: there is none; OmegaConf fills in $VALUE and the option's name.
    """
    if isinstance(value, enum_type):
        return value
    if isinstance(value, str):
        name = value.removeprefix(f"{enum_type.__name__}.")
        if name in enum_type.__members__:
            return enum_type[name]
    for member in enum_type:
        if type(member.value) is type(value) and member.value == value:
            return member
    raise ValidationError(f"Invalid value '$VALUE', expected one of [{', '.join(map(member_text, enum_type))}]")


def member_text(member: Enum) -> str:
    """What people write for `member`: its value where that is text, else its name."""
    return str(member.value) if isinstance(member.value, str) else member.name

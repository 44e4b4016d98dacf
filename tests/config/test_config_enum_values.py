from enum import Enum, IntEnum, StrEnum

import pytest
from omegaconf.errors import ValidationError

from treasure.config.enum_values import member_text, read_member


class Plain(Enum):
    FAST = "fast"
    SLOW = "slow"


class Text(StrEnum):
    FAST = "fast"
    SLOW = "slow"


class Crossed(Enum):
    A = "B"
    B = "A"


class Number(IntEnum):
    ONE = 1
    TWO = 2


@pytest.mark.parametrize("kind", [Plain, Text, Crossed, Number])
def test_every_way_of_writing_a_member_reads_back(kind: type[Enum]):
    for member in kind:
        for text in (member, member.name, f"{kind.__name__}.{member.name}"):
            assert read_member(kind, text) is member
        if kind is not Crossed:
            assert read_member(kind, member.value) is member
            assert read_member(kind, member_text(member)) is member


def test_names_go_before_values():
    assert read_member(Crossed, "A") is Crossed.A


@pytest.mark.parametrize(("kind", "value"), [(Plain, "Fast"), (Plain, ""), (Plain, 1), (Number, "1"), (Number, True)])
def test_anything_else_is_refused_with_what_is_allowed(kind: type[Enum], value: object):
    with pytest.raises(ValidationError, match="fast, slow" if kind is Plain else "ONE, TWO"):
        read_member(kind, value)

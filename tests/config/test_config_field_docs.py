from dataclasses import dataclass

from treasure.config.field_docs import field_docs


@dataclass
class Base:
    rate: float = 0.5
    """Share of something."""
    bare: int = 0


@dataclass
class Derived(Base):
    rate: float = 0.6
    """Share of something else, which goes on
    here.

    More about it.
    """
    size: int = 3
    """Size of it."""


def test_whole_docstrings_and_bases():
    assert field_docs(Base) == {"rate": "Share of something."}
    whole = "Share of something else, which goes on here. More about it."
    assert field_docs(Derived) == {"rate": whole, "size": "Size of it."}


def test_a_class_without_source_has_none():
    made = type("Made", (), {"__module__": "nowhere"})
    assert field_docs(made) == {}
    assert field_docs(dict) == {}

"""What the rules speak of, and how sure they have to be."""

from dataclasses import dataclass

from treasure.errors import ConfigError


@dataclass(kw_only=True, slots=True)
class RulesConfig:
    """Which rules run, and the probability in [0, 1] below which each of them abstains."""

    language: bool = True
    """Whether the language is told."""
    lengths: bool = True
    """Whether tokens, sentences and paragraphs are counted, and their buckets given."""
    code_type: bool = True
    """Whether the programming language of code is told."""
    format: bool = True
    """Whether formats are told."""
    style: bool = True
    """Whether formality is told."""
    language_probability: float = 0.4
    """The least probability of a language, in [0, 1]."""
    code_type_probability: float = 0.5
    """The least probability of a programming language, in [0, 1]."""
    format_probability: float = 0.5
    """The least probability of a format, in [0, 1]."""
    style_probability: float = 0.6
    """The least probability of a style, in [0, 1]."""
    fence_is_markdown: bool = False
    """Whether an answer that is one fenced block counts as Markdown. The shipped taxonomy says that a single fence is
    not enough, but the procedural world marks it so."""

    def __post_init__(self) -> None:
        for name in ("language_probability", "code_type_probability", "format_probability", "style_probability"):
            given = getattr(self, name)
            if not 0 <= given <= 1:
                raise ConfigError(f"rules.{name} must be from 0 to 1, got {given}.")

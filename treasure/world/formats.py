"""Facts as rows of a table, written in a format, broken on purpose, and recognized by real parsing."""

import json
import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Sequence
from xml.sax.saxutils import escape, quoteattr

Row = tuple[str, str]
"""A label and what it says; the first row of an answer names the entity."""
_MAX_CHARS = 20_000
_MCQ = re.compile(r"\(?[A-C]\)(\s+\S.*)?", re.DOTALL)
_STEP = re.compile(r"-?\d+ [-+*/] -?\d+ = -?\d+")


def write_rows(name: str, rows: Sequence[Row]) -> str:
    """The rows in the format `name`: JSON, XML, Enumeration, Tabular or Markdown."""
    return _WRITERS[name](rows)


def write_broken_rows(name: str, rows: Sequence[Row]) -> str:
    """The rows in the typical failure of the format: what closes, separates or counts is missing."""
    text = write_rows(name, rows)
    match name:
        case "JSON":
            return text.removesuffix("}")
        case "XML":
            return text.removesuffix("</item>")
        case "Enumeration":
            return re.sub(r"^\d+\. ", "", text, flags=re.MULTILINE)
        case "Tabular":
            return "\n".join(line for line in text.split("\n") if "---" not in line)
        case _:
            return text.replace("## ", "").replace("- ", "")


def is_valid(name: str, text: str) -> bool:
    """Whether the whole of `text` is in the format `name` of the taxonomy."""
    text = text.strip()
    return bool(text) and len(text) <= _MAX_CHARS and _CHECKS[name](text)


def _json(rows: Sequence[Row]) -> str:
    return json.dumps(dict(rows), ensure_ascii=False)


def _xml(rows: Sequence[Row]) -> str:
    (_, title), *rest = rows
    facts = "".join(f"<row label={quoteattr(key)}>{escape(value)}</row>" for key, value in rest)
    return f"<item title={quoteattr(title)}>{facts}</item>"


def _enumeration(rows: Sequence[Row]) -> str:
    return "\n".join(f"{number}. {key}: {value}" for number, (key, value) in enumerate(rows, start=1))


def _tabular(rows: Sequence[Row]) -> str:
    keys, values = zip(*rows, strict=True)
    return "\n".join((f"| {' | '.join(keys)} |", f"|{'---|' * len(keys)}", f"| {' | '.join(values)} |"))


def _markdown(rows: Sequence[Row]) -> str:
    (_, title), *rest = rows
    return "\n".join((f"## {title}", *(f"- **{key}**: {value}" for key, value in rest)))


_WRITERS: dict[str, Callable[[Sequence[Row]], str]] = {
    "JSON": _json,
    "XML": _xml,
    "Enumeration": _enumeration,
    "Tabular": _tabular,
    "Markdown": _markdown,
}


def _is_json(text: str) -> bool:
    try:
        found = json.loads(text)
    except (json.JSONDecodeError, RecursionError):
        return False
    return isinstance(found, dict | list) and bool(found)


def _is_xml(text: str) -> bool:
    if "<!" in text:  # no declarations, hence no entities that grow
        return False
    try:
        root = ElementTree.fromstring(text)
    except ElementTree.ParseError:
        return False
    return len(root) > 0


def _is_enumeration(text: str) -> bool:
    lines = text.splitlines()
    return len(lines) > 1 and all(line.startswith(f"{number}. ") for number, line in enumerate(lines, start=1))


def _is_tabular(text: str) -> bool:
    lines = [line.strip() for line in text.splitlines()]
    if len(lines) < 3 or not all(line.startswith("|") and line.endswith("|") for line in lines):
        return False
    return len({line.count("|") for line in lines}) == 1 and not lines[1].strip("|-: ")


def _is_markdown(text: str) -> bool:
    heading, *rest = text.splitlines()
    return heading.startswith("#") and any(line.startswith("- ") for line in rest)


def _is_mcq(text: str) -> bool:
    return _MCQ.fullmatch(text) is not None


def _is_chain_of_thought(text: str) -> bool:
    return len(_STEP.findall(text)) >= 2 and "answer" in text.lower()


def _is_latex(text: str) -> bool:
    return text.count("$") >= 2 and text.count("$") % 2 == 0 and text.count("{") == text.count("}")


_CHECKS: dict[str, Callable[[str], bool]] = {
    "JSON": _is_json,
    "XML": _is_xml,
    "Enumeration": _is_enumeration,
    "Tabular": _is_tabular,
    "Markdown": _is_markdown,
    "MCQAnswer": _is_mcq,
    "ChainOfThought": _is_chain_of_thought,
    "Latex": _is_latex,
}

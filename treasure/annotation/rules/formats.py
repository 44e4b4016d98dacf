"""The formats of a completion, found by parsing it: several may hold, and plain prose has none."""

import re
from collections.abc import Callable

from treasure.annotation.rules.answers import find_choice, find_reasoning
from treasure.annotation.rules.documents import find_json, find_xml
from treasure.annotation.rules.parts import Text

_SURE, _LIKELY = 0.97, 0.85


def detect_formats(text: Text, prompt: str) -> dict[str, float]:
    """Format -> probability, for all that are found."""
    found: dict[str, float] = {}
    for name, check in _CHECKS.items():
        probability = check(text, prompt)
        if probability:
            found[name] = probability
    if "JSON" in found or "XML" in found:  # what stands inside a document is no format of the answer
        return {name: p for name, p in found.items() if name in ("JSON", "XML")}
    if "MCQAnswer" in found and found.get("Enumeration", 0) <= found["MCQAnswer"]:
        found.pop("Enumeration", None)
    return found


_DIVIDER = re.compile(r"[ \t]*\|?[ \t]*:?-{2,}:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)*\|?[ \t]*")


def _tabular(text: Text, prompt: str) -> float:
    lines = [] if text.is_bare_code else text.lines
    for block in text.blocks:
        if block.info in ("", "csv", "tsv", "text", "table", "markdown", "md"):
            lines = [*lines, *(line for line in block.content.split("\n") if line.strip())]
    if len(lines) < 2:
        return 0.0
    return max(_pipe_table(lines), _separated(lines))


def _pipe_table(lines: list[str]) -> float:
    previous, rows = 0, 0
    probability = 0.0
    for index, line in enumerate(lines):
        stripped = line.strip()
        cells = stripped.strip("|").count("|") + 1
        framed = stripped.startswith("|") and stripped.endswith("|") and len(stripped) > 2
        if "|" not in stripped or (cells < 2 and not framed):
            previous, rows = 0, 0
            continue
        if "-" in stripped and _DIVIDER.fullmatch(stripped) and previous == cells and index + 1 < len(lines):
            return _SURE
        rows = rows + 1 if cells == previous else 1
        previous = cells
        if rows >= (2 if framed and cells >= 2 else 3) and " | " in stripped:
            probability = _LIKELY
    return probability


def _separated(lines: list[str]) -> float:
    """Comma-separated values, tabs, or columns set with blanks, where that is the main part."""
    if any(line.rstrip().endswith((";", "{", "}", ":")) for line in lines):
        return 0.0
    for separator, fewest, rows in (("\t", 1, 2), (",", 2, 3), (";", 1, 3)):
        counts = [_cells_of(line, separator) for line in lines]
        usual = max(set(counts), key=counts.count)
        if usual >= fewest and counts.count(usual) >= max(rows, 0.8 * len(lines)) and _are_cells(lines, separator):
            return _LIKELY if separator == "\t" or usual >= 3 or counts.count(usual) >= 4 else 0.7
    columns = [len(re.split(r" {3,}|\t+", line.strip())) for line in lines]
    usual = max(set(columns), key=columns.count)
    return 0.7 if usual >= 2 and columns.count(usual) >= max(3, 0.8 * len(lines)) else 0.0


def _cells_of(line: str, separator: str) -> int:
    if '"' in line:
        line = re.sub(r'"[^"]*"', '""', line)
    return line.count(separator)


def _are_cells(lines: list[str], separator: str) -> bool:
    """Whether the parts between separators are short, as cells are, and no clauses of sentences."""
    if separator == "\t":
        return True
    cells = [cell for line in lines for cell in line.split(separator)]
    spaced = sum(cell.startswith(" ") for cell in cells)
    if any(re.match(r"\s*(?:[-*•]|\d{1,3}[.)])\s", line) for line in lines):
        return False
    ends = sum(line.rstrip().endswith((".", "!", "?", "。", "।")) for line in lines)
    longest = sorted(len(cell.split()) for cell in cells)
    return ends <= 0.2 * len(lines) and longest[int(0.9 * len(longest))] <= 4 and (spaced == 0 or longest[-1] <= 5)


_ITEM = re.compile(
    r"[ \t]*(?:[-*+•‣–—◦▪·●][ \t]+|\(?\d{1,3}[.)][ \t]+|\(?\d{1,2}[.)](?=[^\W\d])|[０-９\d]{1,3}[、．）:：][ \t]*|"
    r"[\u0660-\u0669\u06f0-\u06f9\u0966-\u096f]{1,3}[.)\-][ \t]*|[①-⑳][ \t]*|\(?[a-zA-Z][.)][ \t]+"
    r"|[ivxIVX]{1,5}[.)][ \t]+"
    r"|(?:Step|Schritt|Étape|Paso|Шаг)[ \t]+\d{1,3}[:.])"
    r"(?=\S)"
)
_THREES = "3３٣۳३"
"""The third item's number, in the digits of our languages."""
_NUMBERED_INSIDE = re.compile(r"(?:^|[\s:;.,])\(?(\d{1,2})[.)][ \t]+(?=[^\W\d])")


def _enumeration(text: Text, prompt: str) -> float:
    lines = [line for line in text.lines if not line.lstrip().startswith("#")]
    items = [bool(_ITEM.match(line)) for line in lines]
    count = sum(items)
    if count >= 2:
        first = items.index(True)
        last = len(items) - 1 - items[::-1].index(True)
        body = sum(map(len, lines[first : last + 1]))
        inside = sum(len(line) for line, item in zip(lines, items, strict=True) if item)
        gaps = sum(not item for item in items[first : last + 1])
        share = max(inside, body if gaps <= 2 * count else 0) / max(1, sum(map(len, lines)))
        if share >= 0.5:
            return _SURE if share >= 0.7 and inside >= 0.4 * body else _LIKELY if inside >= 0.3 * body else 0.6
        return 0.0
    return _numbered_inside(text.outside)


def _numbered_inside(outside: str) -> float:
    """Items that are numbered in one line, as in '1. this 2. that 3. more'."""
    if not any(digit in outside for digit in _THREES):  # a quick look before a slow one
        return 0.0
    numbers = [int(number) for number in _NUMBERED_INSIDE.findall(outside)]
    return 0.8 if len(numbers) >= 3 and numbers == list(range(1, len(numbers) + 1)) else 0.0


_HEADING = re.compile(r"^ {0,3}#{1,6}[ \t]+[^\n\w]{0,20}[^\W\d_]", re.MULTILINE)
_EMPHASIS = re.compile(r"\*\*[^\s*][^*\n]{0,300}\*\*|__[^\s_][^_\n]{0,300}__")
_LINK = re.compile(r"!?\[[^\]\n]{1,300}\]\([^)\s]{1,1000}\)")
_QUOTE = re.compile(r"^ {0,3}> \S", re.MULTILINE)
_CODE_SPAN = re.compile(r"`{1,3}[^`\n]{1,200}`{1,3}")


def _markdown(text: Text, prompt: str) -> float:
    outside = text.outside
    num_blocks = len(text.blocks)
    if not num_blocks and not any(mark in outside for mark in "#*_[`>"):
        return 0.0
    if text.is_bare_code:
        return 0.0
    headings = len(_HEADING.findall(outside)) if "#" in outside else 0
    emphasis = len(_EMPHASIS.findall(outside)) if "**" in outside or "__" in outside else 0
    links = len(_LINK.findall(outside)) if "](" in outside else 0
    quotes = len(_QUOTE.findall(outside)) if "> " in outside else 0
    spans = len(_CODE_SPAN.findall(outside)) if "`" in outside else 0
    if headings:  # in code they would be remarks
        return _SURE if headings > 1 or emphasis or len(text.lines) > 1 else 0.6
    among_prose = num_blocks if len(text.prose) >= 40 else 0
    strength = emphasis + 1.5 * links + 0.5 * min(quotes, 4) + 0.5 * min(spans, 4) + 0.8 * min(among_prose, 3)
    return 0.0 if strength < 1.3 else 0.9 if strength >= 2 else 0.65


_FORMULA = re.compile(r"\$\$[^$]{1,3000}\$\$|(?<![\\$\w])\$(?=[^\s$])([^$\n]{1,400}?)(?<=[^\s$\\])\$(?![\d$])")
_COMMAND = re.compile(
    r"\\(?:frac|sqrt|sum|int|begin|end|text|cdot|times|left|right|alpha|beta|pi|theta|lim|infty|mathbb|mathrm|boxed|"
    r"documentclass|usepackage|section|subsection|textbf|emph|item|leq|geq|neq|approx|pm|quad|ldots|dots|to)\b"
    r"|\\\([^\n]{1,400}?\\\)|\\\[[^\]]{1,2000}?\\\]"
)
_PLAIN_FORMULA = re.compile(r"-?[\w.,]{1,20}(?:\s?[-+*/=<>^_(){}|!×·≤≥≈]\s?-?[\w.,]{0,20}){0,40}")


def _latex(text: Text, prompt: str) -> float:
    body = text.outside
    for block in text.blocks:
        if block.info in ("latex", "tex", "math"):
            return _SURE
    if "\\" in body and (found := _COMMAND.findall(body)):
        return _SURE if len(found) > 1 else 0.9
    if body.count("$") < 2 or text.is_bare_code:
        return 0.0
    formulas = [match[1] for match in _FORMULA.finditer(body)]
    formulas = [inner for inner in formulas if inner is None or not re.search(r"[;\"`&]|\becho\b", inner)]
    sure = sum(inner is None or bool(re.search(r"\\[a-zA-Z]|[\^_{}]", inner)) for inner in formulas)
    plain = sum(inner is not None and bool(_PLAIN_FORMULA.fullmatch(inner)) for inner in formulas)
    return 0.95 if sure else 0.8 if plain else 0.0


_CHECKS: dict[str, Callable[[Text, str], float]] = {
    "MCQAnswer": find_choice,
    "ChainOfThought": find_reasoning,
    "XML": find_xml,
    "JSON": find_json,
    "Enumeration": _enumeration,
    "Tabular": _tabular,
    "Markdown": _markdown,
    "Latex": _latex,
}

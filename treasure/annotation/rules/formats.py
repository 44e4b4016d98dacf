"""The formats of a completion, found by parsing it: several may hold, and plain prose has none."""

import json
import re
from collections.abc import Callable
from xml.parsers import expat

from treasure.annotation.rules.parts import Text

_MAIN = 0.6
"""Share of a text from which on a part is its main part."""
_PARSED = 200_000
"""Characters up to which a text is parsed as JSON or XML."""
_SURE, _LIKELY, _BROKEN = 0.97, 0.85, 0.75
_NESTING = 200
"""Brackets within brackets up to which JSON is parsed."""


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


def _documents(text: Text, opening: str, names: tuple[str, ...]) -> list[str]:
    """Parts of `text` that may be a whole document beginning with one of the characters `opening`: all of it, its main
    block, or its main part behind some words.
    """
    whole = text.raw.strip() if len(text.raw) <= _PARSED else text.clipped
    found = []
    if whole[:1] and whole[0] in opening:
        found.append(whole)
    for block in text.blocks:
        if len(block.content) >= len(text.outside) and (block.info in names or block.content.strip()[:1] in opening):
            found.append(block.content.strip())
    if not found and not text.blocks:
        start = re.search(rf"^[ \t]*[{re.escape(opening)}]", text.clipped, re.MULTILINE)
        if start and start.start() <= (1 - _MAIN) * len(text.clipped):
            found.append(text.clipped[start.start() :].strip())
    return found


def _json(text: Text, prompt: str) -> float:
    if "{" not in text.clipped and "[" not in text.clipped:
        return 0.0
    return max((_json_document(part) for part in _documents(text, "{[", ("json", "jsonl", "json5"))), default=0.0)


def _json_document(part: str) -> float:
    if len(part) > _PARSED or _nesting(part) > _NESTING:
        return _LIKELY if re.match(r"[\[{\s]*(?:\"[^\"\n]{1,200}\"\s*[:,\]]|[\d{\[])", part) else 0.0
    try:
        value, end = json.JSONDecoder(strict=False).raw_decode(part)
    except (ValueError, RecursionError):
        return _BROKEN if _is_cut_json(part) else 0.0
    if not isinstance(value, dict | list) or not value:
        return 0.0
    rest = part[end:].strip()
    if isinstance(value, list) and all(isinstance(one, int) for one in value) and (len(value) == 1 or rest):
        return 0.0  # a footnote such as [1]
    if not rest:
        return _SURE if isinstance(value, dict) or isinstance(value[0], dict | list) else _LIKELY
    if len(rest) <= (1 - _MAIN) * len(part) or rest[0] in "{[":  # some words behind it, or JSON Lines
        return _LIKELY
    return 0.0


def _nesting(part: str) -> int:
    depth = deepest = 0
    for mark in re.findall(r"[\[\]{}]", part):
        depth += 1 if mark in "[{" else -1
        deepest = max(deepest, depth)
    return deepest


_JSON_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*+"|[\[\]{}]|"', re.DOTALL)


def _is_cut_json(part: str) -> bool:
    """Whether `part` is JSON whose end is missing: it parses once all that is open is closed."""
    closing: list[str] = []
    for token in _JSON_TOKEN.findall(part):
        if token in "{[":
            closing.append("}" if token == "{" else "]")
        elif token in "}]":
            if not closing or closing.pop() != token:
                return False
        elif token == '"':
            part += '"'
            break
    if not closing:
        return False
    for end in ("", '": null', ": null", "null"):
        try:
            value = json.loads(part.rstrip().rstrip(",") + end + "".join(reversed(closing)), strict=False)
        except (ValueError, RecursionError):
            continue
        return bool(value) and (isinstance(value, dict) or isinstance(value[0], dict))
    return False


_TAG = re.compile(r"<(/?)([A-Za-z_][\w:.-]{0,60})(?:\s[^<>]{0,2000})?(/?)>")
_VOID = frozenset("area base br col embed hr img input link meta source track wbr !doctype".split())


def _xml(text: Text, prompt: str) -> float:
    if "<" not in text.clipped:
        return 0.0
    return max((_xml_document(part) for part in _documents(text, "<", ("xml", "html", "svg", "xhtml"))), default=0.0)


def _xml_document(part: str) -> float:
    if part.startswith("<?php"):
        return 0.0
    tags = _TAG.findall(part[:_PARSED])
    names = {name.lower() for _, name, _ in tags}
    if len(tags) < 2 or len(names) < 2 and len(tags) < 4 and not _is_well_formed(part):
        return 0.0
    if re.match(r"<(?:!doctype\s+html|html|\?xml|svg)\b", part, re.IGNORECASE):
        return _SURE
    if part.rstrip().endswith(">") and _is_well_formed(part):
        return _SURE
    open_tags: list[str] = []
    matched = 0
    for slash, name, empty in tags:
        if empty or name.lower() in _VOID:
            matched += 1
        elif not slash:
            open_tags.append(name)
        elif name in open_tags[-5:]:
            while open_tags.pop() != name:
                pass
            matched += 2
    if matched >= 0.8 * len(tags):
        return _LIKELY
    return _BROKEN if matched >= 0.5 * len(tags) and part[0] == "<" else 0.0


def _is_well_formed(part: str) -> bool:
    if len(part) > _PARSED or "<!ENTITY" in part:
        return False
    try:
        expat.ParserCreate().Parse(part.encode("utf-8", "replace"), True)
    except expat.ExpatError:
        return False
    return True


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
    r"[\u0660-\u0669\u06f0-\u06f9\u0966-\u096f]{1,3}[.)\-][ \t]*|[①-⑳][ \t]*|\(?[a-zA-Z][.)][ \t]+|[ivxIVX]{1,5}[.)][ \t]+"
    r"|(?:Step|Schritt|Étape|Paso|Шаг)[ \t]+\d{1,3}[:.])"
    r"(?=\S)"
)
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


_CHOICE = re.compile(r"\s*\(?([A-Ja-j]|[1-9]|[А-Га-г]|[أبجد])[).:]?(?:(?<=[).:])\s*\S[^\n]{0,200}|\s*)$")
_LABELS = re.compile(r"\s*(?:\(?[A-J]\)[\s,]*){1,10}")
_ANSWER_IS = re.compile(
    r"(?:answer|answer is|option|choice|correct|réponse|respuesta|Antwort|risposta|resposta|ответ|відповідь|odpowied[źz]|"
    r"odpověď|cevap|答案|正解|答え|정답|jawaban|đáp án|antwoord|răspuns|απάντηση|उत्तर|תשובה|پاسخ|الإجابة)[^\n]{0,30}?"
    r"(?:[:：]|\bis\b|\best\b|\bes\b|\bist\b|是|は)?\s*[(\"'*]{0,3}(?-i:[A-J])[)\"'*]{0,3}(?=[\s).,:;。]|$)",
    re.IGNORECASE,
)
_LETTER = re.compile(r"(?<![^\W_])[A-Ja-jА-Га-г1-9أبجد](?![^\W_])(?!['’])")
_OPTION = re.compile(r"(?:^|[\s;,.。:：?？])\(?([A-Ja-j]|[1-9])[).:]\s*\S", re.MULTILINE)


def _mcq(text: Text, prompt: str) -> float:
    answer = text.clipped
    if not answer or len(answer) > 600 or text.blocks:
        return 0.0
    if len(answer) > 12 and not _LETTER.search(answer):
        return 0.0
    is_choice = bool(_CHOICE.match(answer)) and "\n" not in answer.strip()
    if not is_choice and not _LABELS.fullmatch(answer) and not _ANSWER_IS.search(answer[:200]):
        return 0.0
    options = {option.upper() for option in _OPTION.findall(prompt[-4_000:])}
    has_options = {"A", "B"} <= options or {"1", "2"} <= options
    if has_options:
        return _SURE if is_choice else 0.9
    return 0.6 if re.match(r"\s*\(?[A-J]\)", answer) and "\n" not in answer.strip() else 0.0


_NUMBER = r"-?[$€£]?\d[\d,.]*%?"
_STEP = re.compile(
    rf"(?:{_NUMBER}|\w|\))[a-z²³]{{0,10}}\s*(?:[-+*/×÷·^x]|\\times|\\cdot)\s*[($]{{0,2}}{_NUMBER}[^=\n]{{0,60}}=\s*[($<]{{0,3}}{_NUMBER}|[a-z]\s*=\s*{_NUMBER}"
)
_RESULT = re.compile(
    r"####|\b(?:the )?(?:final )?answer\b|\btherefore\b|\bthus\b|\bhence\b|\bin total\b|∴|\\boxed|\bso,? (?:the|there|he|she|they|it|we)\b"
    r"|réponse|respuesta|Antwort|risposta|resposta|ответ|відповідь|odpowied[źz]|odpověď|cevap|答案|答え|정답|jawaban|đáp án"
    r"|antwoord|răspuns|απάντηση|उत्तर|תשובה|پاسخ|الجواب|الإجابة|donc\b|por lo tanto|also ist|следовательно|因此|所以|したがって|따라서",
    re.IGNORECASE,
)
_REASONING = re.compile(
    r"\bstep[- ]by[- ]step\b|\blet'?s (?:think|break|work|solve)\b|\bwe (?:can|need to|know that|first)\b|\bfirst(?:ly)?,|\bgiven that\b",
    re.IGNORECASE,
)
_STEP_LABEL = re.compile(
    r"^\W{0,4}(?:Step|Étape|Schritt|Paso|Passo|Шаг|Krok|步骤|ステップ)\s*\d", re.MULTILINE | re.IGNORECASE
)


def _chain_of_thought(text: Text, prompt: str) -> float:
    body = text.outside
    if text.is_bare_code or len(body) < 12:
        return 0.0
    steps = len(_STEP.findall(body)) if "=" in body else 0
    if not steps:
        labels = len(_STEP_LABEL.findall(body))
        is_reasoned = labels >= 2 or bool(_REASONING.search(body[:400]))
        return (
            0.7
            if labels >= 2
            and is_reasoned
            and re.search(r"\banswer\b|\btherefore\b|答案|ответ", body[-300:], re.IGNORECASE)
            else 0.0
        )
    has_result = bool(_RESULT.search(body[-600:]))
    if steps >= 2:
        return 0.95 if has_result else 0.75 if steps >= 3 else 0.6
    return 0.65 if has_result else 0.0


_CHECKS: dict[str, Callable[[Text, str], float]] = {
    "MCQAnswer": _mcq,
    "ChainOfThought": _chain_of_thought,
    "XML": _xml,
    "JSON": _json,
    "Enumeration": _enumeration,
    "Tabular": _tabular,
    "Markdown": _markdown,
    "Latex": _latex,
}

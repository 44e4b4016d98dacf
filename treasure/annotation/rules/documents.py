"""Finds JSON and XML by parsing them, whole or with their end missing, alone or as the main part of an answer."""

import json
import re
from xml.parsers import expat

from treasure.annotation.rules.parts import Text

_MAIN = 0.6
"""Share of a text from which on a part is its main part."""
_PARSED = 200_000
"""Characters up to which a text is parsed as JSON or XML."""
_SURE, _LIKELY, _BROKEN = 0.97, 0.85, 0.75
_NESTING = 200
"""Brackets within brackets up to which JSON is parsed."""


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


def find_json(text: Text, prompt: str) -> float:
    """The probability in [0, 1] that the answer, or its main part, is JSON."""
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
_VOID = frozenset(
    ("area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr", "!doctype")
)


def find_xml(text: Text, prompt: str) -> float:
    """The probability in [0, 1] that the answer, or its main part, is XML or HTML."""
    if "<" not in text.clipped:
        return 0.0
    return max((_xml_document(part) for part in _documents(text, "<", ("xml", "html", "svg", "xhtml"))), default=0.0)


def _xml_document(part: str) -> float:
    if part.startswith("<?php"):
        return 0.0
    tags = _TAG.findall(part[:_PARSED])
    names = {name.lower() for _, name, _ in tags}
    if len(tags) < 2 or (len(names) < 2 and len(tags) < 4 and not _is_well_formed(part)):
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

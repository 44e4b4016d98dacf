"""The programming languages of the code in an answer, or else of the code that its prompt shows."""

import math
import re
from functools import cache

from pygments.lexers import get_lexer_by_name
from pygments.token import Error, Keyword, Name
from pygments.util import ClassNotFound

from treasure.annotation.rules.code_signs import ANY_NAME, INFO, PIECES, WORDS
from treasure.annotation.rules.parts import Text

LANGUAGES = tuple(WORDS)
_CODE = 4_000
"""Characters of a piece of code that are looked at."""
_LEXED = 1_500
"""Characters that the lexers of pygments see where two languages are too near."""
_NAMED = 6.0
"""What the name of a language in the prompt weighs."""
_CONTRADICTION = 14.0
"""By how much another language must be ahead before a block is not what its fence says."""
_EVIDENCE = 3.0
"""What must point to a language at least."""
_WORD = re.compile(r"[@#$]?[A-Za-z_]\w*[!?]?")
_LITERALS = re.compile(
    r"\"(?:[^\"\\\n]|\\.){1,300}\"|'(?:[^'\\\n]|\\.){3,300}'|(?<!:)//[^\n]*|/\*(?:[^*]|\*(?!/)){0,2000}\*/"
    r"|^\s*#(?!include|define|if|end|!|\[)[^\n]*",
    re.MULTILINE,
)


def detect_code_types(text: Text, prompt: Text) -> dict[str, float]:
    """Programming language -> probability; empty where there is no code. Code of the answer stands before code that is
    only discussed.
    """
    pieces = _pieces(text)
    if not pieces:
        pieces = _pieces(prompt)
    if not pieces:
        return {}
    named = _named(prompt.clipped)
    found: dict[str, float] = {}
    for info, code in pieces[:6]:
        language, probability = _language_of(code, info, named)
        if language:
            found[language] = max(found.get(language, 0.0), probability)
    return found


def _pieces(text: Text) -> list[tuple[str, str]]:
    """(word behind the fence, code) of the fenced blocks; without any, the lines that look like code, if they are many
    or telling enough.
    """
    blocks = [(block.info.split(" ")[0].strip("{}.:"), block.content) for block in text.blocks if block.content.strip()]
    if blocks:
        return [(info, code) for info, code in blocks if info not in _NO_CODE]
    lines = text.code_lines
    if not lines:
        return []
    if text.is_bare_code:
        return [("", text.outside)]
    return [("", "\n".join(lines))] if len(lines) >= 2 or _telling(lines[0]) else []


_NO_CODE = frozenset(
    (
        "json", "xml", "html", "css", "yaml", "yml", "toml", "text",
         "txt", "plaintext", "plain", "output", "markdown", "md", "csv", "latex", "tex", "diff", "svg", "ini", "math",
    )
)  # fmt: skip


def _telling(line: str) -> bool:
    return bool(re.search(r"[;{}]\s*$|\w\([^)]*\)\s*;?\s*$|^\s*(?:SELECT|select|def|function|import)\b|:=|=>", line))


def _named(prompt: str) -> frozenset[str]:
    """The languages that the prompt names."""
    return frozenset(str(match.lastgroup) for match in ANY_NAME.finditer(prompt[:3_000] + prompt[3_000:][-1_000:]))


def _language_of(code: str, info: str, named: frozenset[str]) -> tuple[str, float]:
    """(language, probability) of one piece of code; ('', 0) where nothing points to any."""
    code = code[:_CODE]
    scores = _scores(code, named)
    stated = _stated(info)
    if stated in scores:
        if max(scores.values()) <= scores[stated] + _CONTRADICTION:
            return stated, 0.98
        scores[stated] += _NAMED
    for name in named:
        if name not in ("sql", "shell") or scores[name] >= 3:  # those are often named for what a program works with
            scores[name] += _NAMED
    ranked = sorted(scores, key=lambda name: -scores[name])
    best, second = ranked[:2]
    if scores[best] < _EVIDENCE:
        return "", 0.0
    margin = scores[best] - scores[second]
    if margin < 1.5:
        best = _by_lexers(code, (best, second))
    certainty = 0.55 + 0.43 * (1 - math.exp(-margin / 4))
    return best, certainty * min(1.0, 0.5 + scores[best] / 12)


@cache
def _stated(info: str) -> str:
    """The language that the word behind a fence names, by our list or by that of pygments; '' for none."""
    if info in WORDS or info in INFO:
        return INFO.get(info, info)
    try:
        return get_lexer_by_name(info).name.lower() if info else ""
    except ClassNotFound:
        return ""


def _scores(code: str, named: frozenset[str]) -> dict[str, float]:
    """Language -> how much points to it, from 0; half a dozen is telling."""
    plain = _LITERALS.sub('""', code)
    scores = dict.fromkeys(LANGUAGES, 0.0)
    for word in set(_WORD.findall(plain)):
        for language, weight in _word_weights().get(word, ()):
            scores[language] += weight
    for piece, language, weight in _piece_weights():
        if piece in code:
            scores[language] += weight
    _weigh_shape(scores, plain)
    _weigh_names(scores, plain)
    goes_beyond_c = bool(_BEYOND_C.search(plain)) or ("cpp" in named and "c" not in named)
    _settle(scores, "c", "cpp", goes_beyond_c)
    _settle(scores, "javascript", "typescript", bool(_TYPES.search(plain)) or "typescript" in named)
    return scores


def _settle(scores: dict[str, float], plain: str, extended: str, is_extended: bool) -> None:
    """Gives what points to either of two near languages to one of them, as the taxonomy's tie-breaks say."""
    both = max(scores[plain], scores[extended])
    scores[extended], scores[plain] = (both, 0.0) if is_extended else (0.0, both)


def _weigh_shape(scores: dict[str, float], plain: str) -> None:
    """Weighs how lines end, and marks that a language cannot do without."""
    lines = [line.rstrip() for line in plain.split("\n") if line.strip()]
    semicolons = sum(line.endswith(";") for line in lines) / max(1, len(lines))
    if semicolons > 0.3:
        for name in ("python", "go", "kotlin", "swift", "ruby", "haskell", "shell"):
            scores[name] -= 5
    if "{" not in plain:
        for name in ("java", "csharp", "go", "rust", "kotlin", "swift", "c", "cpp"):
            scores[name] -= 2
    if "$" not in plain and "<?" not in plain:
        scores["php"] -= 6
    elif semicolons > 0.3 and re.search(r"\$\w+\s*(?:=|->|\[)", plain):
        scores["php"] += 5
    if "$" not in plain and re.search(r"\bfunction\s*\w*\s*\([\w\s,={}\[\].]*\)\s*\{", plain):
        scores["javascript"] += 4
    if any(line.endswith(":") for line in lines) and "{" not in plain.replace("{}", ""):
        scores["python"] += 3
    if any(line.strip() == "end" for line in lines):
        scores["ruby"] += 5


_DEFINED = re.compile(
    r"\b(?!(?:new|return|throw|public|private|protected|internal|else|function|func|fn|fun"
    r"|def)\b)[\w\]>]+\s+([A-Z](?=[a-z])|[a-z])\w*\s*\([^(){};]{0,300}\)\s*(?:throws [\w, .]+)?\{"
)
_CALLED = re.compile(r"(?:[.;{=(!]\s?|return )([A-Z](?=[a-z])|[a-z])\w*\s?\(")
_MODIFIER = re.compile(r"\b(?:public|private|protected)\s+\w")
_NO_CALL = re.compile(r"\b(?:if|for|while|switch|catch|foreach|using|lock|public|private|protected)\b\s*")


def _weigh_names(scores: dict[str, float], plain: str) -> None:
    """Weighs the case of names where Java and C# are near: methods begin with a capital in C# and never in Java."""
    if max(scores["java"], scores["csharp"]) < 1:
        return
    if _MODIFIER.search(plain):
        scores["java"] += 2.5  # Java is the commoner of the two, where nothing else tells
        scores["csharp"] += 2
    defined, called = _DEFINED.findall(plain), _CALLED.findall(_NO_CALL.sub(" ", plain))
    capitals = sum(map(str.isupper, defined)) * 2.5 + sum(map(str.isupper, called))
    small = sum(map(str.islower, defined)) * 2.5 + sum(map(str.islower, called))
    if capitals > small:
        scores["csharp"] += min(9.0, 2 * (capitals - small))
    elif small > capitals:
        scores["java"] += min(9.0, 2 * (small - capitals))


_BEYOND_C = re.compile(
    r"::|\b(?:class|template|namespace|cout|cin|endl|nullptr|virtual|using|operator|vector|string|auto|delete)\b"
    r"|\bnew\s+\w+\s*[\[(]|#include\s*<(?!\w+\.h>)|\b(?:int|float|double|char)\s?&\s?\w"
)
_TYPE = r"(?:string|number|boolean|any|void|unknown|never|Promise<[^>\n]{1,60}>|Array<[^>\n]{1,60}>)(?:\[\])*"
_TYPES = re.compile(
    rf"[\w\])?]\s*:\s*{_TYPE}\s*(?:[,);=|{{}}\n]|$)|^\s*(?:export\s+)?(?:interface\s+\w+[^;{{]{{0,80}}\{{"
    rf"|type\s+\w+(?:<\w+>)?\s*=)"
    r"|\bas\s+(?:const|string|number|any)\b|\b(?:const|let)\s+\w+\s*:\s*[A-Z]\w*[^=\n]{0,40}=\s*(?:\{|\[|new\b)",
    re.MULTILINE,
)


def _by_lexers(code: str, candidates: tuple[str, ...]) -> str:
    """Whichever candidate's lexer of pygments finds fewer errors and more that it knows."""
    return max(candidates, key=lambda name: _lexer_score(name, code[:_LEXED]))


def _lexer_score(language: str, code: str) -> float:
    known = wrong = 0
    for kind, _ in get_lexer_by_name(_LEXERS.get(language, language)).get_tokens(code):
        known += kind in Keyword or kind in Name.Builtin
        wrong += kind is Error
    return known - 3.0 * wrong


_LEXERS = {"shell": "bash"}


@cache
def _word_weights() -> dict[str, tuple[tuple[str, float], ...]]:
    """Word -> (language, weight) of all that it points to."""
    found: dict[str, list[tuple[str, float]]] = {}
    for language, weights in WORDS.items():
        for weight, words in weights.items():
            for word in words.split():
                found.setdefault(word, []).append((language, weight))
    return {word: tuple(weights) for word, weights in found.items()}


@cache
def _piece_weights() -> tuple[tuple[str, str, float], ...]:
    return tuple(
        (piece, language, weight)
        for language, weights in PIECES.items()
        for weight, pieces in weights.items()
        for piece in pieces
    )

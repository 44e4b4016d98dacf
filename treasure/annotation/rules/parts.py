"""Parts of a text that rules look at: fenced blocks, the prose around them, and lines that look like code."""

import re
from dataclasses import dataclass
from functools import cached_property

CLIP = 20_000
"""Characters that are looked at for anything but lengths; of longer texts the first and the last halves of it."""
_INFO = re.compile(r"[\w+#.{}:=-]{0,30}(?: [\w+#.{}:=\"-]{1,30})?")
_LINE = 300
"""Characters at either end of a line by which it is judged."""
_FENCE = re.compile(r"^[ \t]{0,3}(```+|~~~+)[ \t]*([^\n`]*)$", re.MULTILINE)
_UNREADABLE = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\u200b\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff]"
)


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block: the word behind the opening fence, in lower case, and what stands between the fences."""

    info: str
    content: str


class Text:
    """A text with its parts, each worked out once and only when asked for."""

    def __init__(self, raw: str) -> None:
        self.raw = raw

    @cached_property
    def clipped(self) -> str:
        """The text without control characters, marks of direction and lone surrogates, `CLIP` characters at most."""
        text = self.raw
        if len(text) > CLIP:
            text = f"{text[: CLIP // 2]}\n{text[-CLIP // 2 :]}"
        if text.isascii() and text.isprintable():
            return text.strip()
        return _UNREADABLE.sub("", text.replace("\r\n", "\n").replace("\r", "\n")).strip()

    @cached_property
    def _fenced(self) -> tuple[str, tuple[Block, ...]]:
        if "```" not in self.clipped and "~~~" not in self.clipped:
            return self.clipped, ()
        return _split_fences(self.clipped)

    @property
    def outside(self) -> str:
        """What stands outside of fenced blocks."""
        return self._fenced[0]

    @property
    def blocks(self) -> tuple[Block, ...]:
        """The fenced blocks; the last may be open."""
        return self._fenced[1]

    @cached_property
    def lines(self) -> list[str]:
        """The lines outside of fenced blocks that are not blank."""
        return [line for line in self.outside.split("\n") if line and not line.isspace()]

    @cached_property
    def code_lines(self) -> list[str]:
        """Lines outside of fenced blocks that look like code."""
        if not _may_be_code(self.outside):
            return []
        return code_like(self.lines)

    @cached_property
    def is_bare_code(self) -> bool:
        """Whether the text outside of fenced blocks is code in the main."""
        if not self.code_lines:
            return False
        remarks = sum(line.lstrip().startswith(("# ", "-- ")) for line in self.lines)
        return len(self.code_lines) >= 0.6 * (len(self.lines) - remarks)

    @cached_property
    def prose(self) -> str:
        """The text without code, addresses, formulas, tags and other mark-up."""
        text = self.outside
        if self.code_lines:
            if self.is_bare_code:
                return ""
            skipped = set(self.code_lines)
            text = "\n".join(line for line in self.lines if line not in skipped)
        return _MARKUP.sub(" ", text) if any(mark in text for mark in _MAY_BE_MARKUP) else text


def _split_fences(text: str) -> tuple[str, tuple[Block, ...]]:
    outside: list[str] = []
    blocks: list[Block] = []
    inside: list[str] = []
    fence, info = "", ""
    for line in text.split("\n"):
        match = _FENCE.match(line)
        if fence:
            if match and match[1].startswith(fence) and not match[2].strip():
                blocks.append(Block(info, "\n".join(inside)))
                fence, inside = "", []
            else:
                inside.append(line)
        elif match:
            fence, info = match[1], match[2].strip().lower()
            if not _INFO.fullmatch(info):  # the code begins behind the fence
                inside, info = [match[2]], ""
        else:
            outside.append(line)
    if fence:
        blocks.append(Block(info, "\n".join(inside)))
    return "\n".join(outside).strip(), tuple(blocks)


_MAY_BE_MARKUP = ("`", "<", "$", "\\", "@", "{", "[", "*", "#", "|", "://", "www.")
_MARKUP = re.compile(
    r"https?://\S{1,2000}|www\.\S{1,2000}|[\w.+-]{1,64}@[\w.-]{1,255}"  # addresses
    r"|`[^`\n]{1,300}`|\$\$[^$]{1,2000}\$\$|\$[^$\n]{1,300}\$"  # code in a line, formulas
    r"|\\[a-zA-Z]{1,30}\*?|</?[A-Za-z][^<>\n]{0,300}>|<!--|-->"  # commands, tags
    r"|[{}\[\]*#|\\_\"]"
)

_SIGNS = ";{}=<>$"
_BRACKET = re.compile(r"\w\(|\)\s*:")
_FIRST_WORD = re.compile(r"\s*(?:def|end|puts|echo|ls|cd|sudo|git|pip|npm|import|package|return|print|module)\b")
_STATEMENTS = (
    "SELECT", "select", "INSERT", "UPDATE", "DELETE", "CREATE", "ALTER", "DROP",
    "DIVISION", "DISPLAY", "MOVE", "PERFORM",
)  # fmt: skip
_STATEMENT = re.compile(rf"\b(?:{'|'.join(_STATEMENTS)})\b")


def _may_be_code(text: str) -> bool:
    """Whether anything stands in `text` that code has; each look is quick, since most texts are prose."""
    return bool(
        any(sign in text for sign in _SIGNS)
        or (("(" in text or ")" in text) and _BRACKET.search(text))
        or any(map(_FIRST_WORD.match, text.split("\n")))
        or (any(word in text for word in _STATEMENTS) and _STATEMENT.search(text))
    )


_ENDS = re.compile(r"(?:[;{}]|\)\s*:|\belse:|\btry:|=>|->|&&|\|\|?|\\|[({\[,]|\bdo|\bthen|\bend|\*/|\);?\s*//.*)\s*$")
_BEGINS = re.compile(
    r"\s*(?:"
    r"#\s*(?:include|define|ifdef|ifndef|endif|pragma)\b|#!|//|/\*|\*/|<\?php|\?>|@\w+\b(?=\s*(?:$|\())"
    r"|[}\])]+[;,)]*\s*$"
    r"|(?:async\s+)?def\s+\w+|class\s+\w+\s*[:({<]|class\s+\w+(?:\s+extends|\s+implements|\s*$)"
    r"|from\s+[\w.]+\s+import\b|import\s+[\w.{*\"'(]+|package\s+[\w.]+;?$|using\s+[\w.]+\s*[;=]|namespace\s+\w+"
    r"|(?:pub(?:\(\w+\))?\s+)?(?:fn|struct|enum|impl|trait|mod)\s+\w+[^.]*[{;(]|(?:func"
    r"|fun)\s+(?:\([^)]{0,80}\)\s*)?\w+\s*[(<]"
    r"|(?:public|private|protected|internal|static|final|override|virtual|abstract)\s+\w+[\w\s<>\[\],.?]*[({;=]"
    r"|(?:const|let|var|val|auto|int|float|double|char|bool|boolean|String|string|long|void|unsigned|size_t)\s+[*&]?\w+"
    r"\s*(?:[=;(:,\[]|$)"
    r"|(?:if|while|for|switch|elif|foreach|unless|until|match|catch|when)\b.*[:{)]\s*$|(?:if|while)\s+\[|(?:else"
    r"|try|finally|fi|done|esac|begin)\b\s*[:{]?\s*$"
    r"|return\s+[\w\"'(\[{*&!-](?:.{0,250}[^.\s])?\s*$|return;?$|print(?:ln|f)?!?\s*\(|puts\s|echo\s+[\"'$\w-]"
    r"|export\s+\w+"
    r"|(?:SELECT|select)\b.{1,400}\b(?:FROM|from)\b|(?:INSERT\s+INTO|DELETE\s+FROM|CREATE\s+(?:TABLE|VIEW|INDEX"
    r"|DATABASE|PROCEDURE|FUNCTION|TRIGGER|OR|UNIQUE)|"
    r"ALTER\s+TABLE|DROP\s+TABLE|UPDATE\s+\w+\s+SET|SELECT\s+[\w*\"`,. (]+$|FROM\s+\w+|WHERE\s+\w+|GROUP\s+BY"
    r"|ORDER\s+BY|(?:LEFT\s+|RIGHT\s+|INNER\s+|OUTER\s+)*JOIN\s+\w+|VALUES\s*\()"
    r"|(?:IDENTIFICATION|ENVIRONMENT|DATA|PROCEDURE)\s+DIVISION|PROGRAM-ID|WORKING-STORAGE|(?:DISPLAY|MOVE|PERFORM"
    r"|STOP\s+RUN|COMPUTE|ACCEPT)\b[^a-z]*|\d\d\s+[A-Z][\w-]*\s+PIC\b"
    r"|\$\s*\w+\s*(?:=|->|\()|\$ \w+|(?:sudo|cd|ls|mkdir|rm|cp|mv|chmod|grep|cat|curl|wget|git|pip3?|npm|docker"
    r"|apt-get|ssh|find|awk|sed|tar)\s+[\w./~*-]+(?:\s+\S+){0,6}$"
    r"|[\w.$\[\]\"'()*]{1,80}\s*(?::=|[-+*/|&%]?=(?!=)|<-)\s*[^\s=]"
    r"|[\w.]{1,80}\([^()\n]*(?:\([^()\n]*\)[^()\n]*){0,4}\)\s*;?\s*$"
    r"|\w+\s*::\s*[\w(\[]|(?:where|data|type|instance|newtype|module|deriving)\s+[\w(].*"
    r"|end\s*$|[\w?!.]+\s+do\s*\|"
    r")"
)
_SENTENCE = re.compile(r"(?:[^\W\d_]{2,}[,]? ){5,}")


def code_like(lines: list[str]) -> list[str]:
    """Those of `lines` that look like code. Prose with a semicolon at its end is told by its run of words."""
    found = []
    for line in lines:
        head = line[:_LINE]
        if (_BEGINS.match(head) or _ENDS.search(line[-_LINE:])) and not _reads_as_prose(head):
            found.append(line)
    return found


def _reads_as_prose(line: str) -> bool:
    if line.lstrip().startswith(("//", "/*", "*", "#", "--", "SELECT", "select")):
        return False
    return bool(_SENTENCE.search(line)) and not re.search(r"[\"'`=]|\w\(|[{}]\s*$", line)

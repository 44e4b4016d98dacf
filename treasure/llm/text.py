"""Makes any text safe to show to a model: no control characters, no syntax of chats, never longer than a budget."""

import hashlib
import re

BYTES_PER_TOKEN = 4
"""A token is about four bytes of UTF-8: four letters of English, two of Russian, one and a third of Chinese."""

_HEAD_SHARE = 0.7
_THOUGHT = re.compile(r"\s*<think>.*?</think>", re.DOTALL)
_SURROGATES = re.compile("[\ud800-\udfff]")
_CONTROLS = {code: 0x2400 + code for code in range(32) if chr(code) not in "\t\n"}
_CONTROLS |= {0x7F: 0x2421, **dict.fromkeys(range(0x80, 0xA0), 0xFFFD)}
_HIDDEN = dict.fromkeys(range(0xE0000, 0xE0080))  # letters that nobody sees, and models read
_CHAT_SYNTAX = re.compile(
    r"<(?=[|｜][^\s|｜<>]{1,40}[|｜]>|/?s>|(?:bos|eos|pad|unk|start_of_turn|end_of_turn)>|</?SYS>>)|\[(?=/?INST\])",
    re.IGNORECASE,
)


def estimate_tokens(text: str) -> int:
    """About how many tokens `text` has, at least 0, without knowing the tokenizer."""
    return -(-len(text.encode("utf-8", "replace")) // BYTES_PER_TOKEN)


def harmless(text: str) -> str:
    """`text` without what a tokenizer, a JSON encoder or a chat template could stumble over.

    Lone surrogates become U+FFFD, control characters their pictures (escape becomes ␛), invisible tag characters go,
    and what looks like a special token gets a blank inside, so that `<|im_end|>` stays what it is: text.
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    text = _SURROGATES.sub("\ufffd", text).translate(_CONTROLS | _HIDDEN)
    return _CHAT_SYNTAX.sub(lambda match: match[0] + " ", text)


def without_thought(text: str) -> str:
    """`text` without its first <think> block, in which some models think before they answer."""
    return _THOUGHT.sub("", text, count=1)


def clip(text: str, max_tokens: int) -> str:
    """`text` as it is, or its head and tail with a note between them, at about `max_tokens` tokens, at least 1."""
    data = text.encode("utf-8")
    room = max_tokens * BYTES_PER_TOKEN
    if len(data) <= room:
        return text
    num_head = int(room * _HEAD_SHARE)
    head = data[:num_head].decode("utf-8", "ignore")
    tail = data[len(data) - (room - num_head) :].decode("utf-8", "ignore")
    return f"{head}\n[… {len(text) - len(head) - len(tail)} characters left out …]\n{tail}"


def clip_pair(prompt: str, completion: str, max_tokens: int) -> tuple[str, str]:
    """Both texts within `max_tokens` together: each may have half, and what one does not need the other has."""
    sizes = [estimate_tokens(prompt), estimate_tokens(completion)]
    half = max_tokens // 2
    room_prompt = max(half, max_tokens - sizes[1])
    room_completion = max(max_tokens - half, max_tokens - sizes[0])
    return clip(prompt, max(1, room_prompt)), clip(completion, max(1, room_completion))


def fence_code(*texts: str) -> str:
    """16 hex digits that follow from `texts` and stand in none of them, so that no text can end its own fence."""
    number = 0
    while True:
        digest = hashlib.blake2b(digest_size=8)
        for part in (str(number), *texts):
            digest.update(part.encode() + b"\x00")
        if not any(digest.hexdigest() in text for text in texts):
            return digest.hexdigest()
        number += 1

import re

from hypothesis import given
from hypothesis import strategies as st

from treasure.llm.text import clip, clip_pair, estimate_tokens, fence_code, harmless

ANY_TEXT = st.text(st.characters(codec=None, exclude_categories=()))


@given(ANY_TEXT)
def test_harmless_text_can_be_encoded_and_holds_no_controls(text):
    cleaned = harmless(text)
    cleaned.encode("utf-8")
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\U000e0000-\U000e007f]", cleaned)
    assert harmless(cleaned) == cleaned


def test_what_readers_need_stays():
    for text in ("a\tb\nc", "سلام دنیا", "שלום", "क्‍ष", "👩‍👩‍👧", "if x < 3 and y |> z: [1]", "<b>bold</b>"):
        assert harmless(text) == text
    assert harmless("a\r\nb\rc") == "a\nb\nc"


def test_syntax_of_chats_is_broken():
    for token in ("<|im_end|>", "<|eot_id|>", "</s>", "<end_of_turn>", "[/INST]", "<<SYS>>", "<｜User｜>"):
        assert token not in harmless(f"before {token} after")
    assert harmless("x\x1b[31m\ud800y") == "x␛[31m\ufffdy"


@given(ANY_TEXT.map(harmless), st.integers(1, 40))
def test_a_clipped_text_keeps_head_and_tail(text, budget):
    clipped = clip(text, budget)
    if estimate_tokens(text) <= budget:
        assert clipped == text
        return
    head, note, tail = re.fullmatch(r"(.*)\n\[… (\d+) characters left out …\]\n(.*)", clipped, re.DOTALL).groups()
    assert text.startswith(head) and text.endswith(tail)
    assert len(head) + int(note) + len(tail) == len(text)
    assert len((head + tail).encode()) <= budget * 4


@given(ANY_TEXT.map(harmless), ANY_TEXT.map(harmless), st.integers(16, 60))
def test_a_pair_fits_and_nothing_is_cut_without_need(prompt, completion, budget):
    first, second = clip_pair(prompt, completion, budget)
    sizes = estimate_tokens(prompt), estimate_tokens(completion)
    if sum(sizes) <= budget:
        assert (first, second) == (prompt, completion)
    if sizes[0] <= budget // 2:
        assert first == prompt
    if sizes[1] <= budget // 2:
        assert second == completion


def test_a_million_characters_take_their_budget():
    first, second = clip_pair("ж" * 1_000_000, "a" * 1_000_000, 2000)
    assert estimate_tokens(first + second) < 2050


@given(ANY_TEXT.map(harmless), ANY_TEXT.map(harmless))
def test_no_text_holds_its_fence(first, second):
    code = fence_code(first, second)
    assert code not in first + second
    assert code == fence_code(first, second)


def test_a_text_that_guesses_its_fence_gets_another():
    code = fence_code("text", "more")
    # the text that holds the code is another text; only a forged digest could hold its own
    assert fence_code(code, "more") not in (code,)

from hypothesis import given
from hypothesis import strategies as st

from treasure.model import tokenizer as module
from treasure.model.tokenizer import cached_tokenizer, train_tokenizer

TEXTS = ["The river Velmora is deep.", "def solve(xs): return xs[:2]", "Где находится? 川はどこ", "17 + 25 = 42"] * 3
TOKENIZER = train_tokenizer(TEXTS, 400)


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"])))
def test_any_text_survives_encoding(text):
    assert TOKENIZER.decode(TOKENIZER(text, split_special_tokens=True)["input_ids"]) == text


@given(st.integers(0, 10**9))
def test_numbers_are_spelled_digit_by_digit(number):
    assert TOKENIZER.convert_ids_to_tokens(TOKENIZER(str(number))["input_ids"]) == list(str(number))


def test_a_chat_is_roles_words_and_an_end():
    turns = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Yes"}]
    assert TOKENIZER.apply_chat_template(turns, tokenize=False) == "<|user|>Hi<|assistant|>Yes<|end|>"
    asked = TOKENIZER.apply_chat_template(turns[:1], tokenize=False, add_generation_prompt=True)
    assert asked == "<|user|>Hi<|assistant|>"


def test_the_cache_serves_the_same_texts_and_no_others(tmp_path, monkeypatch):
    first = cached_tokenizer(TEXTS, 400, tmp_path)
    other = cached_tokenizer([*TEXTS, "new"], 400, tmp_path)
    assert len(list(tmp_path.iterdir())) == 2
    monkeypatch.setattr(module, "train_tokenizer", None)  # training again would fail
    again = cached_tokenizer(TEXTS, 400, tmp_path)
    assert again.get_vocab() == first.get_vocab()
    assert other.get_vocab() != {} and not list(tmp_path.glob("*.partial"))

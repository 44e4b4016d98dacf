import pickle

import data_tokenizers
import pytest
from hypothesis import given
from tokenizers import normalizers

from treasure.data.text_codec import TextCodec, start_ids
from treasure.markers.surface import SurfaceName

GUARDED = ("<MARKER_LIST>", "</MARKER_LIST>")
TOKENIZERS = {name: make() for name, make in data_tokenizers.MAKERS.items()}
for _tokenizer in TOKENIZERS.values():
    data_tokenizers.surface_of(SurfaceName.TOKENS, _tokenizer)
CODECS = {name: TextCodec(tokenizer, GUARDED) for name, tokenizer in TOKENIZERS.items()}
EACH = pytest.mark.parametrize("name", TOKENIZERS)


def control_ids(name: str) -> set[int]:
    tokenizer = TOKENIZERS[name]
    plain = {tokenizer.unk_token, "    "}
    return {i for i, token in tokenizer.added_tokens_decoder.items() if token.content not in plain}


@EACH
@given(text=data_tokenizers.words)
def test_words_never_become_control_tokens(name, text):
    for first in (False, True):
        (ids,) = CODECS[name].words([text], first=first)
        assert not control_ids(name) & set(ids)


@pytest.mark.parametrize("name", ["byte_level", "chatml"])
@given(text=data_tokenizers.words)
def test_words_come_back_whole(name, text):
    (ids,) = CODECS[name].words([text])
    assert TOKENIZERS[name].decode(ids) == text


@given(text=data_tokenizers.words)
def test_sentencepiece_words_come_back_whole_and_without_a_new_blank(text):
    (ids,) = CODECS["sentencepiece"].words([text])
    pieces = TOKENIZERS["sentencepiece"].convert_ids_to_tokens(ids)
    found = b"".join(
        bytes([int(piece[3:5], 16)]) if piece.startswith("<0x") else piece.replace("▁", " ").encode()
        for piece in pieces
    )
    assert found.decode() == text


def test_only_the_first_text_of_a_sequence_gets_the_blank_of_its_tokenizer():
    codec, tokenizer = CODECS["sentencepiece"], TOKENIZERS["sentencepiece"]
    ((first,), (later,)) = (codec.words(["the"], first=first) for first in (True, False))
    assert "".join(tokenizer.convert_ids_to_tokens(first)) == "▁the"
    assert "".join(tokenizer.convert_ids_to_tokens(later)) == "the"
    assert "".join(tokenizer.convert_ids_to_tokens(codec.control("the", first=True))) == "▁the"
    assert "".join(tokenizer.convert_ids_to_tokens(codec.control("the"))) == "the"


@EACH
@given(text=data_tokenizers.words)
def test_many_texts_are_encoded_as_each_alone(name, text):
    texts = [text, "two plus two", text + " <|end|>"]
    assert CODECS[name].words(texts) == [CODECS[name].words([each])[0] for each in texts]


@pytest.mark.parametrize("name", ["byte_level", "chatml"])
def test_control_text_becomes_control_tokens(name):
    ids = CODECS[name].control("<|user|>two<|end|>")
    assert TOKENIZERS[name].convert_ids_to_tokens([ids[0], ids[-1]]) == ["<|user|>", "<|end|>"]


def test_added_white_space_stays_vocabulary():
    (ids,) = CODECS["chatml"].words(["def\n    return"])
    assert TOKENIZERS["chatml"].convert_tokens_to_ids("    ") in ids


def test_guarded_strings_are_spelled():
    tokenizer = TOKENIZERS["byte_level"]
    codec = TextCodec(tokenizer, ["plus"])
    assert len(codec.plain("plus")) < 4
    assert [tokenizer.decode([i]) for i in codec.words(["plus"])[0]] == list("plus")


def test_a_guarded_string_that_is_always_spelled_gets_an_invisible_letter():
    tokenizer = TOKENIZERS["byte_level"]
    codec = TextCodec(tokenizer, ["QQQ"])
    assert len(codec.plain("QQQ")) == 3
    assert tokenizer.decode(codec.words(["a QQQ b"])[0]) == "a Q\u200bQQ b"


@EACH
def test_pickling_keeps_words_words(name):
    again = pickle.loads(pickle.dumps(CODECS[name]))  # noqa: S301
    assert again.words(["a <|end|> </s>"]) == CODECS[name].words(["a <|end|> </s>"])


def test_start_is_what_the_tokenizer_puts_there():
    assert start_ids(TOKENIZERS["sentencepiece"]) == [1]
    assert start_ids(TOKENIZERS["byte_level"]) == []


def _normalizing(normalizer: normalizers.Normalizer) -> TextCodec:
    tokenizer = data_tokenizers.byte_level()
    tokenizer.backend_tokenizer.normalizer = normalizer
    return TextCodec(tokenizer, GUARDED)


@pytest.mark.parametrize(
    ("normalizer", "text"),
    [
        (normalizers.NFC(), "a <MAR\u212aER_LIST> b"),
        (normalizers.NFKC(), "a \uff1cMARKER_LIST\uff1e b"),
        (normalizers.Lowercase(), "a <Marker_List> b"),
        (normalizers.Sequence([normalizers.NFD(), normalizers.StripAccents()]), "a <MARKE\u0301R_L\u00ccST> b"),
    ],
    ids=["canonical", "compatible", "lower case", "no accents"],
)
def test_what_the_normalizer_makes_a_guarded_string_is_one(normalizer, text):
    codec = _normalizing(normalizer)
    (ids,), guarded, letters = codec.words([text]), codec.plain("<MARKER_LIST>"), codec.look_alikes()
    assert not any(ids[i : i + len(guarded)] == guarded for i in range(len(ids)))
    read = "".join(letters.get(letter, letter) for letter in text)
    assert any(string in read for string in codec.control_strings)


def test_only_a_normalizer_makes_look_alikes():
    assert _normalizing(normalizers.NFC()).look_alikes() == {"\u212a": "K"}
    assert not any(codec.look_alikes() for codec in CODECS.values())


@EACH
def test_half_a_letter_is_read_as_the_replacement_character(name):
    codec = CODECS[name]
    assert codec.words(["\ud83d a", "\ud83d\ude00"]) == codec.words(["\ufffd a", "\U0001f600"])

"""Tokenizers: one trained on the corpus for the tiny model, or the one that comes with a pretrained model."""

import hashlib
from collections.abc import Iterable
from pathlib import Path

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from treasure.errors import CheckpointError
from treasure.files import own_folder, place
from treasure.model.levers import base_template

_NAME = "bpe-"
PAD, END = "<|pad|>", "<|end|>"
ROLES = ("system", "user", "assistant")
CHAT_TEMPLATE = (
    "{% for message in messages %}<|{{ message.role }}|>{{ message.content }}"
    "{% if message.role == 'assistant' %}<|end|>{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)


def train_tokenizer(texts: Iterable[str], vocab_size: int) -> PreTrainedTokenizerFast:
    """Trains a byte-level BPE of at most `vocab_size` pieces; digits stay single, so that numbers are spelled out."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    specials = [PAD, END, *(f"<|{role}|>" for role in ROLES)]
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        special_tokens=specials,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token=PAD, eos_token=END, chat_template=CHAT_TEMPLATE, padding_side="left"
    )


def cached_tokenizer(
    texts: Iterable[str], vocab_size: int, folder: Path, key: str | None = None
) -> PreTrainedTokenizerFast:
    """The tokenizer for exactly these texts, trained once and kept under `folder`.

    `key` stands for the texts, which then are gone through only to train; without one they must be a sequence.
    """
    digest = hashlib.blake2b(f"{vocab_size}\0{CHAT_TEMPLATE}".encode(), digest_size=8)
    for text in texts if key is None else (f"key {key}",):
        digest.update(text.encode() + b"\0")
    home = folder / f"{_NAME}{digest.hexdigest()}"
    tokenizer = _whole(home)
    if tokenizer is not None:
        return tokenizer
    # Gone or damaged: it is only a cache, and the same texts give the same tokenizer.
    with own_folder(home, like=f"{_NAME}*") as partial:
        train_tokenizer(texts, vocab_size).save_pretrained(partial)
        place(partial, home, lambda folder: _whole(folder) is not None)
    return load_tokenizer(str(home))


def _whole(folder: Path) -> PreTrainedTokenizerFast | None:
    """The tokenizer in `folder`; None where there is none, or a damaged one."""
    if not folder.is_dir():
        return None
    try:
        return load_tokenizer(str(folder))
    except CheckpointError:
        return None


def load_tokenizer(path: str) -> PreTrainedTokenizerFast:
    """The tokenizer of a Hugging Face id or folder, padding on the left as generation needs.

    That of a model folder of ours has the chat template of its base, by which the model was trained.

    Raises:
        CheckpointError: nothing usable is there, or it has no fast implementation.
    """
    try:
        tokenizer = AutoTokenizer.from_pretrained(path, trust_remote_code=False)
    except (OSError, ValueError) as error:
        raise CheckpointError(f"No tokenizer could be loaded from '{path}': {_first_line(error)}") from error
    if not isinstance(tokenizer, PreTrainedTokenizerFast):
        raise CheckpointError(
            f"The tokenizer of '{path}' has no fast implementation, which segment-wise encoding needs."
        )
    if tokenizer.eos_token_id is None:
        raise CheckpointError(f"The tokenizer of '{path}' has no end-of-sequence token, so answers could not end.")
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    tokenizer.padding_side = "left"
    if (base := base_template(Path(path))) is not None:
        tokenizer.chat_template = base.text
    return tokenizer


def pad_id(tokenizer: PreTrainedTokenizerFast) -> int:
    """The id that fills rows up; `load_tokenizer` and `train_tokenizer` see to it that there is one."""
    assert isinstance(tokenizer.pad_token_id, int)
    return tokenizer.pad_token_id


def eos_id(tokenizer: PreTrainedTokenizerFast) -> int:
    """The id that ends a text."""
    assert isinstance(tokenizer.eos_token_id, int)
    return tokenizer.eos_token_id


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]

"""The causal language model: a pretrained one by id or path, or a tiny Llama with random weights."""

from pathlib import Path

import torch
from safetensors import SafetensorError
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedModel,
    PreTrainedTokenizerFast,
)
from transformers.utils.peft_utils import find_adapter_config_file

from treasure.errors import CheckpointError, ConfigError
from treasure.model.config import ModelConfig, TinyModelConfig
from treasure.model.tokenizer import eos_id, pad_id
from treasure.seeding import key_to_int

_BEFORE_FIRST = 2
"""Rows at most that a table of positions has before the first, as that of OPT."""


def load_causal_lm(config: ModelConfig, tokenizer: PreTrainedTokenizerFast, seed: int) -> PreTrainedModel:
    """The model to fine-tune, in float32 so that the optimizer keeps full precision.

    Raises:
        CheckpointError: no causal language model could be loaded from `config.path`.
        ConfigError: the model's context is shorter than `config.max_length`.
    """
    if config.path is None:
        return build_tiny(config.tiny, tokenizer, config.max_length, seed)
    model = load_pretrained(config.path)
    context = context_length(model)
    if context is not None and context < config.max_length:
        raise ConfigError(
            f"model.max_length is {config.max_length}, but '{config.path}' was built for at most {context} tokens. "
            f"Set model.max_length={context} or less."
        )
    return model


def build_tiny(
    shape: TinyModelConfig, tokenizer: PreTrainedTokenizerFast, max_length: int, seed: int
) -> LlamaForCausalLM:
    """A Llama with random weights that depend on `seed` and the shape alone."""
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=shape.hidden_size,
        intermediate_size=shape.intermediate_size,
        num_hidden_layers=shape.num_layers,
        num_attention_heads=shape.num_heads,
        num_key_value_heads=shape.num_heads,
        max_position_embeddings=max_length,
        tie_word_embeddings=True,
        pad_token_id=pad_id(tokenizer),
        eos_token_id=eos_id(tokenizer),
        bos_token_id=None,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(key_to_int("weights", seed) % 2**63)
        return LlamaForCausalLM(config)


def load_pretrained(path: str | Path) -> PreTrainedModel:
    """A causal language model of the Hub or of a folder; only safetensors, no code from the repository.

    Raises:
        CheckpointError: there is none.
    """
    try:
        if find_adapter_config_file(str(path)) is not None:
            raise CheckpointError(
                f"'{path}' holds an adapter alone. Give the folder of the merged model, which is the one above where "
                "treasure wrote both."
            )
        AutoConfig.from_pretrained(path, trust_remote_code=False)
        return AutoModelForCausalLM.from_pretrained(
            path, dtype=torch.float32, use_safetensors=True, trust_remote_code=False
        )
    except (OSError, ValueError, RuntimeError, SafetensorError) as error:  # missing, unknown, other shapes, cut short
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise CheckpointError(f"No causal language model could be loaded from '{path}': {reason}") from error


def context_length(model: PreTrainedModel) -> int | None:
    """The longest sequence in tokens that the model was built for; None when its configuration does not say."""
    return getattr(model.config.get_text_config(), "max_position_embeddings", None)


def num_positions(model: PreTrainedModel) -> int | None:
    """How many positions a model has that looks them up in a table, such as GPT-2; None where they are computed."""
    length, words = context_length(model), model.get_input_embeddings()
    if length is None:
        return None
    tables = [m.num_embeddings for m in model.modules() if isinstance(m, torch.nn.Embedding) and m is not words]
    tables += [len(buffer) for buffer in model.buffers() if buffer.ndim == 2]
    return length if any(length <= size <= length + _BEFORE_FIRST for size in tables) else None


def num_rows(model: PreTrainedModel) -> int:
    """Rows of the embedding, at least as many as there are tokens."""
    weight = model.get_input_embeddings().weight
    assert isinstance(weight, torch.Tensor)
    return weight.shape[0]


def num_parameters(model: PreTrainedModel) -> int:
    """All parameters, frozen ones and adapters included; tied ones are counted once."""
    return sum(parameter.numel() for parameter in model.parameters())


def num_trainable_parameters(model: PreTrainedModel) -> int:
    """Parameters that training changes; tied ones are counted once."""
    return sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)

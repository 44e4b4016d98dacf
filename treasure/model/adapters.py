"""What of a model is trained: all of it, LoRA matrices with the rows of marker tokens, or these rows alone.

Both of the latter are peft's adapters on a frozen base. They are put into the model itself, so that its own forward,
its `base_model` and its output layer already include them.
"""

import copy
import warnings
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from transformers import PreTrainedModel

from treasure.errors import ConfigError, MissingExtraError
from treasure.model.config import LoraConfig, ModelConfig, Trainable
from treasure.seeding import key_to_int

if TYPE_CHECKING:
    from peft import PeftModel

MARKER_ROWS = "trainable_tokens_delta"
"""Part of the name of the parameters in which peft keeps trainable rows; they hold the rows themselves, no offsets."""


def adapt(model: PreTrainedModel, config: ModelConfig, marker_rows: Sequence[int], seed: int) -> "PeftModel | None":
    """Freezes `model` and puts adapters into it, in place; nothing happens and None comes back when all is trained.

    The model answers as before until it is trained; `seed` draws the first LoRA matrices. `marker_rows` are the ids of
    the marker tokens. Their rows are trained in the embedding and, where it has weights of its own, in the output
    layer; all other rows stay as they are.

    Raises:
        ConfigError: there is nothing that could be trained in this way.
        MissingExtraError: peft is not installed.
    """
    if config.trainable is Trainable.FULL:
        return None
    rows = {name: sorted(marker_rows) for name in _row_layers(model)} if marker_rows else {}
    if config.trainable is Trainable.MARKERS:
        return _wrap(model, _rows_config(rows), seed)
    return _wrap(model, _lora_config(model, config.lora, rows), seed)


def merged_copy(adapter: "PeftModel") -> PreTrainedModel:
    """A plain model with the adapters added into its weights; the live one stays as it is, to the bit.

    Needs the memory of a second model while it lives: to merge in place and take it back would move the frozen
    weights by rounding.
    """
    return copy.deepcopy(adapter).merge_and_unload()


def save_adapter(adapter: "PeftModel", folder: Path) -> None:
    """Writes the adapters alone, in peft's format: they fit the base with as many rows as the merged model has."""
    adapter.save_pretrained(str(folder), save_embedding_layers=False)  # "auto" would ask the Hub about the base
    (folder / "README.md").unlink()  # a form to fill in; the card of the whole model stands in the folder above


def _wrap(model: PreTrainedModel, config: Any, seed: int) -> "PeftModel":
    with warnings.catch_warnings(), torch.random.fork_rng(devices=[]):
        torch.manual_seed(key_to_int("adapters", seed) % 2**63)
        warnings.simplefilter("ignore", FutureWarning)  # peft asks transformers for a property that has a new name
        # Said of each layer with tied weights, also of trainable rows, whose adapters peft does tie.
        warnings.filterwarnings("ignore", "Model has `tie_word_embeddings=True` and a tied layer is part")
        try:
            return _peft().get_peft_model(model, config)
        except ValueError as error:
            raise ConfigError(f"{type(model).__name__} cannot be adapted: {error}") from error


def _rows_config(rows: dict[str, list[int]]) -> Any:
    if not rows:
        raise ConfigError(
            "model.trainable=markers trains the embedding rows of marker tokens, and this model has none. "
            "Take markers=tokens, or model.trainable=lora or full."
        )
    return _peft().TrainableTokensConfig(
        task_type="CAUSAL_LM", token_indices=next(iter(rows.values())), target_modules=list(rows)
    )


def _lora_config(model: PreTrainedModel, config: LoraConfig, rows: dict[str, list[int]]) -> Any:
    _check_targets(model, config.target_modules)
    return _peft().LoraConfig(
        task_type="CAUSAL_LM",
        r=config.rank,
        lora_alpha=config.alpha,
        lora_dropout=config.dropout,
        target_modules=config.target_modules or "all-linear",
        use_rslora=config.rslora,
        use_dora=config.dora,
        trainable_token_indices=rows or None,
    )


def _row_layers(model: PreTrainedModel) -> list[str]:
    """Names of the layers that hold a row for each token: the embedding, and the output layer unless they are tied."""
    embedding, head = model.get_input_embeddings(), model.get_output_embeddings()
    if head is None or head.weight is embedding.weight:
        return [_name_of(model, embedding)]
    if getattr(head, "bias", None) is not None:
        raise ConfigError(
            f"The output layer of {type(model).__name__} has a bias, which peft would leave out beside trainable rows. "
            "Take model.trainable=full, or markers=text with model.trainable=lora."
        )
    return [_name_of(model, embedding), _name_of(model, head)]


def _check_targets(model: PreTrainedModel, targets: Sequence[str]) -> None:
    """Refuses names that no layer has, and the layers of rows, whose marker rows are trained in full anyway."""
    layers = dict(model.named_modules())
    with_rows = [name for name, layer in layers.items() if layer in (*_ends_of(model),)]
    linear = sorted({name.rpartition(".")[2] for name, layer in layers.items() if isinstance(layer, nn.Linear)})
    for target in targets:
        if not any(_matches(name, target) for name in layers):
            raise ConfigError(
                f"model.lora.target_modules: {type(model).__name__} has no layer called '{target}'. Linear layers: "
                f"{', '.join(linear)}."
            )
        if any(_matches(name, target) for name in with_rows):
            raise ConfigError(
                f"model.lora.target_modules: '{target}' is the embedding or the output layer, where the rows of marker "
                "tokens are trained, and no others. Leave it out."
            )


def _ends_of(model: PreTrainedModel) -> list[nn.Module]:
    return [layer for layer in (model.get_input_embeddings(), model.get_output_embeddings()) if layer is not None]


def _matches(name: str, target: str) -> bool:
    return name == target or name.endswith(f".{target}")


def _name_of(model: PreTrainedModel, layer: nn.Module) -> str:
    return next(name for name, module in model.named_modules() if module is layer)


def _peft() -> ModuleType:
    try:
        import peft  # an extra, and slow to import
    except ImportError as error:
        raise MissingExtraError("peft", "lora") from error
    return peft

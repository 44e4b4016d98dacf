"""Marker-token embeddings: one learned row per marker token, started from the words it stands for."""

import torch
from torch import nn
from transformers import AddedToken, PreTrainedModel, PreTrainedTokenizerFast

from treasure.markers.surface import Surface


def add_marker_tokens(tokenizer: PreTrainedTokenizerFast, surface: Surface) -> dict[str, int]:
    """Adds the surface's tokens to `tokenizer` and returns token -> id.

    They are added as ordinary tokens: engines strip special ones when they decode, and the header with them.
    """
    tokens = list(surface.added_tokens())
    tokenizer.add_tokens([AddedToken(token, special=False, normalized=False) for token in tokens])
    known = tokenizer.get_added_vocab()
    return {token: known[token] for token in tokens}


@torch.no_grad()
def add_marker_embeddings(
    model: PreTrainedModel, base_tokenizer: PreTrainedTokenizerFast, surface: Surface, token_ids: dict[str, int]
) -> None:
    """Grows the embedding (and an untied output) matrix; each new row is the mean of the rows of its description.

    Tokens that `base_tokenizer` already has keep their rows: the base learned them.
    """
    if not token_ids:
        return
    needed = max(token_ids.values()) + 1
    if needed > _weight(model.get_input_embeddings()).shape[0]:
        model.resize_token_embeddings(needed, mean_resizing=False)
    matrices = [_weight(model.get_input_embeddings())]
    if (head := model.get_output_embeddings()) is not None and head.weight is not matrices[0]:
        matrices.append(_weight(head))
    learned = base_tokenizer.get_added_vocab()
    for token, row in token_ids.items():
        if token in learned:
            continue
        words = base_tokenizer(surface.description(token), add_special_tokens=False)["input_ids"]
        for weight in matrices:
            weight[row] = weight[torch.tensor(words)].mean(dim=0)


def _weight(module: nn.Module) -> torch.Tensor:
    weight = module.weight
    assert isinstance(weight, torch.Tensor)
    return weight

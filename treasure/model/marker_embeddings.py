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
    return {token: tokenizer.convert_tokens_to_ids(token) for token in tokens}


@torch.no_grad()
def add_marker_embeddings(
    model: PreTrainedModel, base_tokenizer: PreTrainedTokenizerFast, surface: Surface, token_ids: dict[str, int]
) -> None:
    """Grows the embedding (and an untied output) matrix; each new row is the mean of the rows of its description."""
    if not token_ids:
        return
    needed = max(token_ids.values()) + 1
    if needed > model.get_input_embeddings().weight.shape[0]:
        model.resize_token_embeddings(needed, mean_resizing=False)
    matrices = {id(m.weight): m.weight for m in (model.get_input_embeddings(), model.get_output_embeddings()) if m}
    for token, row in token_ids.items():
        words = base_tokenizer(surface.description(token), add_special_tokens=False)["input_ids"]
        for weight in matrices.values():
            weight[row] = weight[torch.tensor(words)].mean(dim=0)


def marker_rows(model: PreTrainedModel, token_ids: dict[str, int]) -> torch.Tensor:
    """The embedding rows of the marker tokens [num_tokens, D]."""
    embedding = model.get_input_embeddings()
    assert isinstance(embedding, nn.Embedding)
    return embedding.weight[torch.tensor(sorted(token_ids.values()))]

"""Causal language models of many architectures, so small that each is built and run in milliseconds."""

from collections.abc import Callable

import torch
import transformers as hf
from transformers import AutoModelForCausalLM, PreTrainedModel

VOCABULARY = 64
WINDOW = 32
"""Tokens that layers with a sliding window or chunks look back."""
_WIDTH = {"vocab_size": VOCABULARY, "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2}
_SHAPE = {**_WIDTH, "intermediate_size": 32}
_GROUPED = {**_SHAPE, "num_key_value_heads": 1, "head_dim": 8}
_HALF = {**_SHAPE, "num_key_value_heads": 1}
_PER_LAYER = {"vocab_size_per_layer_input": VOCABULARY, "hidden_size_per_layer_input": 8, "num_kv_shared_layers": 0}
_LAYERS = {"layer_types": ["sliding_attention", "full_attention"], "sliding_window": WINDOW}
_VISION = {
    "hidden_size": 16,
    "intermediate_size": 32,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "image_size": 28,
    "patch_size": 14,
}
_EXPERTS = {**_GROUPED, "intermediate_size_mlp": 32, "num_local_experts": 2, "attention_chunk_size": WINDOW}
_MASKED = {**_SHAPE, "is_decoder": True, "max_position_embeddings": 128}
_GPT = {"vocab_size": VOCABULARY, "n_embd": 16, "n_layer": 2, "n_head": 2, "n_positions": 128}
_FEW = {"bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0, "cls_token_id": 1, "sep_token_id": 2}

BARE: dict[str, Callable[[], hf.PreTrainedConfig]] = {
    "llama": lambda: hf.LlamaConfig(**_GROUPED),
    "gpt2": lambda: hf.GPT2Config(**_GPT),
    "gptj": lambda: hf.GPTJConfig(**_GPT, rotary_dim=4),
    "mistral": lambda: hf.MistralConfig(**_GROUPED, sliding_window=WINDOW),
    "lfm2": lambda: hf.Lfm2Config(**_HALF, layer_types=["conv", "full_attention"], block_multiple_of=8),
    "gemma3_with_images": lambda: hf.Gemma3Config(
        text_config={**_GROUPED, **_LAYERS}, vision_config=_VISION, mm_tokens_per_image=4
    ),
}
"""Their logits are the output layer applied to the last hidden state."""

SHAPED: dict[str, Callable[[], hf.PreTrainedConfig]] = {
    "gemma2": lambda: hf.Gemma2Config(**_GROUPED, sliding_window=WINDOW),
    "gemma3n": lambda: hf.Gemma3nTextConfig(
        **{**_GROUPED, **_LAYERS, **_PER_LAYER, "intermediate_size": [32, 32]},
        laurel_rank=4,
        activation_sparsity_pattern=[0.0, 0.0],
    ),
    "gemma4_with_images": lambda: hf.Gemma4Config(
        text_config={**_GROUPED, **_LAYERS, **_PER_LAYER, "global_head_dim": 8, "final_logit_softcapping": 3.0},
        vision_config=None,
        audio_config=None,
    ),
    "granite": lambda: hf.GraniteConfig(**_HALF, logits_scaling=4.0),
    "cohere": lambda: hf.CohereConfig(**_HALF),
    "modernbert_decoder": lambda: hf.ModernBertDecoderConfig(**_SHAPE, **_FEW),
    "roberta": lambda: hf.RobertaConfig(**_MASKED),
    "bert": lambda: hf.BertConfig(**_MASKED),
    "recurrent_gemma": lambda: hf.RecurrentGemmaConfig(
        **{**_SHAPE, "num_hidden_layers": 3}, lru_width=16, attention_window_size=WINDOW, logits_soft_cap=3.0
    ),
    "xlstm": lambda: hf.xLSTMConfig(
        vocab_size=VOCABULARY,
        hidden_size=32,
        num_blocks=2,
        num_heads=2,
        output_logit_soft_cap=3.0,
        mode="inference",
        chunkwise_kernel="chunkwise--native_autograd",
        sequence_kernel="native_sequence__native",
        step_kernel="native",
    ),
    "llama4": lambda: hf.Llama4TextConfig(**_EXPERTS),
    "llama4_with_images": lambda: hf.Llama4Config(
        text_config=_EXPERTS,
        vision_config={**_VISION, "vision_output_dim": 16, "projector_input_dim": 16, "projector_output_dim": 16},
    ),
}
"""Their logits are more than that, or their hidden states are not where others have them."""


def build(name: str, seed: int = 0, **changes: object) -> PreTrainedModel:
    """A model with random weights and loud logits, in evaluation mode; `changes` are made to its configuration."""
    config = (BARE | SHAPED)[name]()
    for setting, value in changes.items():
        setattr(config, setting, value)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = AutoModelForCausalLM.from_config(config).eval()
        model.get_output_embeddings().weight.data.mul_(50)
    return model

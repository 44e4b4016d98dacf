"""Options of the model, its optimizer and its learning-rate schedule."""

import math
from dataclasses import dataclass, field
from enum import StrEnum

from treasure.errors import ConfigError


@dataclass(kw_only=True, slots=True)
class TinyModelConfig:
    """Shape of a Llama with random weights, whose tokenizer is trained on the corpus."""

    vocab_size: int = 3072
    """Pieces of the byte-level BPE tokenizer, before marker tokens are added; at least 300."""
    hidden_size: int = 128
    """Width of the residual stream; a multiple of num_heads."""
    intermediate_size: int = 352
    """Width of the gated feed-forward layer."""
    num_layers: int = 4
    """Transformer blocks."""
    num_heads: int = 4
    """Attention heads, each of width hidden_size / num_heads."""

    def __post_init__(self) -> None:
        if self.vocab_size < 300:
            raise ConfigError(
                f"model.tiny.vocab_size must be at least 300 (256 bytes and specials), got {self.vocab_size}."
            )
        if min(self.hidden_size, self.intermediate_size, self.num_layers, self.num_heads) < 1:
            raise ConfigError(
                "model.tiny: hidden_size, intermediate_size, num_layers and num_heads must be at least 1."
            )
        if self.hidden_size % self.num_heads or (self.hidden_size // self.num_heads) % 2:
            raise ConfigError(
                f"model.tiny.hidden_size must be num_heads times an even number, got {self.hidden_size} "
                f"with {self.num_heads} heads."
            )


class Trainable(StrEnum):
    """FULL: every weight. LORA: low-rank adapters and the rows of marker tokens. MARKERS: these rows alone."""

    FULL = "full"
    LORA = "lora"
    MARKERS = "markers"


@dataclass(kw_only=True, slots=True)
class LoraConfig:
    """Low-rank adapters of a frozen base. Source: arXiv 2106.09685, section 4.1."""

    rank: int = 16
    """Rank of each update, at least 1."""
    alpha: float = 32.0
    """The update counts alpha / rank times (rslora: alpha / sqrt(rank)); above 0."""
    dropout: float = 0.0
    """Share of an adapter's inputs that is dropped in training, in [0, 1)."""
    target_modules: list[str] = field(default_factory=list)
    """Names of the linear layers that get adapters, such as [q_proj, v_proj]; empty takes all but the output layer."""
    rslora: bool = False
    """Whether the update is scaled by the root of the rank (arXiv 2312.03732)."""
    dora: bool = False
    """Whether direction and size of the weights are learned apart (arXiv 2402.09353); slower."""

    def __post_init__(self) -> None:
        if self.rank < 1:
            raise ConfigError(f"model.lora.rank must be at least 1, got {self.rank}.")
        if not 0 < self.alpha < math.inf:
            raise ConfigError(f"model.lora.alpha must be above 0 and finite, got {self.alpha}.")
        if not 0 <= self.dropout < 1:
            raise ConfigError(f"model.lora.dropout must be in [0, 1), got {self.dropout}.")


@dataclass(kw_only=True, slots=True)
class ModelConfig:
    """Which causal language model is fine-tuned, and what of it."""

    path: str | None
    """A Hugging Face id or a local folder; null builds a tiny Llama with random weights from `tiny`."""
    tiny: TinyModelConfig = field(default_factory=TinyModelConfig)
    """Shape of the tiny model; read only when `path` is null."""
    max_length: int = 512
    """Context in tokens that training and generation may use; at least 16."""
    attention: str = "auto"
    """Attention while training: eager, sdpa, or another that transformers knows (then batch.layout=padded). auto is
    eager on CPUs up to 1,024 tokens, where it is faster than the fused one in bfloat16, and sdpa elsewhere."""
    trainable: Trainable = Trainable.FULL
    """full, lora, or markers (rows of marker tokens alone). The last two freeze the base and need treasure[lora]."""
    lora: LoraConfig = field(default_factory=LoraConfig)
    """Shape of the adapters; read only when `trainable` is lora."""
    gradient_checkpointing: bool = False
    """Whether layers are computed again in the backward pass instead of kept: less memory, more time."""
    compile: bool = False
    """Whether training runs through torch.compile; needs a C++ compiler and pays back after some minutes."""

    def __post_init__(self) -> None:
        if self.max_length < 16:
            raise ConfigError(f"model.max_length must be at least 16 tokens, got {self.max_length}.")
        if self.path is None and self.trainable is not Trainable.FULL:
            raise ConfigError(
                f"model.trainable={self.trainable} freezes the base, and without model.path the base has random "
                "weights. Give model.path, such as the model folder of an earlier run, or take model.trainable=full."
            )


@dataclass(kw_only=True, slots=True)
class OptimizerConfig:
    """AdamW; biases, norms and embeddings are not decayed."""

    learning_rate: float = 2.5e-4
    """Peak learning rate, above 0."""
    weight_decay: float = 0.01
    """Decoupled weight decay of matrices, at least 0."""
    beta1: float = 0.9
    """Decay of the gradient's running mean, in [0, 1)."""
    beta2: float = 0.95
    """Decay of the squared gradient's running mean, in [0, 1)."""
    gradient_clip: float = 1.0
    """Largest global gradient norm; 0 leaves gradients as they are."""

    def __post_init__(self) -> None:
        if not 0 < self.learning_rate < math.inf:
            raise ConfigError(f"optimizer.learning_rate must be above 0 and finite, got {self.learning_rate}.")
        if not (0 <= self.weight_decay < math.inf and self.gradient_clip >= 0):
            raise ConfigError(
                "optimizer.weight_decay must be at least 0 and finite, and optimizer.gradient_clip at least 0, got "
                f"{self.weight_decay} and {self.gradient_clip}."
            )
        if not (0 <= self.beta1 < 1 and 0 <= self.beta2 < 1):
            raise ConfigError(f"optimizer.beta1 and beta2 must be in [0, 1), got {self.beta1} and {self.beta2}.")


@dataclass(kw_only=True, slots=True)
class SchedulerConfig:
    """Linear warm-up from 0, then a cosine down to a floor. Source: arXiv 2506.14702, section on training."""

    warmup_steps: int = 10
    """Optimizer steps of the linear warm-up, at least 0."""
    floor: float = 0.5
    """Learning rate at the last step, as a share of the peak, in [0, 1]."""

    def __post_init__(self) -> None:
        if self.warmup_steps < 0:
            raise ConfigError(f"scheduler.warmup_steps must be at least 0, got {self.warmup_steps}.")
        if not 0 <= self.floor <= 1:
            raise ConfigError(f"scheduler.floor must be in [0, 1], got {self.floor}.")

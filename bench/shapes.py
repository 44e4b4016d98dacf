"""The Llama shapes that are measured, and what one training step of them has to multiply."""

from dataclasses import dataclass

from treasure.model.config import TinyModelConfig


@dataclass(frozen=True, kw_only=True)
class Shape:
    """A model and the corpus it learns from, with the mode of its markers.

    `round_steps` are the optimizer steps of a round: some seconds. `goal` is the share of the matmul peak in [0, 1], if
    there is one.
    """

    name: str
    corpus: str
    mode: str = "none"
    model: TinyModelConfig
    round_steps: int = 25
    goal: float | None = None


SHAPES = {
    shape.name: shape
    for shape in (
        Shape(
            name="1.5M",
            corpus="world",
            mode="tokens",
            model=TinyModelConfig(hidden_size=128, intermediate_size=544, num_layers=4, num_heads=4),
            goal=0.35,
        ),
        Shape(
            name="8M",
            corpus="world",
            mode="tokens",
            model=TinyModelConfig(hidden_size=256, intermediate_size=832, num_layers=8, num_heads=4),
            round_steps=12,
            goal=0.60,
        ),
        Shape(
            name="15M",
            corpus="alpaca",
            model=TinyModelConfig(vocab_size=32_000, hidden_size=256, intermediate_size=768, num_layers=8, num_heads=4),
            round_steps=6,
        ),
    )
}


GPU_SHAPES = {
    shape.name: shape
    for shape in (
        Shape(
            name="135M",  # layers and widths of SmolLM-135M, with as many heads for keys as for queries
            corpus="alpaca",
            model=TinyModelConfig(
                vocab_size=32_000, hidden_size=576, intermediate_size=1536, num_layers=30, num_heads=9
            ),
        ),
        Shape(
            name="1B",  # layers and widths of TinyLlama-1.1B, with as many heads for keys as for queries
            corpus="alpaca",
            model=TinyModelConfig(
                vocab_size=32_000, hidden_size=2048, intermediate_size=5632, num_layers=22, num_heads=32
            ),
        ),
    )
}


def shape_of(name: str) -> Shape:
    """The shape called `name`, of either kind."""
    return (SHAPES | GPU_SHAPES)[name]


@dataclass(frozen=True)
class Product:
    """`count` matrix products [rows, inner] x [inner, columns] of one forward pass."""

    rows: int
    inner: int
    columns: int
    count: int

    @property
    def flops(self) -> float:
        """Multiplications and additions of all of them."""
        return 2.0 * self.rows * self.inner * self.columns * self.count


def products(model: TinyModelConfig, num_tokens: int, num_predicted: int, vocab_size: int) -> list[Product]:
    """The matrix products of a forward pass over `num_tokens` useful tokens, with logits where there is loss.

    Attention scores are left out: at some 120 tokens an example they are under 3 % of it. A backward pass multiplies
    each of them twice more.
    """
    width, inner, layers = model.hidden_size, model.intermediate_size, model.num_layers
    return [
        Product(num_tokens, width, width, 4 * layers),
        Product(num_tokens, width, inner, 2 * layers),
        Product(num_tokens, inner, width, layers),
        Product(num_predicted, width, vocab_size, 1),
    ]

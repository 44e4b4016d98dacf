"""Builds the backend that a configuration asks for; what it needs is imported only then."""

from pathlib import Path

from treasure.inference.backends.protocol import Backend
from treasure.inference.config import BackendConfig, BackendKind, GenerationConfig
from treasure.model.checkpoint import load_checkpoint, load_prompting


def make_backend(
    config: BackendConfig, generation: GenerationConfig, folder: Path, accelerator: str = "auto"
) -> Backend:
    """The backend that answers with the model in `folder`; a server has the model itself, and the folder its levers.

    `accelerator` is read by transformers alone.

    Raises:
        CheckpointError: the folder is no checkpoint of ours, or was changed by hand.
        MissingExtraError: vLLM or openai is needed and not installed.
    """
    if config.kind is BackendKind.VLLM:
        from treasure.inference.backends.vllm import VLLMBackend

        return VLLMBackend(folder, load_prompting(folder), generation, config.vllm)
    if config.kind is BackendKind.REMOTE:
        from treasure.inference.backends.remote import RemoteBackend

        return RemoteBackend.of(load_prompting(folder), generation, config.remote)
    from treasure.inference.generate import Generator

    return Generator(load_checkpoint(folder), generation, accelerator)

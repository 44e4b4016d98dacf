"""A model to ask, with the options that a test does not care for."""

from treasure.llm.config import LocalConfig, ModelAccess, RunnerConfig


def model_access(model="fake", **options):
    defaults = {
        "options": "judge",
        "on_this_machine": False,
        "base_url": "http://127.0.0.1:9/v1",
        "api_key_env": "OPENAI_API_KEY",
        "mode": "text",
        "temperature": 0.0,
        "max_answer_tokens": 16,
        "extra_body": {},
        "runner": RunnerConfig(),
        "local": LocalConfig(accelerator="cpu"),
        "shorten": "lower judge.max_text_tokens",
    }
    return ModelAccess(model=model, **{**defaults, **options})

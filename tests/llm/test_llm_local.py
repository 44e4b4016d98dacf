import math

import pytest
import torch
from access import model_access
from byte_model import save_model
from transformers import LlamaForCausalLM

from treasure.errors import ConfigError
from treasure.llm.config import LocalConfig
from treasure.llm.local import LocalModel
from treasure.llm.request import Choice, Request


@pytest.fixture(autouse=True, scope="module")
def _one_thread():
    """Models of this size are slower on two."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("model")
    save_model(path, context=200)
    return path


def requests(count):
    """Prompts of different lengths that begin alike, and labels of which one begins another."""
    values = ("c", "cpp", "csharp", "go")
    choice = Choice("code_type", values, "Unspecified", ("go", "Unspecified", "cpp", "c", "csharp"))
    return [
        Request(str(n), str(n), (choice,), "All begin like this.", f"Text {'and so on ' * (n % 4)}{n}")
        for n in range(count)
    ]


def plain_log_probability(model, prompt, option):
    """One forward pass over the whole, no cache, no batch, no padding."""
    ids = torch.tensor([prompt + option])
    with torch.no_grad():
        table = model(ids).logits[0].float().log_softmax(-1)
    return sum(float(table[len(prompt) + place - 1, token]) for place, token in enumerate(option))


@pytest.mark.parametrize("batch_size", [1, 3, 50])
def test_probabilities_are_those_of_the_plain_model(folder, batch_size):
    settings = LocalConfig(batch_size=batch_size, accelerator="cpu")
    local = LocalModel(model_access(str(folder), on_this_machine=True, local=settings))
    model = LlamaForCausalLM.from_pretrained(folder).eval()
    asked = requests(7)
    replies = [reply for start in (0, 4) for reply in local.ask(asked[start : start + 4])]  # the second keeps a prefix
    spread = []
    for request, reply in zip(asked, replies, strict=True):
        prompt = list(f"{request.system}\n\n{request.user}\n\nLabel:".encode())
        to_id = {byte: local._tokenizer(bytes([byte]).decode())["input_ids"][0] for byte in range(32, 127)}
        to_id[10] = local._tokenizer("\n")["input_ids"][0]
        logs = {
            label: plain_log_probability(
                model, [to_id[byte] for byte in prompt], [to_id[byte] for byte in f" {label}\n".encode()]
            )
            for label in request.choices[0].labels
        }
        total = math.log(sum(math.exp(log) for log in logs.values()))
        expected = {label: math.exp(log - total) for label, log in logs.items()}
        assert reply.probabilities["code_type"] == pytest.approx(expected, rel=1e-3, abs=1e-6)
        assert reply.answers["code_type"] == max(expected, key=expected.get)
        spread.append(max(expected.values()))
    assert max(spread) > 0.3 and len({reply.answers["code_type"] for reply in replies}) >= 1


def test_errors_name_the_options_of_who_asks(folder, tmp_path):
    local = LocalModel(model_access(str(folder), on_this_machine=True))
    assert not local.problem(requests(1)[0])
    long = Request("k", "k", requests(1)[0].choices, "system", "x" * 300)
    assert local.problem(long).endswith("the model holds 200; lower judge.max_text_tokens")
    with pytest.raises(ConfigError, match=r"judge\.model '.*none' cannot be loaded"):
        LocalModel(model_access(str(tmp_path / "none"), on_this_machine=True))

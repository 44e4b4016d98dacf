"""`LocalModel`: a Hugging Face causal language model that chooses a label by how probable it finds each one.

A label counts with all of its tokens and the end of the line behind it, so that no label is the beginning of another;
the probabilities are those of the model given that it writes one of them.

N prompts, T tokens behind what all of them begin with, O options, L tokens of an option
"""

import copy
import time
from collections.abc import Sequence
from itertools import takewhile
from typing import Any

import torch
from jinja2 import TemplateError
from torch.nn.utils.rnn import pad_sequence
from transformers import AutoModelForCausalLM, AutoTokenizer, DynamicCache

from treasure.errors import ConfigError
from treasure.llm.config import ModelAccess
from treasure.llm.record import Reply, Usage
from treasure.llm.request import Request, best

_CUE = "Label:"
_LEAST_SHARED = 0.5


class LocalModel:
    """The model of `access` with its tokenizer, and the computed beginning of the latest prompts.

    Raises:
        ConfigError: the folder holds no causal language model with a tokenizer.
    """

    def __init__(self, access: ModelAccess) -> None:
        try:
            self._tokenizer: Any = AutoTokenizer.from_pretrained(access.model)
            model: Any = AutoModelForCausalLM.from_pretrained(access.model)
        except (OSError, ValueError, KeyError) as error:
            raise ConfigError(
                f"{access.options}.model '{access.model}' cannot be loaded as a causal language model: "
                f"{' '.join(str(error).split())[:300]}"
            ) from error
        on_gpu = access.local.accelerator != "cpu" and torch.cuda.is_available()
        if access.local.accelerator == "gpu" and not on_gpu:
            raise ConfigError("local.accelerator is gpu, but there is none here. Take auto or cpu.")
        self._device = torch.device("cuda" if on_gpu else "cpu")
        self._model = model.to(self._device).eval()
        self._context = int(getattr(model.config, "max_position_embeddings", 0) or 0)
        self._is_chat = bool(getattr(self._tokenizer, "chat_template", None))
        self._batch_size = access.local.batch_size
        self._shorten = access.shorten
        self._labels: dict[str, list[int]] = {}
        self._prefix: list[int] = []
        self._prefix_cache: DynamicCache | None = None

    def problem(self, request: Request) -> str:
        """Why the model cannot be asked this; empty where it can."""
        length = len(self._prompt_ids(request)) + max(map(len, self._option_ids(request)))
        if not self._context or length <= self._context:
            return ""
        return f"the prompt has {length} tokens with its label, the model holds {self._context}; {self._shorten}"

    @torch.inference_mode()
    def ask(self, requests: Sequence[Request]) -> list[Reply]:
        """One reply for each request, all of which fit."""
        started = time.monotonic()
        prompts = [self._prompt_ids(request) for request in requests]
        options = [self._option_ids(request) for request in requests]
        scores = self._scores(prompts, options)
        seconds = (time.monotonic() - started) / len(requests)
        return [
            _reply(request, row, len(prompt), seconds)
            for request, row, prompt in zip(requests, scores, prompts, strict=True)
        ]

    def _scores(self, prompts: list[list[int]], options: list[list[list[int]]]) -> list[torch.Tensor]:
        """For each prompt the log-probability of each of its options [O]."""
        num_shared = self._share(prompts)
        tails = [torch.tensor(prompt[num_shared:]) for prompt in prompts]
        num_tail = torch.tensor([len(tail) for tail in tails], device=self._device)  # [N]
        ids = pad_sequence(tails, batch_first=True).to(self._device)  # [N, T]
        cache, mask = self._shared_cache(len(prompts)), self._mask(num_shared, num_tail, ids.shape[1])
        ends = torch.unique(num_tail - 1)
        logits = self._forward(ids, mask, num_shared, cache, ends)
        first = logits[torch.arange(len(prompts)), torch.searchsorted(ends, num_tail - 1)].float().log_softmax(-1)

        rows = [(index, torch.tensor(option)) for index, group in enumerate(options) for option in group]
        found = [first[index, option[0]].double() for index, option in rows]
        for start in range(0, len(rows), self._batch_size):
            chunk = range(start, min(len(rows), start + self._batch_size))
            owners = torch.tensor([rows[row][0] for row in chunk], device=self._device)
            written = pad_sequence([rows[row][1] for row in chunk], batch_first=True).to(self._device)  # [chunk, L]
            if written.shape[1] == 1:
                continue
            branch = copy.deepcopy(cache)
            branch.batch_select_indices(owners)
            seen = torch.cat([mask[owners], torch.ones_like(written[:, :-1])], dim=1)
            logits = self._forward(written[:, :-1], seen, (num_shared + num_tail)[owners], branch)
            rest = logits.float().log_softmax(-1).gather(2, written[:, 1:, None])[..., 0].double()
            for place, row in enumerate(chunk):
                found[row] = found[row] + rest[place, : len(rows[row][1]) - 1].sum()
        scores = torch.stack(found).cpu()
        return list(scores.split([len(group) for group in options]))

    def _forward(
        self,
        ids: torch.Tensor,
        mask: torch.Tensor,
        starts: torch.Tensor | int,
        cache: DynamicCache,
        kept: torch.Tensor | int = 0,
    ) -> torch.Tensor:
        """Logits of `ids`, which begin at the places `starts`, behind what is in `cache`; `kept` says of which ids."""
        first = torch.as_tensor(starts, device=self._device).reshape(-1, 1)
        places = (first + torch.arange(ids.shape[1], device=self._device)).expand_as(ids)
        return self._model(
            ids,
            attention_mask=mask,
            position_ids=places,
            past_key_values=cache,
            use_cache=True,
            logits_to_keep=kept,
        ).logits

    def _mask(self, num_shared: int, num_tail: torch.Tensor, width: int) -> torch.Tensor:
        shared = torch.ones(len(num_tail), num_shared, dtype=torch.long, device=self._device)
        is_real = torch.arange(width, device=self._device) < num_tail[:, None]
        return torch.cat([shared, is_real.long()], dim=1)

    def _share(self, prompts: list[list[int]]) -> int:
        """How many ids all prompts begin with; keys and values of these are computed once, and kept."""
        common = prompts[0][:-1]  # each prompt keeps an id of its own, whose logits are wanted
        for prompt in prompts:
            common = _common(common, prompt[:-1])
        if self._prefix and common[: len(self._prefix)] == self._prefix:
            return len(self._prefix)
        with_earlier = _common(common, self._prefix)
        prefix = with_earlier if len(with_earlier) >= _LEAST_SHARED * max(1, len(self._prefix)) else common
        self._prefix, self._prefix_cache = prefix, None
        if prefix:
            ids = torch.tensor([prefix], device=self._device)
            self._prefix_cache = DynamicCache()
            self._forward(ids, torch.ones_like(ids), 0, self._prefix_cache, 1)
        return len(prefix)

    def _shared_cache(self, num_prompts: int) -> DynamicCache:
        if self._prefix_cache is None:
            return DynamicCache()
        cache = copy.deepcopy(self._prefix_cache)
        cache.batch_repeat_interleave(num_prompts)
        return cache

    def _prompt_ids(self, request: Request) -> list[int]:
        if not self._is_chat:
            return list(self._tokenizer(f"{request.system}\n\n{request.user}\n\n{_CUE}")["input_ids"])
        try:
            text = self._tokenizer.apply_chat_template(request.messages, tokenize=False, add_generation_prompt=True)
        except TemplateError:  # some templates know no system message
            messages = [{"role": "user", "content": f"{request.system}\n\n{request.user}"}]
            text = self._tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
        return list(self._tokenizer(text, add_special_tokens=False)["input_ids"])

    def _option_ids(self, request: Request) -> list[list[int]]:
        return [self._label_ids(label) for label in request.choices[0].labels]

    def _label_ids(self, label: str) -> list[int]:
        """The ids of a label behind its cue, since some tokenizers put a blank before all that they are given."""
        if label not in self._labels:
            cue, blank = ("\n", "") if self._is_chat else (_CUE, " ")
            before = list(self._tokenizer(cue, add_special_tokens=False)["input_ids"])
            both = list(self._tokenizer(f"{cue}{blank}{label}\n", add_special_tokens=False)["input_ids"])
            alone = list(self._tokenizer(f"{blank}{label}\n", add_special_tokens=False)["input_ids"])
            self._labels[label] = both[len(before) :] if both[: len(before)] == before else alone
        return self._labels[label]


def _common(first: list[int], second: list[int]) -> list[int]:
    return [a for a, _ in takewhile(lambda pair: pair[0] == pair[1], zip(first, second, strict=False))]


def _reply(request: Request, scores: torch.Tensor, num_tokens: int, seconds: float) -> Reply:
    choice = request.choices[0]
    probabilities = dict(zip(choice.labels, scores.softmax(0).tolist(), strict=True))
    return Reply({choice.category: best(probabilities)}, {choice.category: probabilities}, Usage(num_tokens), seconds)

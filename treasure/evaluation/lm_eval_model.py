"""`TreasureLM`: models of treasure as `--model treasure` of the lm-evaluation-harness, with levers.

Importing this module registers it there; `treasure-lm-eval` is the harness's command with this done.
"""

import json
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tqdm import tqdm

from treasure.errors import ConfigError, DataError, LeverError, MissingExtraError, TaxonomyError
from treasure.evaluation.lm_eval_arguments import Way, batch_size_of, read_levers_argument, way_of, without_levers
from treasure.evaluation.lm_eval_openings import Conversation, Opening, Openings, PromptKind, cut_at
from treasure.inference.config import GenerationConfig
from treasure.inference.continuations import ContinuationScore, score_continuations
from treasure.inference.generate import Generator
from treasure.inference.length_calibration import LengthCalibration
from treasure.model.causal_lm import context_length
from treasure.model.checkpoint import load_checkpoint
from treasure.model.tokenizer import pad_id

try:
    import lm_eval.models  # noqa: F401  # the harness fills its list of models only while that is empty
    from lm_eval.api.model import LM
    from lm_eval.api.registry import register_model
    from lm_eval.models.utils import normalize_gen_kwargs
    from lm_eval.utils import get_rolling_token_windows, make_disjoint_window
except ImportError as error:
    raise MissingExtraError("lm-eval", "harness") from error

if TYPE_CHECKING:
    from lm_eval.api.instance import Instance
    from lm_eval.api.model import CacheHook

_AUTO_BATCH = 64
_ACCELERATORS = {"auto": "auto", "cpu": "cpu", "cuda": "gpu", "cuda:0": "gpu", "gpu": "gpu"}
_ARGUMENTS = ("checkpoint", "levers", "levers_field", "prompt", "max_gen_toks", "seed")
_log = logging.getLogger(__name__)


@register_model("treasure")
class TreasureLM(LM):
    """Answers the harness's requests with the model folder `checkpoint`.

    `levers` are those of all requests: category -> lever, the same as JSON, or a JSON or YAML file of them. A task may
    set others in its `generation_kwargs: {levers: …}`, and each document in the column `levers_field`; what is nearer
    to a request wins. `prompt` is of `PromptKind`. `batch_size` contexts are read together; 'auto' means 64.
    Answers have at most `max_gen_toks` tokens where a task says nothing; a header is not counted.
    """

    def __init__(
        self,
        checkpoint: str = "",
        levers: Mapping[str, Any] | str | None = None,
        levers_field: str | None = None,
        prompt: str = PromptKind.TURN,
        batch_size: int | str = "auto",
        max_batch_size: int = _AUTO_BATCH,
        device: str = "auto",
        max_gen_toks: int = 256,
        seed: int = 0,
        **unknown: Any,
    ) -> None:
        super().__init__()
        if unknown:
            raise ConfigError(
                f"--model_args: treasure has no '{sorted(unknown)[0]}'. Allowed: {', '.join(_ARGUMENTS)}."
            )
        if not checkpoint:
            raise ConfigError("Name the model folder: --model_args checkpoint=outputs/runs/<group>/<run>/model.")
        if prompt not in list(PromptKind):
            raise ConfigError(f"prompt is turn or text, got {prompt!r}.")
        if device not in _ACCELERATORS:
            raise ConfigError(f"device is one of {', '.join(_ACCELERATORS)}, got {device!r}.")
        self._batch_size = batch_size_of(batch_size, max_batch_size)
        self._max_gen_toks, self._levers_field = max_gen_toks, levers_field
        self._model = load_checkpoint(Path(checkpoint))
        self._config = GenerationConfig(batch_size=self._batch_size, seed=seed)
        self._accelerator = _ACCELERATORS[device]
        self._generator = Generator(self._model, self._config, self._accelerator)
        run_levers = read_levers_argument(levers)
        lengths = LengthCalibration.read(Path(checkpoint))
        self._openings = Openings(self._generator, PromptKind(prompt), run_levers, lengths)
        self._is_text = prompt == PromptKind.TEXT
        self._max_length = context_length(self._model.model) or self._model.max_length
        self._setting = json.dumps([str(Path(checkpoint).resolve()), run_levers, prompt], sort_keys=True)

    def loglikelihood(self, requests: Sequence["Instance"]) -> list[tuple[float, bool]]:
        """The log probability in nats of each continuation behind its context and header, and whether it is greedy."""
        pairs = [self._pair(*request.args[:2]) for request in requests]
        asked = [(context, self._levers_of(request)) for (context, _), request in zip(pairs, requests, strict=True)]
        openings = self._opened(asked, 0)
        wanted = [self._openings.continuation_ids(*pair) for pair in pairs]
        starts = [self._cut(o, len(ids) - 1) for o, ids in zip(openings, wanted, strict=True)]
        self._tell_cut(openings, starts)
        scores = self._scored(starts, wanted, "log probabilities")
        found = [(score.log_probability, score.is_greedy) for score in scores]
        for request, one in zip(requests, found, strict=True):
            self.cache_hook.add_partial("loglikelihood", request.args, one)
        return found

    def loglikelihood_rolling(self, requests: Sequence["Instance"]) -> list[float]:
        """The log probability in nats of each whole text, as an answer to nothing, behind its header.

        A text that is too long is read in windows, each with as much before it as fits; a header opens every window.
        """
        openings = self._opened([("", self._levers_of(request)) for request in requests], 0)
        starts: list[list[int]] = []
        wanted: list[list[int]] = []
        owners: list[int] = []
        for owner, (request, opening) in enumerate(zip(requests, openings, strict=True)):
            for start, ids in self._windows(opening, self._openings.continuation_ids("", request.args[0])):
                starts.append(start)
                wanted.append(ids)
                owners.append(owner)
        found = [0.0] * len(requests)
        for owner, score in zip(owners, self._scored(starts, wanted, "log probabilities"), strict=True):
            found[owner] += score.log_probability
        for request, one in zip(requests, found, strict=True):
            self.cache_hook.add_partial("loglikelihood_rolling", request.args, one)
        return found

    def generate_until(self, requests: Sequence["Instance"]) -> list[str]:
        """The content of each answer, its header taken off, up to the first of the task's `until`."""
        settings: list[dict[str, Any]] = [
            dict(normalize_gen_kwargs(without_levers(_arguments(r)), self._max_gen_toks)) for r in requests
        ]
        by_way: dict[tuple[Way, tuple[str, ...]], list[int]] = {}
        for place, given in enumerate(settings):
            by_way.setdefault((way_of(given), tuple(given["until"])), []).append(place)
        found = [""] * len(requests)
        for ((most, temperature, top_p), until), places in by_way.items():
            config = replace(self._config, max_new_tokens=most, temperature=temperature, top_p=top_p)
            contents = self._contents([requests[place] for place in places], config, until)
            for place, content in zip(places, contents, strict=True):
                found[place] = cut_at(content, until)
                self.cache_hook.add_partial("generate_until", requests[place].args, found[place])
        return found

    def apply_chat_template(self, chat_history: list[dict[str, str]], add_generation_prompt: bool = True) -> str:
        """The turns as they are: this model writes them in its own template, words and control text apart."""
        if self._is_text:
            raise ConfigError("--apply_chat_template makes turns, and prompt=text takes none. Leave one of them out.")
        del add_generation_prompt  # an answer that is begun already is the last turn
        return Conversation.of(chat_history)

    def chat_template(self, chat_template: bool | str = False) -> str:
        """What decides how turns are written, for the harness's notes."""
        return json.dumps(self._model.encoder.identity()["template"], sort_keys=True) if chat_template else ""

    @property
    def tokenizer_name(self) -> str:
        """What the harness keeps contexts under that it has made for this model."""
        return "treasure"

    def set_cache_hook(self, cache_hook: "CacheHook") -> None:
        """Takes a file of answers that the harness keeps, if they are those of this model with these levers.

        Raises:
            ConfigError: they are not, or levers stand in documents, which the file does not tell apart.
        """
        kept = cache_hook.dbdict
        if kept is not None:
            if self._levers_field is not None:
                raise ConfigError("--use_cache knows requests by their text alone, not by levers_field. Leave it out.")
            if kept.get("treasure", self._setting) != self._setting:
                raise ConfigError(
                    f"--use_cache names a file with answers of {kept['treasure']}, and asked for is {self._setting}. "
                    "Give each model and each set of levers a file of its own."
                )
            kept["treasure"] = self._setting
        super().set_cache_hook(cache_hook)

    def _pair(self, context: str, continuation: str) -> tuple[str, str]:
        """Blanks at the end of a text begin what follows, as in the harness's own models."""
        words = context.rstrip()
        if not self._is_text or not words or words == context:
            return context, continuation
        return words, context[len(words) :] + continuation

    def _levers_of(self, request: "Instance") -> dict[str, Any]:
        """The levers of a task and of a document, which win; empty fields of a data set set nothing."""
        found: dict[str, Any] = {}
        found |= read_levers_argument(_arguments(request).get("levers"))
        if self._levers_field is not None:
            if self._levers_field not in request.doc:
                raise DataError(
                    f"Document {request.doc_id} of {request.task_name} has no column '{self._levers_field}', which "
                    f"levers_field names. It has: {', '.join(request.doc)}."
                )
            found |= read_levers_argument(request.doc[self._levers_field])
        return {name: value for name, value in found.items() if value is not None}

    def _opened(self, asked: Sequence[tuple[str, Mapping[str, Any]]], num_new: int) -> list[Opening]:
        room = self._max_length - num_new - self._generator.header_room
        if room < 1:
            raise ConfigError(
                f"Answers of {num_new} tokens and their headers of up to {self._generator.header_room} leave no room "
                f"for a prompt in the {self._max_length} tokens of this model. Set a smaller max_gen_toks."
            )
        try:
            return self._openings.of(asked, room, "headers")
        except (LeverError, TaxonomyError) as error:
            raise LeverError(f"Levers of a task or a document: {error}") from error

    def _cut(self, opening: Opening, num_new: int) -> list[int]:
        if num_new >= self._max_length:
            raise DataError(f"A continuation has {num_new + 1} tokens, and this model takes {self._max_length}.")
        return opening.ids(self._max_length - num_new)

    def _tell_cut(self, openings: Sequence[Opening], starts: Sequence[list[int]]) -> None:
        num_cut = sum(len(s) < o.length for o, s in zip(openings, starts, strict=True))
        if num_cut:
            _log.warning(
                "%d of %d prompts were cut at their beginning to fit the %d tokens of the model.",
                num_cut, len(starts), self._max_length,
            )  # fmt: skip

    def _windows(self, opening: Opening, ids: list[int]) -> list[tuple[list[int], list[int]]]:
        start = opening.ids(self._max_length - 1)
        kept = [] if self._is_text else start
        pairs = get_rolling_token_windows(ids, start[-1], self._max_length - len(kept), 1)
        windows = [make_disjoint_window(pair) for pair in pairs]
        return [(start if i == 0 else kept + before, new) for i, (before, new) in enumerate(windows)]

    def _scored(
        self, starts: Sequence[list[int]], wanted: Sequence[list[int]], description: str
    ) -> list[ContinuationScore]:
        """The scores of continuations; those behind the same start are read together."""
        groups: dict[tuple[int, ...], list[int]] = {}
        for place, start in enumerate(starts):
            groups.setdefault(tuple(start), []).append(place)
        if not all(wanted):
            raise DataError("A continuation is empty, so there is nothing to score. Mend the choices of the task.")
        with tqdm(total=len(wanted), desc=description, unit="text", leave=False) as bar:
            scores = score_continuations(
                self._model.model,
                [list(start) for start in groups],
                [[wanted[place] for place in places] for places in groups.values()],
                pad=pad_id(self._model.tokenizer),
                batch_size=self._batch_size,
                on_done=bar.update,
            )
        by_place = {
            p: s for places, row in zip(groups.values(), scores, strict=True) for p, s in zip(places, row, strict=True)
        }
        return [by_place[place] for place in range(len(wanted))]

    def _contents(self, requests: Sequence["Instance"], config: GenerationConfig, until: Sequence[str]) -> list[str]:
        """The contents of answers, each with the first of `until` in it or to its end."""
        openings = self._opened([(r.args[0], self._levers_of(r)) for r in requests], config.max_new_tokens)
        starts = [self._cut(opening, config.max_new_tokens) for opening in openings]
        self._tell_cut(openings, starts)
        generator = Generator(self._model, config, self._accelerator)
        stop = self._openings.stop_ids()
        with tqdm(total=len(starts), desc="answers", unit="answer", leave=False) as bar:
            found = generator.continued(starts, stop, bar.update, [None] * len(starts), ended=self._ends_at(until))
        return [self._text(ids[: config.max_new_tokens]) for ids in found]

    def _ends_at(self, until: Sequence[str]) -> Callable[[Sequence[int]], bool] | None:
        """Tells whether one of `until` stands at the end of ids; every id is at least a byte, so few are looked at."""
        ends = [end for end in until if end]
        most = 1 + max((len(end.encode()) for end in ends), default=0)
        return (lambda ids: any(end in self._text(ids[-most:]) for end in ends)) if ends else None

    def _text(self, ids: Sequence[int]) -> str:
        return str(self._model.tokenizer.decode(list(ids), skip_special_tokens=True))


def _arguments(request: "Instance") -> Mapping[str, Any]:
    """How a request is to be answered; empty where nothing is to be written."""
    given: tuple[Any, ...] = request.args
    return given[1] if len(given) > 1 and isinstance(given[1], Mapping) else {}

"""`Estimate`: how many requests a run still has to send, and what these are likely to take."""

from collections.abc import Iterable
from dataclasses import dataclass

from treasure.annotation.llm.config import AnswerMode, LLMConfig
from treasure.llm.record import Experience
from treasure.llm.request import Request

_TOKENS_PER_LABEL = 6
_ASSUMED_LATENCY_S = 1.0


@dataclass(frozen=True, slots=True)
class Estimate:
    """What is to come; sums by `+`. `num_cached` requests have their outcome already and take nothing.

    Tokens and seconds go by what earlier requests of the model took, `num_measured` of them; where there are none, by
    four bytes a token and one second a request. Retries are not counted in.
    """

    num_requests: int = 0
    num_cached: int = 0
    prompt_tokens: float = 0.0
    completion_tokens: float = 0.0
    cost: float = 0.0
    seconds: float = 0.0
    num_measured: int = 0

    def __add__(self, other: "Estimate") -> "Estimate":
        return Estimate(
            num_requests=self.num_requests + other.num_requests,
            num_cached=self.num_cached + other.num_cached,
            prompt_tokens=self.prompt_tokens + other.prompt_tokens,
            completion_tokens=self.completion_tokens + other.completion_tokens,
            cost=self.cost + other.cost,
            seconds=self.seconds + other.seconds,
            num_measured=max(self.num_measured, other.num_measured),
        )

    def describe(self) -> str:
        """One paragraph for people."""
        basis = (
            f"as {self.num_measured} requests before" if self.num_measured else "by four bytes a token, 1 s a request"
        )
        return (
            f"{self.num_requests} requests to send ({self.num_cached} are settled already): about "
            f"{self.prompt_tokens:,.0f} prompt tokens and {self.completion_tokens:,.0f} answer tokens, cost "
            f"{self.cost:.2f}, {self.seconds / 60:,.1f} min ({basis}; retries not counted)."
        )


def estimate(requests: Iterable[Request], num_cached: int, config: LLMConfig, known: Experience | None) -> Estimate:
    """What `requests`, none of which is answered, are likely to take."""
    wanted = list(requests)
    ratio = known.token_ratio if known else 1.0
    prompt_tokens = ratio * sum(request.num_tokens for request in wanted)
    completion_tokens = sum(_answer_tokens(request, config, known) for request in wanted)
    return Estimate(
        num_requests=len(wanted),
        num_cached=num_cached,
        prompt_tokens=prompt_tokens,
        completion_tokens=completion_tokens,
        cost=0.0 if config.on_this_machine else config.runner.cost(prompt_tokens, completion_tokens),
        seconds=_seconds(len(wanted), prompt_tokens + completion_tokens, config, known),
        num_measured=known.num_requests if known else 0,
    )


def _answer_tokens(request: Request, config: LLMConfig, known: Experience | None) -> float:
    if config.on_this_machine:
        return 0.0
    if config.answer_mode is AnswerMode.LOGPROBS:
        return 1.0
    return known.completion_tokens if known else float(_TOKENS_PER_LABEL * len(request.choices) + 2)


def _seconds(num_requests: int, num_tokens: float, config: LLMConfig, known: Experience | None) -> float:
    """The longest of what latency and the two limits demand."""
    latency_s = known.latency_s if known else _ASSUMED_LATENCY_S
    if config.on_this_machine:
        return num_requests * latency_s
    runner = config.runner
    return max(
        num_requests * latency_s / runner.concurrency,
        60.0 * num_requests / (runner.requests_per_minute or float("inf")),
        60.0 * num_tokens / (runner.tokens_per_minute or float("inf")),
    )

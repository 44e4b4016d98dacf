"""`Posteriors`: what a model believes of each category before it answers.

posteriors = Posteriors(checkpoint, GenerationConfig(), calibration=read_calibration(folder, checkpoint.taxonomy))
posteriors.conditional([request])[0]["domain"].probabilities    # given the earlier categories of its own header
posteriors.marginal([request])[0]["domain"].probabilities       # whatever the earlier categories are
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from tqdm import tqdm

from treasure.errors import LeverError
from treasure.inference.category_posterior import CategoryPosterior, PosteriorKind, RequestPosteriors
from treasure.inference.category_tree import CategoryTree, Outcome, Outside
from treasure.inference.config import GenerationConfig, HeaderMode
from treasure.inference.generate import Generator, device_for
from treasure.inference.header_grammar import HeaderGrammar, HeaderLimits
from treasure.inference.posterior_batch import HeaderBatch, WeighedHeader, behind, check_forced
from treasure.inference.posterior_calibration import PosteriorCalibration, tempered
from treasure.inference.prefix_reader import read_prefixes
from treasure.inference.request import GenerationRequest
from treasure.markers.header_style import MarkerOrder
from treasure.markers.marker_set import Marker, MarkerSet
from treasure.model.causal_lm import num_positions
from treasure.model.checkpoint import Checkpoint
from treasure.model.tokenizer import pad_id

NUM_HEADERS = 32


class Posteriors:
    """Reads a model's beliefs; with a `calibration` their values are tempered by it.

    A probability is that of sampling a valid header at temperature 1: at each id the model's own, shared out among the
    ids that the taxonomy and the request's levers allow. It is exact for closed lists, on all surfaces.

    Raises:
        LeverError: the model writes no header, so that it has no beliefs to read.
    """

    def __init__(
        self,
        checkpoint: Checkpoint,
        config: GenerationConfig,
        accelerator: str = "auto",
        calibration: PosteriorCalibration | None = None,
    ) -> None:
        if checkpoint.surface is None or not checkpoint.style.writes_header:
            raise LeverError(
                "This model writes no header before its answers, so it says nothing of what it believes. Take one that "
                "was trained with markers in the completion and batch.header_loss_weight above 0."
            )
        self._checkpoint, self._accelerator, self._calibration = checkpoint, accelerator, calibration
        self._config = replace(config, header=HeaderMode.CONSTRAINED)
        self._taxonomy, self._order = checkpoint.taxonomy, checkpoint.style.order
        self._grammar = HeaderGrammar(self._taxonomy, checkpoint.encoder, self._order, checkpoint.max_length)

    def conditional(
        self,
        requests: Sequence[GenerationRequest],
        headers: Sequence[MarkerSet] | None = None,
        categories: Iterable[str] | None = None,
        description: str | None = None,
    ) -> list[RequestPosteriors]:
        """The posterior of each category given the earlier ones in `headers`, by default those that the model writes.

        What is forced has all the probability. In shuffled order no category is an earlier one: there it is given that
        the category comes right behind what is forced, so that it is always written.

        Raises:
            LeverError: one of `headers` is none that the taxonomy and the request's levers allow.
            ConfigError: a prompt with its header is longer than the model's table of positions.
        """
        if self._order is MarkerOrder.SHUFFLED:
            headers = [request.forced for request in requests]
        elif headers is None:
            headers = self._headers(requests, temperature=0.0, seed=0, description=description)
        else:
            for request, header in zip(requests, headers, strict=True):
                check_forced(header, request)
        told = [WeighedHeader(i, header, 1.0) for i, header in enumerate(headers)]
        return self._read(requests, told, PosteriorKind.CONDITIONAL, 0, self._chosen(categories), description)

    def marginal(
        self,
        requests: Sequence[GenerationRequest],
        num_headers: int = NUM_HEADERS,
        categories: Iterable[str] | None = None,
        seed: int = 0,
        description: str | None = None,
        sampled: Sequence[Sequence[MarkerSet]] | None = None,
    ) -> list[RequestPosteriors]:
        """The posterior of each category, averaged over the earlier categories of `num_headers` sampled headers.

        What is averaged are the conditional distributions, which is less noisy than counting the sampled values.
        Headers are those `sampled`, or drawn here; always from the model as it is, also where values are tempered. In
        shuffled order the values of the sampled headers are counted.

        Raises:
            ConfigError: a prompt with its header is longer than the model's table of positions.
        """
        if sampled is None:
            sampled = self.sample(requests, num_headers, seed, description)
        told = [Counter(own) for own in sampled]
        chosen, num_headers = self._chosen(categories), min((own.total() for own in told), default=0)
        if self._order is MarkerOrder.SHUFFLED:
            return [{name: _counted(name, own, num_headers) for name in chosen} for own in told]
        weighed = [WeighedHeader(i, h, number / own.total()) for i, own in enumerate(told) for h, number in own.items()]
        return self._read(requests, weighed, PosteriorKind.MARGINAL, num_headers, chosen, description)

    def sample(
        self, requests: Sequence[GenerationRequest], num_headers: int, seed: int = 0, description: str | None = None
    ) -> list[list[MarkerSet]]:
        """`num_headers` headers for each request, drawn from the model at temperature 1."""
        assert num_headers >= 1, num_headers
        repeated = [request for request in requests for _ in range(num_headers)]
        found = self._headers(repeated, temperature=1.0, seed=seed, description=description)
        return [found[start : start + num_headers] for start in range(0, len(found), num_headers)]

    def check(self, request: GenerationRequest, header: MarkerSet) -> None:
        """Refuses a header that `conditional` could not read.

        Raises:
            LeverError: names the marker that the taxonomy or the request's levers do not allow.
        """
        check_forced(header, request)
        state = self._grammar.start(HeaderLimits(request.forced, request.forbidden))
        for marker, ids in zip(header.markers, self._checkpoint.encoder.marker_ids(header.markers), strict=True):
            state = behind(state, marker, ids)

    def _headers(
        self, requests: Sequence[GenerationRequest], temperature: float, seed: int, description: str | None
    ) -> list[MarkerSet]:
        config = replace(self._config, temperature=temperature, top_p=1.0, seed=seed)
        return Generator(self._checkpoint, config, self._accelerator).headers(requests, description)

    def _chosen(self, categories: Iterable[str] | None) -> list[str]:
        wanted = self._taxonomy.names if categories is None else {self._taxonomy.category(c).name for c in categories}
        return sorted(wanted, key=self._taxonomy.index)

    def _read(
        self,
        requests: Sequence[GenerationRequest],
        told: Sequence[WeighedHeader],
        kind: PosteriorKind,
        num_headers: int,
        chosen: Sequence[str],
        description: str | None,
    ) -> list[RequestPosteriors]:
        """One result a request, averaged over its headers."""
        found = [_Mixtures() for _ in requests]
        with tqdm(total=len(told), desc=description, unit="header", disable=description is None, leave=False) as bar:
            for start in range(0, len(told), self._config.batch_size):
                part = told[start : start + self._config.batch_size]
                self._read_batch(requests, part, chosen, found)
                bar.update(len(part))
        return [
            {name: self._posterior(name, request, mixtures, kind, num_headers) for name in chosen}
            for request, mixtures in zip(requests, found, strict=True)
        ]

    def _read_batch(
        self,
        requests: Sequence[GenerationRequest],
        told: Sequence[WeighedHeader],
        chosen: Sequence[str],
        found: Sequence["_Mixtures"],
    ) -> None:
        """Adds to `found` what the model says in the headers `told`."""
        encoder, model = self._checkpoint.encoder, self._checkpoint.model
        markers = list(dict.fromkeys(marker for weighed in told for marker in weighed.header.markers))
        pieces: dict[Marker, list[int]] = dict(zip(markers, encoder.marker_ids(markers), strict=True))
        batch = HeaderBatch(self._taxonomy, self._order, self._grammar, pieces)
        for weighed in told:
            request = requests[weighed.request]
            batch.add(weighed, request, encoder.prompt_ids(request.messages, request.fixed), chosen)
        model.to(device_for(self._accelerator)).eval()  # pyright: ignore[reportArgumentType]
        batch.read(
            read_prefixes(
                model, batch.texts, pad=pad_id(self._checkpoint.tokenizer),
                batch_size=self._config.batch_size, longest=num_positions(model),
            )
        )  # fmt: skip
        for root in batch.roots:
            found[root.request].add(
                root.category, self._shares(root.category, root.tree), root.tree.invalid, root.share
            )

    def _shares(self, name: str, tree: CategoryTree) -> dict[Outcome, float]:
        """Probabilities of the outcomes, tempered if need be."""
        total = sum(tree.shares.values())
        if total <= 0:
            return {Outside.NOT_WRITTEN: 1.0}  # in shuffled order, a category that does not apply
        shares = {outcome: share / total for outcome, share in tree.shares.items()}
        return shares if self._calibration is None else tempered(shares, self._calibration.temperature(name))

    def _posterior(
        self, name: str, request: GenerationRequest, found: "_Mixtures", kind: PosteriorKind, num_headers: int
    ) -> CategoryPosterior:
        forced = request.forced.value(name)
        shares: Mapping[Outcome, float] = found.shares[name] if forced is None else {forced: 1.0}
        return CategoryPosterior.of(
            name, kind, shares, invalid_mass=found.invalid[name], num_headers=num_headers,
            calibrated=forced is None and self._calibration is not None and name in self._calibration.temperatures,
        )  # fmt: skip


class _Mixtures:
    """Averages in the making: category -> outcome -> share, and category -> invalid mass."""

    def __init__(self) -> None:
        self.shares: dict[str, dict[Outcome, float]] = defaultdict(lambda: defaultdict(float))
        self.invalid: dict[str, float] = defaultdict(float)

    def add(self, name: str, shares: Mapping[Outcome, float], invalid: float, weight: float) -> None:
        """Adds one conditional distribution with its weight."""
        self.invalid[name] += weight * invalid
        for outcome, share in shares.items():
            self.shares[name][outcome] += weight * share


def _counted(name: str, headers: Mapping[MarkerSet, int], num_headers: int) -> CategoryPosterior:
    """What sampled headers hold of a category."""
    found: dict[Outcome, float] = defaultdict(float)
    for header, number in headers.items():
        value = header.value(name)
        found[Outside.NOT_WRITTEN if value is None else value] += number
    return CategoryPosterior.of(name, PosteriorKind.MARGINAL, found, num_headers=num_headers)

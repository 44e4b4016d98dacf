"""`Bar`: how far the requests are, what they have cost, and when all will be done."""

from tqdm import tqdm

from treasure.llm.records import Records


class Bar:
    """Shows requests done, what they cost and when they will all be done; only on a terminal."""

    def __init__(self, records: Records) -> None:
        self._records, self._bar = records, tqdm(total=0, desc="llm", unit="request", disable=None)
        self._num_expected, self._num_examples = 0, 0

    def expect(self, num_requests: int) -> None:
        """So many more are to come."""
        self._num_expected += num_requests
        self._bar.total = max(self._bar.total or 0, self._num_expected)
        self._bar.refresh()

    def advance(self, num_requests: int) -> None:
        """So many more have an outcome."""
        if not self._bar.disable:
            self._bar.set_postfix_str(f"spent {self._records.spent():.4f}", refresh=False)
        self._bar.update(num_requests)

    def block_done(self, num_examples: int, num_in_all: int | None) -> None:
        """Learns how many requests an example takes, and so how many are to come."""
        self._num_examples += num_examples
        if num_in_all and self._num_examples:
            self._bar.total = round(self._num_expected * max(1.0, num_in_all / self._num_examples))
            self._bar.refresh()

    def close(self) -> None:
        """Leaves the bar as it is."""
        self._bar.close()

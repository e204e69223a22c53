"""A way to the gateway that breaks at a request of the test's choice, and stays broken."""

from __future__ import annotations

from tests.fault_proxy import Fault, FaultProxy


class Passage(FaultProxy):
    """Counts requests; from the `broken_from`-th on none is answered."""

    def __init__(self, upstream_port: int, seed: int = 0) -> None:
        super().__init__(upstream_port, seed)
        self.passed = 0
        self.broken_from: int | None = None
        self.breaks_after = False
        """The first request that is not answered still reaches the server."""

    def break_from(self, request: int, *, after: bool) -> None:
        self.passed, self.broken_from, self.breaks_after = 0, request, after

    def mend(self) -> None:
        self.passed, self.broken_from = 0, None
        self.heal()

    def choose(self, method: str) -> Fault | None:
        if self.broken_from is None:
            return super().choose(method)
        at, self.passed = self.passed, self.passed + 1
        if at < self.broken_from:
            return None
        return Fault.CUT_AFTER if self.breaks_after and at == self.broken_from else Fault.CUT_BEFORE

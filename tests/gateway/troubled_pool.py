"""A Pool whose server is in trouble for as long as a test says."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import cast

from projections.transactions import Connection


class TroubledPool:
    def __init__(self) -> None:
        self.trouble: Exception | None = None
        self.asked = 0

    @contextmanager
    def connection(self, timeout: float | None = None) -> Generator[Connection]:
        self.asked += 1
        if self.trouble is not None:
            raise self.trouble
        yield cast("Connection", None)

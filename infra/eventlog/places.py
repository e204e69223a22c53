"""Where aggregates' messages stand, as far as this process knows: it saves a read before each append.

Promises: a place that was forgotten or is out of date costs a read or a lost race, never a wrong append.
"""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock
from typing import NamedTuple

from infra.eventlog.message import FIRST

PLACES_MAX = 20_000
"""About 6 MB."""


class Place(NamedTuple):
    """Where the message stands that ends with some version of an aggregate."""

    sequence: int
    digest: bytes


NOWHERE = Place(0, FIRST)


class Places:
    """(aggregate, version) -> Place, for the versions that folds and appends ask for; bounded."""

    def __init__(self) -> None:
        self._known: OrderedDict[tuple[str, int], Place] = OrderedDict()
        self._lock = Lock()

    def get(self, aggregate: str, version: int) -> Place | None:
        with self._lock:
            return self._known.get((aggregate, version))

    def put(self, aggregate: str, version: int, place: Place) -> None:
        with self._lock:
            self._known[aggregate, version] = place
            self._known.move_to_end((aggregate, version))
            if len(self._known) > PLACES_MAX:
                self._known.popitem(last=False)

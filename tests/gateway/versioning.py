"""A process's registry over a log in memory, and the file, backup and read model that a test takes away."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

from domain.api_registry.commands import RegistryCommand
from domain.api_registry.decider import DECIDER, REGISTRY_ID
from domain.api_registry.declared import Declared
from domain.api_registry.registry import Registry
from domain.decider import Context
from domain.errors import RegistryFileError, UnavailableError
from domain.event import Event
from gateway.versions.file import written
from gateway.versions.metadata import Metadata
from gateway.versions.registry import Versions
from gateway.versions.telling import Teller, VersionMeasures
from gateway.versions.wishes import Wishes
from tests.domain.registries import STD
from tests.gateway.reading import FoldedReading
from tests.gateway.signalling import Board

OPERATOR = Context("ada", "an operator")


class Sheet:
    """An operator's file that is in a test's hand."""

    name = "api-versions.yaml"

    def __init__(self, what: Declared | str | None) -> None:
        self._text: str | None = None
        self._writes = 0
        self.write(what)

    def write(self, what: Declared | str | None) -> None:
        """None takes it away."""
        self._text = written(what) if isinstance(what, Declared) else what
        self._writes += 1

    def stamp(self) -> str:
        return "" if self._text is None else str(self._writes)

    def text(self) -> str:
        if self._text is None:
            raise RegistryFileError(problem="it is not there")
        return self._text


@dataclass
class Drawer:
    """A backup in memory; every write is remembered."""

    kept: list[str] = field(default_factory=list)
    is_away: bool = False

    def read(self) -> str:
        if self.is_away or not self.kept:
            raise UnavailableError(dependency="the drawer")
        return self.kept[-1]

    def write(self, text: str) -> None:
        if self.is_away:
            raise UnavailableError(dependency="the drawer")
        self.kept.append(text)


class Shelf:
    """The read model, which may be away or behind."""

    def __init__(self, board: Board) -> None:
        self._board = board
        self.is_away = False
        self.asked = 0
        self.reading = FoldedReading(board.opened.feed)

    def __call__(self) -> Metadata:
        self.asked += 1
        if self.is_away:
            raise UnavailableError(dependency="PostgreSQL")
        return self.reading.versions()


class Process:
    """One gateway process, as far as versions go; several may stand on one board."""

    def __init__(self, sheet: Sheet | None = None, board: Board | None = None) -> None:
        self.board = board or Board()
        self.sheet = sheet or Sheet(STD)
        self.backup = Drawer()
        self.shelf = Shelf(self.board)
        board_measures = Board().metrics.registry  # of its own: a name is counted once a collection
        self.measures = VersionMeasures(board_measures)
        self.collection = board_measures
        self.teller = Teller(self.measures, self.board.signals)
        self.wishes = Wishes(self.sheet, self.board.log, self.board.clock, self.teller)
        self.versions = Versions(
            self.board.log,
            self.board.clock,
            self.wishes,
            self.shelf,
            self.backup,
            self.teller,
            self.board.signals,
        )

    def started(self) -> Process:
        self.versions.start()
        return self

    def pass_ms(self, milliseconds: int) -> None:
        self.board.clock.advance(timedelta(milliseconds=milliseconds))

    def decide(self, command: RegistryCommand) -> None:
        self.board.opened.events.ask(DECIDER.ask(REGISTRY_ID, command), context=OPERATOR)

    @property
    def registry(self) -> Registry:
        """As the log has it."""
        return self.board.opened.events.load(DECIDER, REGISTRY_ID).state

    def events(self) -> list[Event]:
        """The registry's, in the log."""
        recorded = self.board.recorded()
        return [each.event for each in recorded if each.aggregate == DECIDER.at(REGISTRY_ID)]

    def names(self) -> list[str]:
        return [type(event).__name__ for event in self.events()]

    def count(self, metric: str, **labels: str) -> float:
        return self.collection.get_sample_value(metric, labels) or 0

"""Writers of one session against a model of each file: a number that grows and one writer (S2.1)."""

from __future__ import annotations

from functools import reduce

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from domain.errors import (
    UploadFencedError,
    UploadLengthMismatchError,
    UploadOffsetMismatchError,
)
from domain.ids import FilePath
from domain.session import decider as session
from domain.session.commands import (
    CompleteUpload,
    InterruptUpload,
    ProgressUpload,
    RecordRecipe,
    Session,
    SessionCommand,
    StartSession,
    StartUpload,
)
from tests.domain.examples import ADA, FILM, SESSION, named

LENGTH_BYTES = 100
path = st.sampled_from([FilePath("a"), FilePath("b")])
offsets = st.integers(0, LENGTH_BYTES)


class WritersMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.session = Session()
        self.offsets: dict[FilePath, int] = {}
        self.writers: dict[FilePath, list[int]] = {}
        self.recipes: set[bytes] = set()

    def ask(self, command: SessionCommand) -> bool:
        try:
            events = session.DECIDER.decide(self.session, command)
        except (UploadFencedError, UploadLengthMismatchError, UploadOffsetMismatchError):
            return False
        self.session = reduce(session.DECIDER.evolve, events, self.session)
        return True

    @initialize()
    def start(self) -> None:
        assert self.ask(StartSession(SESSION, FILM, ADA, ""))

    @rule(where=path, offset=offsets, resumes=st.booleans())
    def begin(self, where: FilePath, offset: int, resumes: bool) -> None:
        confirmed = self.offsets.get(where, 0)
        given = confirmed if resumes else offset
        assert self.ask(StartUpload(where, LENGTH_BYTES, given)) == (given == confirmed)
        if given == confirmed:
            self.offsets.setdefault(where, 0)
            self.writers.setdefault(where, []).append(self.session.version)

    @precondition(lambda self: self.writers)
    @rule(data=st.data(), sizes=st.lists(st.integers(1, 40), max_size=3))
    def write(self, data: st.DataObject, sizes: list[int]) -> None:
        where = data.draw(st.sampled_from(sorted(self.writers)))
        writer = data.draw(st.sampled_from(self.writers[where]))
        lands = writer == self.writers[where][-1] and self.offsets[where] + sum(sizes) <= LENGTH_BYTES
        chunks = b"".join(named(str(size)) for size in sizes)
        assert self.ask(ProgressUpload(where, writer, chunks, tuple(sizes))) == lands
        self.offsets[where] += sum(sizes) if lands else 0

    @precondition(lambda self: self.writers)
    @rule(data=st.data())
    def leave_or_complete(self, data: st.DataObject) -> None:
        where = data.draw(st.sampled_from(sorted(self.writers)))
        writer = data.draw(st.sampled_from(self.writers[where]))
        newest = writer == self.writers[where][-1]
        assert self.ask(InterruptUpload(where, writer)) == newest
        complete = newest and self.offsets[where] == LENGTH_BYTES
        assert self.ask(CompleteUpload(where, writer, named(where))) == complete

    @rule(name=st.integers(0, 3))
    def record(self, name: int) -> None:
        assert self.ask(RecordRecipe(named(str(name)), 1, 0, 1, b""))
        self.recipes.add(named(str(name)))

    @invariant()
    def offsets_stand_where_the_newest_writers_left_them(self) -> None:
        told = {where: file.offset_bytes for where, file in self.session.files.items()}
        assert told == self.offsets

    @invariant()
    def a_writers_token_is_the_version_of_its_own_event(self) -> None:
        told = {where: file.writer for where, file in self.session.files.items()}
        assert told == {where: writers[-1] for where, writers in self.writers.items()}
        every = [writer for writers in self.writers.values() for writer in writers]
        assert len(every) == len(set(every))

    @invariant()
    def recorded_is_what_was_recorded(self) -> None:
        assert {name for name, _ in self.session.recorded} == self.recipes


TestWriters = WritersMachine.TestCase

"""The columns of one track while they grow, run by run, behind what moov told of it.

Promises: samples of one size stay a number and not a column as long as they are; the budget is asked before
anything grows; a gap in decoding time lengthens the sample before it, as a decoder would.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field
from itertools import groupby, repeat
from operator import add

from ..errors import FormatError
from .boxes import LIMITS
from .movie import Samples, Spell
from .tables import Reading

DURATION, SIZE, FLAGS, SHIFT = 0x100, 0x200, 0x400, 0x800
"""The fields of each sample that a trun may have, in their order; its flags say which."""
NOT_SYNC = 0x0101_0000
"""A sample's flags if decoding cannot begin at it: marked so, or it depends on others."""


@dataclass(frozen=True, slots=True)
class Defaults:
    duration: int = 0
    size_bytes: int = 0
    flags: int = 0


@dataclass(frozen=True, slots=True)
class Run:
    """One trun: columns that it has, defaults for the rest."""

    count: int
    columns: dict[int, array[int]]
    defaults: Defaults
    first_flags: int | None

    @property
    def size_bytes(self) -> int:
        sizes = self.columns.get(SIZE)
        return self.count * self.defaults.size_bytes if sizes is None else sum(sizes)


@dataclass(slots=True)
class Growing:
    """The columns of one track, while fragments come."""

    reading: Reading
    count: int = 0
    uniform_bytes: int = 0
    sizes: array[int] = field(default_factory=lambda: array("I"))
    offsets: array[int] = field(default_factory=lambda: array("Q"))
    counts: array[int] = field(default_factory=lambda: array("I"))
    durations: list[Spell] = field(default_factory=list[Spell])
    shifts: list[Spell] = field(default_factory=list[Spell])
    sync: array[int] | None = None
    time: int = 0
    """Where the next sample is decoded."""
    begins_at: int = 0

    @classmethod
    def after(cls, samples: Samples, reading: Reading) -> Growing:
        growing = cls(reading, samples.count, samples.uniform_bytes, samples.sizes, samples.chunk_offsets)
        growing.counts, growing.sync, growing.time = samples.chunk_counts, samples.sync, samples.duration
        growing.durations = list(samples.durations) or growing.untold()
        growing.shifts = list(samples.shifts) or growing.untold()
        return growing

    def untold(self) -> list[Spell]:
        """What a table that is not there says of the samples so far."""
        return [Spell(self.count, 0)] if self.count else []

    def begin(self, decoded_at: int) -> bool:
        """A fragment's first sample is decoded then; is that no step back?"""
        step = decoded_at - self.time
        self.time = decoded_at
        if not self.durations:
            self.begins_at = decoded_at
        elif step:
            last = self.durations.pop()
            self._lengthen(self.durations, last.count - 1, last.value)
            self._lengthen(self.durations, 1, max(0, last.value + step))
            return last.value + step >= 0
        return True

    def add(self, run: Run, offset: int) -> None:
        self.reading.budget.take("chunks of samples", 1)
        self._add_sizes(run)
        self._add_sync(run)
        self._add_spells(self.durations, run, DURATION, run.defaults.duration)
        self._add_spells(self.shifts, run, SHIFT, 0)
        durations = run.columns.get(DURATION)
        self.time += run.count * run.defaults.duration if durations is None else sum(durations)
        self.count += run.count
        self.offsets.append(offset)
        self.counts.append(run.count)

    def grown(self) -> Samples:
        shifts = tuple(self.shifts) if any(spell.value for spell in self.shifts) else ()
        return Samples(
            self.count,
            self.uniform_bytes,
            self.sizes,
            self.offsets,
            self.counts,
            tuple(self.durations),
            shifts,
            self.sync,
            self.begins_at,
        )

    def _add_sizes(self, run: Run) -> None:
        sizes, size_bytes = run.columns.get(SIZE), run.defaults.size_bytes
        if sizes is None and size_bytes and self.uniform_bytes in (0, size_bytes) and not self.sizes:
            self.uniform_bytes = size_bytes
            return
        if self.uniform_bytes:
            self.reading.budget.take("samples", self.count)
            self.reading.budget.take("samples that are nowhere listed", self.count)
            self.sizes, self.uniform_bytes = array("I", [self.uniform_bytes]) * self.count, 0
        self.reading.budget.take("samples", run.count)
        if sizes is None:
            self.reading.budget.take("samples that are nowhere listed", run.count)
        self.sizes.extend(array("I", [size_bytes]) * run.count if sizes is None else sizes)

    def _add_sync(self, run: Run) -> None:
        flags = run.columns.get(FLAGS)
        rest = not run.defaults.flags & NOT_SYNC
        first = rest if run.first_flags is None else not run.first_flags & NOT_SYNC
        if flags is None:
            self._mark(range(0 if first else 1, run.count) if rest else range(int(first)), run)
            return
        if run.first_flags is not None:
            flags[0] = run.first_flags
        self._mark(array("I", (i for i, flag in enumerate(flags) if not flag & NOT_SYNC)), run)

    def _mark(self, places: array[int] | range, run: Run) -> None:
        """Decoding can begin at these samples of the run."""
        if self.sync is None and len(places) == run.count:
            return
        if self.count + run.count > LIMITS["samples"]:
            raise FormatError(reason="a movie marks too many samples that decoding can begin at")
        before = self.count if self.sync is None else 0
        self.reading.budget.take("sync samples", before + len(places))
        listed = 0 if isinstance(places, range) else len(places)
        self.reading.budget.take("samples that are nowhere listed", before + len(places) - listed)
        if self.sync is None:
            self.sync = array("I", range(self.count))
        self.sync.extend(map(add, places, repeat(self.count)))

    def _add_spells(self, spells: list[Spell], run: Run, kind: int, default: int) -> None:
        values = run.columns.get(kind)
        if values is None:
            self._lengthen(spells, run.count, default)
            return
        for value, group in groupby(values):
            self._lengthen(spells, sum(1 for _ in group), value)

    def _lengthen(self, spells: list[Spell], count: int, value: int) -> None:
        if count == 0:
            return
        if spells and spells[-1].value == value:
            spells[-1] = Spell(spells[-1].count + count, value)
            return
        self.reading.budget.take("spells", 1)
        spells.append(self.reading.spell(count, value))

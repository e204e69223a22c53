"""Sample tables (stts, ctts, stss, stsc, stsz, stz2, stco, co64, elst) as columns.

Promises: a table is read only as far as its box goes and the movie's budget allows; what contradicts itself
is an issue, and the columns that come out agree all the same: as many places as sizes, as many times as
samples. Columns are read and turned at the speed of memory, never sample by sample: seed S4.1.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import accumulate, chain, islice, repeat
from operator import add, ge, sub
from typing import Literal

from .boxes import Budget, Node, content_of, mismatch
from .entries import PCM_BYTES, Packing
from .movie import Box, Edit, Issue, Samples, Severity, Spell
from .source import Source

IS_LITTLE = array("H", [1]).tobytes()[0] == 1
SLICE = 65_536
"""Table entries looked at at once, where looking takes more memory than the table."""
TRACK_EDITS_MAX = 10_000
ISSUES_MAX = 100
"""Of each severity."""
NOT_A_NUMBER_MAX = 2**32 - 1
Form = Literal["H", "I", "i", "Q", "q"]


@dataclass(slots=True)
class Reading:
    """What the readers of one movie share: where it lies, what it may still take, what was found."""

    source: Source
    budget: Budget = field(default_factory=Budget)
    issues: list[Issue] = field(default_factory=list[Issue])
    spells: dict[tuple[int, int], Spell] = field(default_factory=dict[tuple[int, int], Spell])

    def found(self, message: str, severity: Severity = "error") -> None:
        """Kept, unless there are enough of its severity: what follows says no more."""
        if sum(issue.severity == severity for issue in self.issues) < ISSUES_MAX:
            self.issues.append(Issue(severity, message))

    def check(self, box: Box) -> None:
        """Is it as long as it says?"""
        if box.declared_bytes != box.actual_bytes:
            self.found(mismatch(box))

    def spell(self, count: int, value: int) -> Spell:
        """Equal ones are one."""
        known = self.spells.get((count, value))
        if known is None:
            self.budget.take("different spells", 1)
            known = self.spells[count, value] = Spell(count, value)
        return known


@dataclass(frozen=True, slots=True)
class Table:
    """A table's head and where its rows are; `count` of them are there."""

    node: Node
    head: bytes
    count: int

    @property
    def version(self) -> int:
        return self.head[0]

    def number(self, at: int) -> int:
        return int.from_bytes(self.head[at : at + 4], "big")


def column(form: Form, raw: bytes) -> array[int]:
    """Big-endian numbers; a piece of one at the end is left out."""
    numbers = array(form)
    numbers.frombytes(raw[: len(raw) - len(raw) % numbers.itemsize])
    if IS_LITTLE:
        numbers.byteswap()
    return numbers


class TrackTables:
    """The tables of one track. Methods raise FormatError where a limit is passed."""

    def __init__(self, reading: Reading, track_id: int, stbl: Node) -> None:
        self._reading = reading
        self._name = f"Track {track_id}"
        self._stbl = stbl

    def samples(self, packing: Packing | None, codec: str) -> Samples:
        uniform, count, sizes = self._sizes()
        offsets = self._offsets()
        counts = self._counts(len(offsets))
        placed = sum(counts)
        if placed != count:
            self._found(f"{count} samples have a size, {placed} have a place")
            count = min(placed, count)
            counts = _first_of(counts, count)
            del sizes[count:]
        del offsets[len(counts) :]
        durations, shifts = self._spells("stts", "I", count), self._spells("ctts", "i", count)
        samples = Samples(count, uniform, sizes, offsets, counts, durations, shifts, self._sync(count))
        if packing and uniform and (uniform == 1 or codec in PCM_BYTES):
            return _packed(samples, packing)
        return samples

    def _found(self, message: str, severity: Severity = "error") -> None:
        self._reading.found(f"{self._name}: {message}", severity)

    def _table(self, kind: str, row_bits: int, head_bytes: int = 8) -> Table | None:
        """Its head; the number of rows is the head's last."""
        node = self._stbl.find(kind)
        if node is None:
            return None
        head = content_of(self._reading.source, node.box, head_bytes)
        if len(head) < head_bytes:
            self._found(f"{kind} has no room for its head")
            return None
        claimed = int.from_bytes(head[-4:], "big")
        room = (node.box.end - node.box.content_offset - head_bytes) * 8
        fitting = min(claimed, room // row_bits) if row_bits else claimed
        if fitting != claimed:
            self._found(f"{kind} claims {claimed} entries, {fitting} fit in its box")
        return Table(node, head, fitting)

    def _rows(self, table: Table, size_bytes: int) -> bytes:
        return content_of(self._reading.source, table.node.box, size_bytes, len(table.head))

    def _sizes(self) -> tuple[int, int, array[int]]:
        """(size of all, count, sizes)."""
        compact = self._stbl.find("stz2") if self._stbl.find("stsz") is None else None
        if compact is not None:
            return self._compact_sizes()
        whole = self._stbl.find("stsz")
        head = content_of(self._reading.source, whole.box, 12) if whole else b""
        uniform = int.from_bytes(head[4:8], "big")
        table = self._table("stsz", 0 if uniform else 32, 12)
        if table is None:
            return 0, 0, array("I")
        if uniform:
            return uniform, table.count, array("I")
        self._reading.budget.take("samples", table.count)
        return 0, table.count, column("I", self._rows(table, table.count * 4))

    def _compact_sizes(self) -> tuple[int, int, array[int]]:
        head = self._table("stz2", 0, 12)
        bits = head.number(4) & 0xFF if head else 0
        if bits not in (4, 8, 16):
            self._found(f"stz2 has fields of {bits} bits")
            return 0, 0, array("I")
        table = self._table("stz2", bits, 12)
        if table is None:
            return 0, 0, array("I")
        self._reading.budget.take("samples", table.count)
        raw = self._rows(table, (table.count * bits + 7) // 8)
        if bits == 4:
            numbers: Iterable[int] = chain.from_iterable((byte >> 4, byte & 15) for byte in raw)
        else:
            numbers = raw if bits == 8 else column("H", raw)
        return 0, table.count, array("I", islice(numbers, table.count))

    def _offsets(self) -> array[int]:
        is_wide = self._stbl.find("stco") is None
        kind, form, width = ("co64", "Q", 8) if is_wide else ("stco", "I", 4)
        table = self._table(kind, width * 8)
        if table is None:
            return array("Q")
        self._reading.budget.take("chunks of samples", table.count)
        numbers = column("Q" if form == "Q" else "I", self._rows(table, table.count * width))
        return numbers if is_wide else array("Q", numbers)

    def _counts(self, chunks: int) -> array[int]:
        """How many samples each chunk has."""
        table = self._table("stsc", 96)
        if table is None or chunks == 0:
            return array("I")
        self._reading.budget.take("runs of chunks", table.count)
        rows = column("I", self._rows(table, table.count * 12))
        firsts, each = rows[0::3], rows[1::3]
        if len(firsts) == 0 or firsts[0] != 1 or any(map(ge, firsts, islice(firsts, 1, None))):
            self._found("stsc does not ascend from the first chunk")
            return array("I")
        firsts.append(max(NOT_A_NUMBER_MAX, firsts[-1]))
        spans = map(sub, islice(firsts, 1, None), firsts)
        return array("I", islice(chain.from_iterable(map(repeat, each, spans)), chunks))

    def _spells(
        self, kind: Literal["stts", "ctts"], form: Literal["I", "i"], count: int
    ) -> tuple[Spell, ...]:
        """As many as there are samples; without shifts if there is none but 0."""
        table = self._table(kind, 64)
        if table is None:
            if kind == "stts" and count:
                self._found("it has no stts", "warning")
            return ()
        self._reading.budget.take("spells", table.count)
        raw = self._rows(table, table.count * 8)
        counts, values = column("I", raw)[0::2], column(form, raw)[1::2]
        told = sum(counts)
        spells = self._told_once(counts, values)
        if told != count:
            self._found(f"{kind} tells of {told} samples, there are {count}", "warning")
            spells = tuple(_fitted(spells, count, spells[-1].value if spells and kind == "stts" else 0))
        return () if kind == "ctts" and not any(values) else spells

    def _told_once(self, counts: array[int], values: array[int]) -> tuple[Spell, ...]:
        """Equal spells are one object: a table of a million takes a pointer an entry."""
        for at in range(0, len(counts), SLICE):
            pairs = set(zip(counts[at : at + SLICE], values[at : at + SLICE], strict=True))
            for pair in pairs.difference(self._reading.spells):
                self._reading.spell(*pair)
        whole = tuple(map(self._reading.spells.__getitem__, zip(counts, values, strict=True)))
        return whole if all(counts) else tuple(spell for spell in whole if spell.count)

    def _sync(self, count: int) -> array[int] | None:
        table = self._table("stss", 32)
        if table is None:
            return None
        self._reading.budget.take("sync samples", table.count)
        numbers = column("I", self._rows(table, table.count * 4))
        if any(map(ge, numbers, islice(numbers, 1, None))) or (
            numbers and not 0 < numbers[0] <= numbers[-1] <= count
        ):
            if not count:
                return array("I")
            self._found("stss does not ascend within its samples")
            self._reading.budget.take("sync samples out of order", len(numbers))
            numbers = array("I", sorted({number for number in numbers if 0 < number <= count}))
        return array("I", map(sub, numbers, repeat(1)))


def read_edits(reading: Reading, trak: Node) -> tuple[Edit, ...]:
    """The edit list, version 0 or 1."""
    node = trak.find("edts", "elst")
    if node is None:
        return ()
    head = content_of(reading.source, node.box, 8)
    is_wide, width = (True, 20) if head[:1] == b"\1" else (False, 12)
    claimed = int.from_bytes(head[4:8], "big")
    raw = content_of(reading.source, node.box, min(claimed, TRACK_EDITS_MAX) * width, 8)
    reading.budget.take("edits", len(raw) // width)
    if len(raw) < claimed * width:
        reading.found(f"elst claims {claimed} entries, {len(raw) // width} are read")
    rows = (raw[at : at + width] for at in range(0, len(raw) - width + 1, width))
    half = 8 if is_wide else 4
    return tuple(
        Edit(
            int.from_bytes(row[:half], "big"),
            int.from_bytes(row[half : 2 * half], "big", signed=True),
            int.from_bytes(row[2 * half :], "big", signed=True),
        )
        for row in rows
    )


def chunk_sizes(samples: Samples) -> array[int]:
    """Bytes of each of the container's chunks."""
    if samples.uniform_bytes:
        return array("Q", (count * samples.uniform_bytes for count in samples.chunk_counts))
    sizes = iter(samples.sizes)
    return array("Q", (sum(islice(sizes, count)) for count in samples.chunk_counts))


def count_outside(samples: Samples, size_bytes: int) -> int:
    """How many samples lie outside a file of that size, wholly or in part."""
    spans = chunk_sizes(samples)
    ends = map(add, samples.chunk_offsets, spans)
    if max(ends, default=0) <= size_bytes:
        return 0
    first, lost = 0, 0
    for offset, count, span in zip(samples.chunk_offsets, samples.chunk_counts, spans, strict=True):
        if offset + span > size_bytes:
            lost += count - count_inside(samples, first, count, size_bytes - offset)
        first += count
    return lost


def count_inside(samples: Samples, first: int, count: int, room_bytes: int) -> int:
    """Of so many samples that begin where there is so much room."""
    if room_bytes <= 0:
        return 0
    if samples.uniform_bytes:
        return room_bytes // samples.uniform_bytes
    return sum(end <= room_bytes for end in accumulate(samples.sizes[first : first + count]))


def _first_of(counts: array[int], total: int) -> array[int]:
    """The chunks that the first so many samples lie in."""
    left = total
    for i, count in enumerate(counts):
        if count >= left:
            return counts[:i] + array("I", [left] if left else [])
        left -= count
    return counts


def _fitted(spells: tuple[Spell, ...], count: int, value: int) -> Iterator[Spell]:
    """Cut to so many samples, or filled up with a spell of this value."""
    left = count
    for spell in spells:
        if left <= 0:
            return
        yield spell if spell.count <= left else Spell(left, spell.value)
        left -= spell.count
    if left > 0:
        yield Spell(left, value)


def _packed(samples: Samples, packing: Packing) -> Samples:
    """Counted in packets, if every chunk has whole ones; else as it was."""
    if any(each % packing.samples for each in samples.chunk_counts):
        return samples
    count = samples.count // packing.samples
    counts = array("I", (each // packing.samples for each in samples.chunk_counts))
    longer = (
        Spell(spell.count // packing.samples, spell.value * packing.samples) for spell in samples.durations
    )
    durations = tuple(_fitted(tuple(spell for spell in longer if spell.count), count, 0))
    return Samples(count, packing.size_bytes, samples.sizes, samples.chunk_offsets, counts, durations)

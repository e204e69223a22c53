"""Fragments (moof, traf, trun): their samples put behind those of moov, track by track.

Promises: defaults are found where the standard looks for them (trun, tfhd, trex), places likewise; what a run
claims and its box does not hold is an issue; the same limits hold as for tables: seed S4.1.
"""

from __future__ import annotations

from array import array
from dataclasses import replace

from .boxes import Node, content_of, tree_of
from .growing import DURATION, FLAGS, SHIFT, SIZE, Defaults, Growing, Run
from .movie import Box, Track
from .tables import Form, Reading, column

BASE_OFFSET, BASE_IS_MOOF = 0x1, 0x20000
TFHD_FIELDS = {BASE_OFFSET: 8, 0x2: 4, 0x8: 4, 0x10: 4, 0x20: 4}
"""Optional fields of tfhd, in their order, and their bytes."""
RUN_FIELDS: dict[int, Form] = {DURATION: "I", SIZE: "I", FLAGS: "I", SHIFT: "i"}
FILE_OFFSET_MAX = 2**63 - 1


class Fragments:
    """Reads all moof boxes of a movie."""

    def __init__(self, reading: Reading, moov: Node, tracks: tuple[Track, ...]) -> None:
        self._reading = reading
        self._tracks = tracks
        self._growing = {track.track_id: Growing.after(track.samples, reading) for track in tracks}
        self._defaults = dict(map(self._trex, mvex.all_of("trex"))) if (mvex := moov.find("mvex")) else {}
        self._strange: set[int] = set()

    def read(self, boxes: tuple[Box, ...]) -> tuple[Track, ...]:
        """The tracks with all their samples. Raises FormatError beyond the limits."""
        for box in boxes:
            if box.kind == "moof":
                self._moof(tree_of(self._reading.source, box, self._reading.budget))
        return tuple(replace(track, samples=self._growing[track.track_id].grown()) for track in self._tracks)

    def _trex(self, node: Node) -> tuple[int, Defaults]:
        track_id, _, *rest = column("I", content_of(self._reading.source, node.box, 24, 4).ljust(20, b"\0"))[
            :5
        ]
        return track_id, Defaults(*rest)

    def _moof(self, moof: Node) -> None:
        for box in moof.walk():
            if box is not moof.box:
                self._reading.check(box)
        data_at = moof.box.offset
        for traf in moof.all_of("traf"):
            data_at = self._traf(traf, moof.box.offset, data_at)

    def _traf(self, traf: Node, moof_at: int, data_at: int) -> int:
        """Returns where the data of the next one begins, if that says nothing of it."""
        tfhd = traf.find("tfhd")
        raw = content_of(self._reading.source, tfhd.box, 32) if tfhd else b""
        if len(raw) < 8:
            self._reading.found("Parse failed: a fragment names no track")
            return data_at
        flags, track_id = (int(number) for number in column("I", raw[:8]))
        growing = self._growing.get(track_id)
        if growing is None:
            if track_id not in self._strange:
                self._reading.found(f"Parse failed: fragments of track {track_id}, which moov does not have")
            self._strange.add(track_id)
            return data_at
        given = _optional(raw, flags)
        base = given.get(BASE_OFFSET, moof_at if flags & BASE_IS_MOOF else data_at)
        known = self._defaults.get(track_id, Defaults())
        defaults = Defaults(
            given.get(0x8, known.duration), given.get(0x10, known.size_bytes), given.get(0x20, known.flags)
        )
        self._decode_time(traf, growing, track_id)
        return self._runs(traf, growing, defaults, base)

    def _runs(self, traf: Node, growing: Growing, defaults: Defaults, base: int) -> int:
        """Returns where the last one's data ends."""
        at = base
        for trun in traf.all_of("trun"):
            run, data_offset = read_run(self._reading, trun, defaults)
            at = at if data_offset is None else base + data_offset
            if run.count and 0 <= at <= FILE_OFFSET_MAX:
                growing.add(run, at)
            elif run.count:
                self._reading.found("a fragment's data begins outside of any file")
            at += run.size_bytes
        return at

    def _decode_time(self, traf: Node, growing: Growing, track_id: int) -> None:
        tfdt = traf.find("tfdt")
        raw = content_of(self._reading.source, tfdt.box, 12) if tfdt else b""
        width = 8 if raw[:1] == b"\1" else 4
        if len(raw) >= 4 + width and not growing.begin(int.from_bytes(raw[4 : 4 + width], "big")):
            self._reading.found(f"Track {track_id}: fragments overlap in time", "warning")


def read_run(reading: Reading, trun: Node, defaults: Defaults) -> tuple[Run, int | None]:
    """A trun and its data offset, if it gives one."""
    head = content_of(reading.source, trun.box, 16).ljust(16, b"\0")
    flags, claimed = (int(number) for number in column("I", head[:8]))
    skip = 8 + (4 if flags & 0x1 else 0)
    data_offset = int.from_bytes(head[8:12], "big", signed=True) if flags & 0x1 else None
    first_flags = int.from_bytes(head[skip : skip + 4], "big") if flags & 0x4 else None
    skip += 4 if flags & 0x4 else 0
    kinds = [kind for kind in RUN_FIELDS if flags & kind]
    count = claimed
    if kinds:
        count = min(claimed, max(0, trun.box.end - trun.box.content_offset - skip) // (4 * len(kinds)))
        reading.budget.take("samples of fragments", count)
    if count != claimed:
        reading.found(f"trun claims {claimed} samples, {count} fit in its box")
    raw = content_of(reading.source, trun.box, count * 4 * len(kinds), skip)
    return Run(count, _columns(raw, kinds), defaults, first_flags), data_offset


def _columns(raw: bytes, kinds: list[int]) -> dict[int, array[int]]:
    """Rows turned into columns."""
    return {kind: column(RUN_FIELDS[kind], raw)[at :: len(kinds)] for at, kind in enumerate(kinds)}


def _optional(raw: bytes, flags: int) -> dict[int, int]:
    """The optional fields of a tfhd that are there."""
    found: dict[int, int] = {}
    at = 8
    for flag, width in TFHD_FIELDS.items():
        if flags & flag:
            found[flag] = int.from_bytes(raw[at : at + width], "big")
            at += width
    return found

"""Boxes and whole movies as bytes, for tests that must know every byte of what they read.

Promises: what is made is well-formed unless the test asks for a lie; nothing here uses the code it tests.
Samples are given as bytes, so a test can look for them in the file: seed S4.1-S4.4.

    movie(clip())                             one picture track, 10 samples, mdat before moov
    movie(clip(), song(), fast_start=True)    two tracks, interleaved chunk by chunk, moov first
    fragmented(clip(), song())                moov without samples, then moof and mdat in turn
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby, zip_longest
from struct import pack

UNITY = pack(">9i", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)


def box(kind: str, *content: bytes) -> bytes:
    """A box with a 32-bit size."""
    body = b"".join(content)
    return pack(">I", 8 + len(body)) + kind.encode("latin-1") + body


def wide_box(kind: str, *content: bytes) -> bytes:
    """A box whose size takes 64 bits."""
    body = b"".join(content)
    return pack(">I4sQ", 1, kind.encode("latin-1"), 16 + len(body)) + body


def endless_box(kind: str, *content: bytes) -> bytes:
    """A box of size 0: it goes on to the end of the file."""
    return pack(">I4s", 0, kind.encode("latin-1")) + b"".join(content)


def full_box(kind: str, *content: bytes, version: int = 0, flags: int = 0) -> bytes:
    """A box with version and flags before its content."""
    return box(kind, pack(">I", version << 24 | flags), *content)


def claiming(declared_bytes: int, made: bytes) -> bytes:
    """The same box, saying another 32-bit size."""
    return pack(">I", declared_bytes) + made[4:]


def truncated(content: bytes, percent: int) -> bytes:
    return content[: len(content) * percent // 100]


def ftyp(major: str = "isom", *compatible: str) -> bytes:
    return box("ftyp", major.encode(), pack(">I", 512), *(brand.encode() for brand in compatible or (major,)))


@dataclass(frozen=True)
class MadeTrack:
    """What a made movie's track shall be. Times are in the track's timescale."""

    samples: tuple[bytes, ...]
    handler: str = "vide"
    codec: str = "avc1"
    timescale: int = 1000
    durations: tuple[int, ...] = (40,)
    """Of each sample; the last one given holds for the rest."""
    shifts: tuple[int, ...] = ()
    """Composition offset of each sample; none: no ctts. Negative ones make it version 1."""
    sync: tuple[int, ...] | None = None
    """Indices from 0; None: no stss."""
    edits: tuple[tuple[int, int], ...] = ()
    """(duration in the movie's timescale of 1000, media time)."""
    per_chunk: int = 1
    """Samples a chunk."""
    extra: bytes = b""
    """Boxes inside the sample entry: avcC, colr, mdcv, ..."""
    entry: bytes | None = None
    """The whole sample entry, if it shall be another."""
    width: int = 160
    height: int = 90
    channels: int = 2
    sample_rate: int = 48_000
    language: str = "und"
    mdhd_duration: int | None = None
    """If mdhd shall say another one than the samples add up to."""

    @property
    def lengths(self) -> tuple[int, ...]:
        given = self.durations[: len(self.samples)]
        return given + given[-1:] * (len(self.samples) - len(given))

    @property
    def chunks(self) -> tuple[tuple[bytes, ...], ...]:
        step = self.per_chunk
        return tuple(self.samples[i : i + step] for i in range(0, len(self.samples), step))


def clip(count: int = 10, size_bytes: int = 100, mark: bytes = b"V") -> MadeTrack:
    """A picture track; each sample is of its own content, one in five can be begun at."""
    return MadeTrack(marked(mark, count, size_bytes), sync=tuple(range(0, count, 5)))


def song(count: int = 20, size_bytes: int = 30, mark: bytes = b"A") -> MadeTrack:
    """A sound track of the same length as `clip()`, two samples a chunk."""
    return MadeTrack(
        marked(mark, count, size_bytes), "soun", "mp4a", 48_000, durations=(960,), per_chunk=2, language="eng"
    )


def marked(mark: bytes, count: int, size_bytes: int) -> tuple[bytes, ...]:
    """Samples of growing size that tell their track and number."""
    return tuple((mark + b"%06d." % i).ljust(size_bytes + i, mark.lower()) for i in range(count))


def movie(
    *tracks: MadeTrack,
    head: bytes | None = None,
    fast_start: bool = False,
    wide: bool = False,
    tail: bytes = b"",
) -> bytes:
    """A whole movie. `head` stands for ftyp; `wide`: 64-bit mdat size and co64; `tail` is put inside moov."""
    opening = ftyp() if head is None else head
    mdat = (wide_box if wide else box)("mdat", *(b"".join(c) for _, c in _interleaved(tracks)))
    content_at = 16 if wide else 8

    def moov(first: int) -> bytes:
        return _moov(tracks, _offsets(tracks, first), tail, wide=wide)

    if not fast_start:
        return opening + mdat + moov(len(opening) + content_at)
    return opening + moov(len(opening) + len(moov(0)) + content_at) + mdat


def fragmented(
    *tracks: MadeTrack, per_fragment: int = 5, base_is_offset: bool = False, head: bytes | None = None
) -> bytes:
    """Each fragment holds `per_fragment` samples of every track that has some left, one mdat together.

    `base_is_offset`: positions are told by an absolute base-data-offset, not from the moof's start.
    """
    content = (ftyp("iso5") if head is None else head) + _moov(tracks, None, b"", wide=False)
    rounds = max(-(-len(track.samples) // per_fragment) for track in tracks)
    for turn in range(rounds):
        content += _fragment(tracks, turn, per_fragment, len(content) if base_is_offset else None)
    return content


def spelled(values: Iterable[int]) -> list[tuple[int, int]]:
    """(count, value) of equal neighbours."""
    return [(len(list(group)), value) for value, group in groupby(values)]


def table(kind: str, form: str, rows: Sequence[tuple[int, ...]], version: int = 0, flags: int = 0) -> bytes:
    """A full box of a 32-bit count and that many rows."""
    packed = b"".join(pack(">" + form, *row) for row in rows)
    return full_box(kind, pack(">I", len(rows)), packed, version=version, flags=flags)


def sample_entry(track: MadeTrack) -> bytes:
    """The track's entry of stsd, by its handler."""
    if track.entry is not None:
        return track.entry
    start = bytes(6) + pack(">H", 1)
    if track.handler == "vide":
        sized = pack(">HHIIIH", track.width, track.height, 0x480000, 0x480000, 0, 1)
        return box(track.codec, start, bytes(16), sized, bytes(32), pack(">Hh", 24, -1), track.extra)
    if track.handler == "soun":
        heard = pack(">HHHHI", track.channels, 16, 0, 0, track.sample_rate << 16)
        return box(track.codec, start, bytes(8), heard, track.extra)
    return box(track.codec, start, track.extra)


def stbl(track: MadeTrack, offsets: Sequence[int] | None, *, wide: bool = False) -> bytes:
    """The sample tables; with None for offsets, those of a fragmented file: empty."""
    stsd = full_box("stsd", pack(">I", 1), sample_entry(track))
    if offsets is None:
        empty = [table(kind, "I", []) for kind in ("stts", "stsc", "stco")]
        return box("stbl", stsd, *empty, full_box("stsz", bytes(8)))
    parts = [stsd, table("stts", "II", spelled(track.lengths))]
    if track.shifts:
        version = int(min(track.shifts) < 0)
        parts.append(table("ctts", "II" if version == 0 else "Ii", spelled(track.shifts), version))
    if track.sync is not None:
        parts.append(table("stss", "I", [(index + 1,) for index in track.sync]))
    parts.append(table("stsc", "III", _stsc(track)))
    sizes = b"".join(pack(">I", len(sample)) for sample in track.samples)
    parts.append(full_box("stsz", pack(">II", 0, len(track.samples)), sizes))
    parts.append(table("co64" if wide else "stco", "Q" if wide else "I", [(offset,) for offset in offsets]))
    return box("stbl", *parts)


def trak(number: int, track: MadeTrack, tables: bytes) -> bytes:
    """The track box around its sample tables."""
    length = sum(track.lengths) if track.mdhd_duration is None else track.mdhd_duration
    letters = 0
    for letter in track.language:
        letters = letters << 5 | ord(letter) - 0x60
    shown = length * 1000 // track.timescale
    tkhd = full_box("tkhd", pack(">IIIII", 0, 0, number, 0, shown), bytes(16), UNITY, bytes(8), flags=3)
    mdhd = full_box("mdhd", pack(">IIIIHH", 0, 0, track.timescale, length, letters, 0))
    hdlr = full_box("hdlr", bytes(4), track.handler.encode(), bytes(12), b"made\0")
    dref = full_box("dref", pack(">I", 1), full_box("url ", flags=1))
    minf = box("minf", full_box("vmhd", bytes(8), flags=1), box("dinf", dref), tables)
    edts = (
        box("edts", table("elst", "Iii", [(a, b, 0x10000) for a, b in track.edits])) if track.edits else b""
    )
    return box("trak", tkhd, edts, box("mdia", mdhd, hdlr, minf))


def _moov(
    tracks: Sequence[MadeTrack], offsets: Sequence[Sequence[int]] | None, tail: bytes, *, wide: bool
) -> bytes:
    longest = max((sum(track.lengths) * 1000 // track.timescale for track in tracks), default=0)
    mvhd = full_box("mvhd", pack(">IIIIIH", 0, 0, 1000, longest, 0x10000, 0x100), bytes(10), UNITY, bytes(28))
    traks = [
        trak(i + 1, track, stbl(track, offsets[i] if offsets is not None else None, wide=wide))
        for i, track in enumerate(tracks)
    ]
    trexes = [full_box("trex", pack(">IIIII", i + 1, 1, 0, 0, 0)) for i in range(len(tracks))]
    mvex = box("mvex", *trexes) if offsets is None else b""
    return box("moov", mvhd, *traks, mvex, tail)


def _interleaved(tracks: Sequence[MadeTrack]) -> list[tuple[int, tuple[bytes, ...]]]:
    """(track, chunk) as they lie in mdat: one chunk of each track in turn."""
    turns = zip_longest(*(track.chunks for track in tracks))
    return [(i, chunk) for turn in turns for i, chunk in enumerate(turn) if chunk is not None]


def _offsets(tracks: Sequence[MadeTrack], first: int) -> list[list[int]]:
    offsets: list[list[int]] = [[] for _ in tracks]
    at = first
    for i, chunk in _interleaved(tracks):
        offsets[i].append(at)
        at += sum(map(len, chunk))
    return offsets


def _stsc(track: MadeTrack) -> list[tuple[int, int, int]]:
    counts = [len(chunk) for chunk in track.chunks]
    starts = [i for i, count in enumerate(counts) if i == 0 or counts[i - 1] != count]
    return [(i + 1, counts[i], 1) for i in starts]


def _fragment(tracks: Sequence[MadeTrack], turn: int, step: int, base: int | None) -> bytes:
    parts = [
        (
            i,
            replace(
                track, samples=track.samples[turn * step :][:step], durations=track.lengths[turn * step :]
            ),
        )
        for i, track in enumerate(tracks)
        if track.samples[turn * step :]
    ]
    mdat = box("mdat", *(sample for _, part in parts for sample in part.samples))

    def moof(first: int) -> bytes:
        at, trafs = first, []
        for i, part in parts:
            trafs.append(
                _traf(i + 1, part, _Place(turn * step, sum(tracks[i].lengths[: turn * step]), at, base))
            )
            at += sum(map(len, part.samples))
        return box("moof", full_box("mfhd", pack(">I", turn + 1)), *trafs)

    return moof(len(moof(0)) + 8) + mdat


@dataclass(frozen=True)
class _Place:
    first: int
    decoded_at: int
    data_offset: int
    base: int | None


def _traf(number: int, track: MadeTrack, place: _Place) -> bytes:
    based = place.base is not None
    tfhd = full_box(
        "tfhd", pack(">I", number), pack(">Q", place.base) if based else b"", flags=0x1 if based else 0x20000
    )
    tfdt = full_box("tfdt", pack(">Q", place.decoded_at), version=1)
    shifts = track.shifts or (0,) * (place.first + len(track.samples))
    rows = [
        (duration, len(sample), _flags(track, place.first + i), shifts[place.first + i])
        for i, (duration, sample) in enumerate(zip(track.lengths, track.samples, strict=True))
    ]
    packed = b"".join(pack(">IIIi", *row) for row in rows)
    trun = full_box("trun", pack(">Ii", len(rows), place.data_offset), packed, version=1, flags=0xF01)
    return box("traf", tfhd, tfdt, trun)


def _flags(track: MadeTrack, index: int) -> int:
    return 0x2000000 if track.sync is None or index in track.sync else 0x1010000

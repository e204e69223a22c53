"""Reads a movie's boxes: tracks, tables and fragments, and what is wrong with them.

Promises: no decoder, no more memory than the limits of the model allow (under 256 MiB, a few MB for a film,
and for a small file as well, whatever it claims), and no exception but FormatError, where a limit is passed.
Sees what decoders overlook: a file cut short passes them, here its mdat ends beyond the file: seed S4.1.
"""

from __future__ import annotations

from dataclasses import replace

from ..errors import FormatError
from .boxes import Budget, Node, ReadAhead, content_of, tree_of, walk
from .entries import picture_size, sound_entry
from .fragments import Fragments
from .homes import STRUCTURE, Homes
from .movie import ENTRY_BYTES_MAX, Box, Movie, Samples, Severity, Track
from .sample_rate import sample_rate_of
from .shape import TKHD_BYTES, quarter_turns
from .source import Source
from .tables import Reading, TrackTables, count_outside, read_edits
from .trailing import without_trailer

OPENINGS = frozenset({"ftyp", "styp", "moov", "mdat", "moof", "sidx"})
"""A file that begins with one of these is meant as a movie."""
FILLERS = frozenset({"free", "skip", "wide", "pnot", "uuid", "junk", "pict", "prfl", "pdin"})
"""What may lie before it."""
STILLS = frozenset({"heic", "heix", "heim", "heis", "mif1", "avif"})
"""Major brands of pictures in the same boxes (HEIF, AVIF), which have no moov."""
HEAD_BYTES = 64
MACINTOSH_LANGUAGES = ("eng", "fra", "deu", "ita", "nld", "swe", "spa", "dan", "por", "nor", "heb", "jpn")
"""QuickTime's codes 0 to 11; others are rare, and stay `und`."""


def is_media(head: bytes) -> bool:
    """Do the first bytes of a file (HEAD_BYTES, or all it has) look like a movie's?"""
    at = 0
    while len(head) - at >= 8:
        size_bytes = int.from_bytes(head[at : at + 4], "big")
        kind = head[at + 4 : at + 8].decode("latin-1")
        if kind in OPENINGS:
            return size_bytes not in range(2, 8)
        if size_bytes < 8 or at + size_bytes + 8 > len(head):
            return kind in FILLERS and size_bytes not in (0, *range(2, 8))
        at += size_bytes  # a filler, or an opening whose type was hit
    return False


def read_movie(source: Source) -> Movie | None:
    """None: no ISOBMFF or QuickTime movie. Raises FormatError if it is one beyond the limits."""
    ahead = ReadAhead(source)
    if not is_media(ahead.read(0, HEAD_BYTES)):
        return None
    boxes = tuple(walk(ahead))
    kinds = {box.kind for box in boxes}
    reading = Reading(ahead, Budget.of_file(ahead.size_bytes))
    brands = _brands(reading, boxes)
    is_still = "meta" in kinds or not STILLS.isdisjoint(brands[:1])
    if kinds.isdisjoint(OPENINGS) or (is_still and kinds.isdisjoint({"moov", "moof"})):
        return None
    boxes = without_trailer(ahead, boxes)
    _check_top(reading, boxes)
    moov = _tree(reading, boxes)
    if moov is None:
        return Movie(brands, 0, 0, (), "moof" in kinds, boxes, tuple(reading.issues))
    tracks = _tracks(reading, moov)
    is_fragmented = "moof" in kinds or moov.find("mvex") is not None
    if "moof" in kinds:
        tracks = Fragments(reading, moov, tracks).read(boxes)
    _check_places(reading, boxes, tracks)
    timescale, duration = _times(reading, moov.find("mvhd"))
    return Movie(brands, timescale, duration, tracks, is_fragmented, boxes, tuple(reading.issues))


def _check_top(reading: Reading, boxes: tuple[Box, ...]) -> None:
    """The seed's checks, in its order."""
    kinds = {box.kind for box in boxes}
    if "ftyp" not in kinds:
        reading.found("Missing ftyp box")
    if "moov" not in kinds:
        reading.found("Missing moov box")
    if "mdat" not in kinds:
        reading.found("Missing mdat box", "warning")
    for box in boxes:
        reading.check(box)
    left = reading.source.size_bytes - boxes[-1].end
    if left and boxes[-1].declared_bytes == boxes[-1].actual_bytes:
        reading.found(f"{left} bytes follow the last box", "warning")


def _brands(reading: Reading, boxes: tuple[Box, ...]) -> tuple[str, ...]:
    ftyp = next((box for box in boxes if box.kind == "ftyp"), None)
    raw = content_of(reading.source, ftyp, 1024) if ftyp else b""
    words = [raw[at : at + 4].decode("latin-1") for at in range(0, len(raw) - 3, 4)]
    return tuple(words[:1] + words[2:])


def _tree(reading: Reading, boxes: tuple[Box, ...]) -> Node | None:
    """All of moov, if there is one and it can be walked."""
    moov = next((box for box in boxes if box.kind == "moov"), None)
    if moov is None:
        return None
    try:
        tree = tree_of(reading.source, moov, reading.budget)
    except FormatError as error:
        reading.found(f"Parse failed: {error.facts['reason']}")
        return None
    for box in tree.walk():
        if box is not moov:
            reading.check(box)
    return tree


def _tracks(reading: Reading, moov: Node) -> tuple[Track, ...]:
    if moov.find("mvhd") is None:
        is_compressed = moov.find("cmov") is not None
        what = "its movie header is compressed" if is_compressed else "moov has no mvhd"
        reading.found(f"Parse failed: {what}", "warning" if is_compressed else "error")
    nodes = moov.all_of("trak")
    reading.budget.take("tracks", len(nodes))
    tracks = [_track(reading, node, number) for number, node in enumerate(nodes, 1)]
    return tuple(track for track in tracks if track is not None)


def _track(reading: Reading, trak: Node, number: int) -> Track | None:
    mdhd, hdlr, stbl = trak.find("mdia", "mdhd"), trak.find("mdia", "hdlr"), trak.find("mdia", "minf", "stbl")
    tkhd = trak.find("tkhd")
    track_id = _track_id(reading, tkhd) if tkhd else number
    if mdhd is None or hdlr is None or stbl is None or tkhd is None:
        found = {"tkhd": tkhd, "mdhd": mdhd, "hdlr": hdlr, "stbl": stbl}
        missing = ", ".join(kind for kind, node in found.items() if node is None)
        reading.found(f"Parse failed: track {track_id} has no {missing}")
        return None
    handler = content_of(reading.source, hdlr.box, 12)[8:].decode("latin-1")
    timescale, duration = _times(reading, mdhd)
    if timescale == 0:
        reading.found(f"Track {track_id}: its timescale is 0")
    codec, entry = _entry(reading, stbl, track_id)
    width, height = picture_size(entry) if handler == "vide" else (0, 0)
    sound = sound_entry(codec, entry) if handler == "soun" else None
    samples = TrackTables(reading, track_id, stbl).samples(sound.packing if sound else None, codec)
    if _lies_elsewhere(reading, trak, entry):
        reading.found(f"Track {track_id}: its samples lie in another file", "warning")
        samples = Samples()
    track = Track(
        track_id,
        handler,
        timescale,
        duration,
        codec,
        entry,
        width,
        height,
        sound.channels if sound else 0,
        sound.sample_rate if sound else 0,
        _language(reading, mdhd),
        read_edits(reading, trak),
        samples,
        quarter_turns(content_of(reading.source, tkhd.box, TKHD_BYTES)) if handler == "vide" else 0,
    )
    return replace(track, sample_rate=sample_rate_of(track)) if sound else track


def _check_places(reading: Reading, boxes: tuple[Box, ...], tracks: tuple[Track, ...]) -> None:
    mdat = Homes.of(box for box in boxes if box.kind == "mdat")
    possible = Homes.of(box for box in boxes if box.kind not in STRUCTURE)
    for track in tracks:
        samples, name = track.samples, f"Track {track.track_id}"
        lost = count_outside(samples, reading.source.size_bytes)
        if lost:
            reading.found(f"{name}: {lost} of {samples.count} samples lie outside the file")
        elif stray := mdat.count_outside(samples):
            severity: Severity = "error" if possible.count_outside(samples) else "warning"
            reading.found(f"{name}: {stray} of {samples.count} samples lie outside every mdat", severity)


def _track_id(reading: Reading, tkhd: Node) -> int:
    head = content_of(reading.source, tkhd.box, 24)
    at = 20 if head[:1] == b"\1" else 12
    return int.from_bytes(head[at : at + 4], "big")


def _times(reading: Reading, header: Node | None) -> tuple[int, int]:
    """(timescale, duration) of mvhd or mdhd."""
    raw = content_of(reading.source, header.box, 32) if header else b""
    if raw[:1] == b"\1":
        return int.from_bytes(raw[20:24], "big"), int.from_bytes(raw[24:32], "big")
    return int.from_bytes(raw[12:16], "big"), int.from_bytes(raw[16:20], "big")


def _language(reading: Reading, mdhd: Node) -> str:
    """ISO 639-2, three letters of five bits, or QuickTime's number."""
    raw = content_of(reading.source, mdhd.box, 36)
    at = 32 if raw[:1] == b"\1" else 20
    packed = int.from_bytes(raw[at : at + 2], "big")
    if packed < 0x400:
        return MACINTOSH_LANGUAGES[packed] if packed < len(MACINTOSH_LANGUAGES) else "und"
    letters = "".join(chr((packed >> shift & 31) + 0x60) for shift in (10, 5, 0))
    return letters if letters.isascii() and letters.isalpha() and letters.islower() else "und"


def _entry(reading: Reading, stbl: Node, track_id: int) -> tuple[str, bytes]:
    """(codec, the whole first sample entry)."""
    stsd = stbl.find("stsd")
    if stsd is None:
        reading.found(f"Parse failed: track {track_id} has no stsd")
        return "", b""
    head = content_of(reading.source, stsd.box, 8)
    if int.from_bytes(head[4:8], "big") == 0:
        return "", b""
    box = next(walk(reading.source, stsd.box.content_offset + 8, stsd.box.end, stsd.box.depth + 1), None)
    if box is None:
        reading.found(f"Track {track_id}: its sample entry is cut off")
        return "", b""
    reading.check(box)
    if box.actual_bytes > ENTRY_BYTES_MAX:
        reading.found(f"Track {track_id}: its sample entry has {box.actual_bytes} bytes", "warning")
        return box.kind, b""
    return box.kind, reading.source.read(box.offset, box.actual_bytes)


def _lies_elsewhere(reading: Reading, trak: Node, entry: bytes) -> bool:
    """Does the data reference that the entry names say: not in this file?"""
    dref = trak.find("mdia", "minf", "dinf", "dref")
    number = int.from_bytes(entry[14:16], "big")
    if dref is None or number == 0:
        return False
    references = walk(reading.source, dref.box.content_offset + 8, dref.box.end, dref.box.depth + 1)
    for position, box in enumerate(references, 1):
        if position == number:
            return content_of(reading.source, box, 4)[3:] == b"\0"
    return False

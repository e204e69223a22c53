"""Which bytes of a media file belong to which stream: a stream a track, and the skeleton between them.

Promises: the extents cover the file without gap or overlap, whatever the movie says; a movie that cannot be
laid out so, or whose recipe would break a limit, has no layout and is stored opaque. Columns, not lists of
samples: a film of an hour takes a few MB. Issue 4: an edit stores what is new in one track.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from heapq import merge
from itertools import islice, pairwise, repeat

from ..chunking import AUDIO, KIB, MIB, OPAQUE, SKELETON, VIDEO, Profile
from ..recipe import CHUNKS_MAX, RUNS_MAX, STREAMS_MAX, Recipe, Run, Stream
from .movie import Movie, Samples, Track
from .units import GROUP_BYTES, Units, units_of

TRACK_BYTES_MIN = 16 * KIB
"""A smaller track, such as a timecode, is one chunk of the skeleton and needs no stream of its own."""
GAP_BYTES_MAX = 8 * MIB
"""Of skeleton in one place, as the tables of ten hours of film have; more is foreign data, cut opaque."""
PICTURES_MAX = 8
"""Picture tracks; each takes 4 MiB of memory while it is cut, 16 if its samples are out of order."""
RUN_BYTES_MIN = 256
"""On average: a run takes 9 bytes of the recipe."""
PICTURE_HANDLERS = ("vide", "auxv", "pict")

_SKELETON, _FOREIGN, _FIRST_TRACK = 0, 1, 2


@dataclass(frozen=True, slots=True)
class Course:
    """One stream of a file that will be cut."""

    profile: Profile
    size_bytes: int
    units: Units | None = None
    """Of a picture track; they add up to the size. None: cut by FastCDC alone."""

    @property
    def chunks_expected(self) -> int:
        if self.units is None:
            return self.size_bytes // self.profile.avg_bytes + 1
        return sum(self.units.begins) + self.size_bytes // GROUP_BYTES + 1


@dataclass(frozen=True, slots=True)
class Extent:
    stream: int
    offset: int
    size_bytes: int

    @property
    def end(self) -> int:
        return self.offset + self.size_bytes


@dataclass(frozen=True, slots=True)
class Layout:
    """Streams in the order of their first use, and the file as extents of them, as two columns."""

    courses: tuple[Course, ...]
    owners: bytes
    """The stream of each extent; neighbours differ."""
    sizes: array[int]

    def extents(self) -> Iterator[Extent]:
        """In the file's order."""
        offset = 0
        for stream, size_bytes in zip(self.owners, self.sizes, strict=True):
            yield Extent(stream, offset, size_bytes)
            offset += size_bytes

    def recipe(self, rows: Sequence[bytes | bytearray]) -> Recipe:
        """Out of each stream's rows. Raises FormatError if a limit is passed."""
        streams = zip(self.courses, rows, strict=True)
        return Recipe(
            tuple(Stream(course.profile.id, bytes(each)) for course, each in streams),
            tuple(map(Run, self.owners, self.sizes)),
        )


@dataclass(slots=True)
class _Lane:
    """The bytes of a track, in the file's order."""

    profile: Profile
    offsets: array[int] = field(default_factory=lambda: array("Q"))
    sizes: array[int] = field(default_factory=lambda: array("Q"))
    units: Units | None = None

    @property
    def size_bytes(self) -> int:
        return sum(self.sizes)

    def add(self, offset: int, size_bytes: int) -> None:
        if self.offsets and self.offsets[-1] + self.sizes[-1] == offset:
            self.sizes[-1] += size_bytes
        else:
            self.offsets.append(offset)
            self.sizes.append(size_bytes)


def layout_of(movie: Movie, size_bytes: int) -> Layout | None:
    """None: the tables contradict themselves or the file, tracks share bytes, or it is not worth it."""
    lanes, left_bytes = list[_Lane](), size_bytes
    for track in movie.tracks:
        lane = _lane(track, size_bytes, left_bytes)
        if lane is None:
            return None
        if lane.size_bytes >= TRACK_BYTES_MIN:
            left_bytes -= lane.size_bytes
            lanes.append(lane)
    pictures = [lane for lane in lanes if lane.profile is VIDEO]
    others = [lane for lane in lanes if lane.profile is not VIDEO]
    if not lanes or len(pictures) > PICTURES_MAX:
        return None
    return _laid_out([*pictures, *others], size_bytes) or _laid_out([*pictures, _joined(others)], size_bytes)


def _lane(track: Track, size_bytes: int, left_bytes: int) -> _Lane | None:
    """None if the tables contradict themselves or the file, or claim more of it than other tracks leave."""
    samples = track.samples
    if not _is_consistent(samples):
        return None
    lane = _Lane(VIDEO if track.handler in PICTURE_HANDLERS else AUDIO)
    places = zip(samples.chunk_offsets, _chunk_sizes(samples), strict=True)
    is_in_order = all(a <= b for a, b in pairwise(samples.chunk_offsets))
    for offset, extent_bytes in places if is_in_order else sorted(places):
        if offset + extent_bytes > size_bytes:
            return None
        if extent_bytes:
            lane.add(offset, extent_bytes)
    if lane.size_bytes > max(left_bytes, TRACK_BYTES_MIN):
        return None
    if lane.profile is VIDEO and is_in_order:
        lane.units = units_of(samples)
    return lane


def _is_consistent(samples: Samples) -> bool:
    if samples.uniform_bytes == 0 and len(samples.sizes) != samples.count:
        return False
    sync = samples.sync or ()
    return (
        len(samples.chunk_offsets) == len(samples.chunk_counts)
        and sum(samples.chunk_counts) == samples.count
        and all(a < b for a, b in pairwise(sync))
        and all(index < samples.count for index in sync[-1:])
    )


def _chunk_sizes(samples: Samples) -> Iterator[int]:
    if samples.uniform_bytes:
        return (count * samples.uniform_bytes for count in samples.chunk_counts)
    sizes = iter(samples.sizes)
    return (sum(islice(sizes, count)) for count in samples.chunk_counts)


def _joined(lanes: Sequence[_Lane]) -> _Lane:
    """One stream of them all: sound that is interleaved finely then takes fewer runs."""
    whole = _Lane(AUDIO)
    for offset, extent_bytes in merge(*(zip(lane.offsets, lane.sizes, strict=True) for lane in lanes)):
        whole.add(offset, extent_bytes)
    return whole


class _Runs:
    """The file's extents as they are found, from its start on."""

    def __init__(self) -> None:
        self.owners = bytearray()
        self.sizes = array("Q")
        self.end = 0

    def add(self, owner: int, extent_bytes: int) -> None:
        if self.owners and self.owners[-1] == owner:
            self.sizes[-1] += extent_bytes
        else:
            self.owners.append(owner)
            self.sizes.append(extent_bytes)
        self.end += extent_bytes

    def fill(self, offset: int) -> None:
        """Up to there lie no samples."""
        gap_bytes = offset - self.end
        if gap_bytes:
            self.add(_FOREIGN if gap_bytes > GAP_BYTES_MAX else _SKELETON, gap_bytes)


def _laid_out(lanes: Sequence[_Lane], size_bytes: int) -> Layout | None:
    """None if bytes belong to two of them, or if there are too many runs, streams or chunks."""
    if len(lanes) + _FIRST_TRACK > STREAMS_MAX:
        return None
    runs = _Runs()
    places = (
        zip(lane.offsets, lane.sizes, repeat(owner)) for owner, lane in enumerate(lanes, start=_FIRST_TRACK)
    )
    for offset, extent_bytes, owner in merge(*places):
        if offset < runs.end or len(runs.owners) >= RUNS_MAX:
            return None
        runs.fill(offset)
        runs.add(owner, extent_bytes)
    runs.fill(size_bytes)
    if len(runs.owners) > min(RUNS_MAX, size_bytes // RUN_BYTES_MIN):
        return None
    layout = _numbered(runs, lanes)
    is_small = sum(course.chunks_expected for course in layout.courses) <= CHUNKS_MAX // 2
    return layout if is_small else None


def _numbered(runs: _Runs, lanes: Sequence[_Lane]) -> Layout:
    """Streams as runs first use them."""
    totals = [0] * (len(lanes) + _FIRST_TRACK)
    for owner, extent_bytes in zip(runs.owners, runs.sizes, strict=True):
        totals[owner] += extent_bytes
    kinds = [(SKELETON, None), (OPAQUE, None), *((lane.profile, lane.units) for lane in lanes)]
    order = list(dict.fromkeys(runs.owners))
    courses = tuple(Course(kinds[owner][0], totals[owner], kinds[owner][1]) for owner in order)
    numbers = bytes(order.index(owner) if owner in order else 0 for owner in range(256))
    return Layout(courses, bytes(runs.owners).translate(numbers), runs.sizes)

"""A poster frame and a contact sheet of a movie, as JPEG (seed S4: media facts). Runs in the child.

Promises: a bounded number of frames is decoded, whatever the file says; pictures have bounded sides and
bytes, and stand as a player shows them; the same movie gives the same pictures.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import BinaryIO

import av
from av.container import InputContainer
from av.error import FFmpegError
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from domain.ports import NOTHING_PLAYABLE, DrawnPicture, PictureKind, Unplayable
from infra.media.orientation import Orientation, pixel_aspect, turned
from infra.media.remuxing import opened, refusal

POSTER_SIDE_MAX = 640
SHEET_COLUMNS, SHEET_ROWS = 4, 4
TILE_SIDE_MAX = 240
POSTER_PLACES = tuple(Fraction(each, 100) for each in (10, 20, 35, 50, 70))
"""Parts of the whole; the first that is not black is taken."""
FRAMES_PER_PLACE_MAX = 60
"""From the sample that decoding can begin at; of a longer way the last frame reached is taken."""
BLACK_LUMA_MAX = 24
"""Mean of 8-bit luma; black itself is 16 in video range."""
DIM_LUMA = bytes([16]), bytes([128])
QUALITY = "4"
"""Of mjpeg's quantiser, 2 (best) to 31: a sheet of noise has 300 KB."""
JPEG_BYTES_MAX = 2 << 20
PIXELS_MAX = 16384 * 8704
"""16K: a header that claims more is a lie or a bomb."""


def draw(video: BinaryIO) -> tuple[DrawnPicture, ...] | Unplayable:
    """The poster first, then the sheet."""
    try:
        with opened(video) as source:
            if not source.streams.video:
                return Unplayable(NOTHING_PLAYABLE, "it has no picture track")
            reel = _Reel(source, source.streams.video[0])
            poster, tiles = reel.poster(), reel.tiles()
    except FFmpegError as error:
        return refusal(error, "no picture can be decoded")
    if poster is None or not tiles:
        return Unplayable(NOTHING_PLAYABLE, "no picture can be decoded")
    drawn = (_jpeg("poster", poster), _jpeg("sheet", _sheet(tiles)))
    return tuple(each for each in drawn if each is not None)


class _Reel:
    """One picture track, looked at here and there."""

    def __init__(self, source: InputContainer, stream: VideoStream) -> None:
        self._source = source
        self._stream = stream
        stream.thread_type = "NONE"  # frame threads hold a picture each
        self._start = stream.start_time or 0
        ticks = stream.duration or 0
        if not ticks and source.duration and stream.time_base:
            ticks = int(Fraction(source.duration, av.time_base) / stream.time_base)
        self._ticks = ticks
        self._pixel_aspect = pixel_aspect(stream.sample_aspect_ratio)

    def poster(self) -> VideoFrame | None:
        """The first place that is not black, else the brightest."""
        found: tuple[int, VideoFrame] | None = None
        for place in POSTER_PLACES:
            frame = self._frame_at(place)
            if frame is not None:
                luma = _mean_luma(frame)
                if luma > BLACK_LUMA_MAX:
                    return self._shown(frame, POSTER_SIDE_MAX)
                if found is None or luma > found[0]:
                    found = (luma, frame)
        return self._shown(found[1], POSTER_SIDE_MAX) if found is not None else None

    def tiles(self) -> list[VideoFrame]:
        """Evenly over the whole, scaled, so that not all of them are held in full."""
        count = SHEET_COLUMNS * SHEET_ROWS
        places = (Fraction(2 * each + 1, 2 * count) for each in range(count))
        frames = (self._frame_at(place) for place in places)
        return [self._shown(frame, TILE_SIDE_MAX) for frame in frames if frame is not None]

    def _shown(self, frame: VideoFrame, side_max: int) -> VideoFrame:
        """Full-range 4:2:0 within a square of that side, sides even, as a player shows it."""
        width = frame.width * self._pixel_aspect
        longer = max(width, Fraction(frame.height))
        shrink = max(longer / side_max, Fraction(1))
        across, down = (max(2, int(side / shrink) // 2 * 2) for side in (width, frame.height))
        scaled = frame.reformat(width=across, height=down, format="yuvj420p")
        return turned(scaled, Orientation.of(frame))

    def _frame_at(self, place: Fraction) -> VideoFrame | None:
        """The frame shown there; of one that lies far from its beginning an earlier one."""
        wanted = self._start + int(place * self._ticks)
        try:
            self._source.seek(wanted, stream=self._stream, backward=True)
        except FFmpegError:
            return None
        shown: VideoFrame | None = None
        for frame in self._frames():
            if frame.pts is not None and frame.pts > wanted and shown is not None:
                break
            shown = frame
        return shown

    def _frames(self) -> Iterator[VideoFrame]:
        """Until the first that cannot be decoded."""
        frames = self._source.decode(self._stream)
        for _ in range(FRAMES_PER_PLACE_MAX):
            try:
                frame = next(frames, None)
            except FFmpegError:
                return
            if frame is None or frame.width * frame.height > PIXELS_MAX:
                return
            yield frame


def _mean_luma(frame: VideoFrame) -> int:
    small = frame.reformat(width=16, height=16, format="gray")
    plane = small.planes[0]
    rows = bytes(plane)
    luma = [rows[y * plane.line_size + x] for y in range(16) for x in range(16)]
    return sum(luma) // len(luma)


def _sheet(tiles: list[VideoFrame]) -> VideoFrame:
    """Row by row; places without a picture of the first one's size stay dark."""
    width, height = tiles[0].width, tiles[0].height
    sheet = VideoFrame(width * SHEET_COLUMNS, height * SHEET_ROWS, "yuvj420p")
    for number, plane in enumerate(sheet.planes):
        halved = 2 if number else 1
        canvas = bytearray(DIM_LUMA[number > 0] * plane.buffer_size)
        for place, tile in enumerate(tiles):
            if (tile.width, tile.height) != (width, height):
                continue  # the film's size changes within it
            across, down = place % SHEET_COLUMNS, place // SHEET_COLUMNS
            start = down * (height // halved) * plane.line_size + across * (width // halved)
            _lay(tile, number, canvas, start, plane.line_size)
        plane.update(bytes(canvas))
    return sheet


def _lay(tile: VideoFrame, number: int, canvas: bytearray, start: int, line_bytes: int) -> None:
    plane = tile.planes[number]
    content = bytes(plane)
    for row in range(plane.height):
        at, source = start + row * line_bytes, row * plane.line_size
        canvas[at : at + plane.width] = content[source : source + plane.width]


def _jpeg(kind: PictureKind, frame: VideoFrame) -> DrawnPicture | None:
    encoder = av.CodecContext.create("mjpeg", "w")
    assert isinstance(encoder, VideoCodecContext)
    encoder.width, encoder.height, encoder.pix_fmt = frame.width, frame.height, "yuvj420p"
    encoder.time_base = Fraction(1, 25)
    encoder.thread_count = 1
    encoder.options = {"qmin": QUALITY, "qmax": QUALITY, "fflags": "+bitexact"}
    frame.pts = 0
    packets = [*encoder.encode(frame), *encoder.encode(None)]
    content = b"".join(bytes(packet) for packet in packets)
    if not 0 < len(content) <= JPEG_BYTES_MAX:
        return None
    return DrawnPicture(kind, content, frame.width, frame.height)

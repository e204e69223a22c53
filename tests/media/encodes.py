"""Real encodes by PyAV, small and kept for the whole test session.

Promises: the same `Recording` gives the same kind of file each time (one thread, seeded pictures), and a
second ask costs nothing. What a name promises (fast start, several tracks, HDR) was asked of the encoder:
seed S4.1-S4.4.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from math import pi, sin
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

import av
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.video.stream import VideoStream

Options = tuple[tuple[str, str], ...]
FRAGMENTS: Options = (("movflags", "frag_keyframe+empty_moov+default_base_moof"),)
FAST_START: Options = (("movflags", "+faststart"),)
X264: Options = (("preset", "ultrafast"), ("threads", "1"))
HDR10_PARAMS = (
    "log-level=none:pools=1:frame-threads=1:hdr10=1:colorprim=bt2020:transfer=smpte2084:colormatrix=bt2020nc:"
    "master-display=G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,50):max-cll=1000,400"
)
HLG_PARAMS = (
    "log-level=none:pools=1:frame-threads=1:colorprim=bt2020:transfer=arib-std-b67:colormatrix=bt2020nc"
)


@dataclass(frozen=True)
class Picture:
    """One picture track to be encoded."""

    codec: str = "libx264"
    pixels: str = "yuv420p"
    seconds: float = 2.0
    rate: int = 25
    gop: int = 10
    width: int = 160
    height: int = 90
    seed: int = 1
    options: Options = X264
    colour: tuple[int, int, int] | None = None
    """(primaries, transfer, matrix) as H.273 numbers them."""
    vary: bool = False
    """Frames last one or two ticks in turn: a variable frame rate."""
    timecode: str = ""


@dataclass(frozen=True)
class Sound:
    """One sound track to be encoded."""

    codec: str = "aac"
    seconds: float = 2.0
    sample_rate: int = 48_000
    layout: str = "stereo"
    seed: int = 1


@dataclass(frozen=True)
class Recording:
    """A file to be encoded."""

    container: str = "mp4"
    """mp4, mov, matroska, ..."""
    pictures: tuple[Picture, ...] = (Picture(),)
    sounds: tuple[Sound, ...] = (Sound(),)
    options: Options = ()


@lru_cache(maxsize=64)
def encode(wish: Recording) -> bytes:
    with TemporaryDirectory() as folder:  # fast start re-opens what it wrote: it wants a file
        path = Path(folder, "encoded")
        _write(wish, path)
        return path.read_bytes()


def _write(wish: Recording, path: Path) -> None:
    with av.open(str(path), "w", format=wish.container, options=dict(wish.options)) as container:
        pictures = [(_picture_stream(container, picture), picture) for picture in wish.pictures]
        sounds = [(_sound_stream(container, sound), sound) for sound in wish.sounds]
        packets = [packet for stream, picture in pictures for packet in _pictured(stream, picture)]
        packets += [packet for stream, sound in sounds for packet in _heard(stream, sound)]
        timed = (p for p in packets if p.dts is not None)
        for packet in sorted(timed, key=lambda p: (p.dts or 0) * (p.time_base or Fraction(1))):
            container.mux(packet)


def mp4() -> bytes:
    """H.264 with B-frames absent, AAC, moov at the end."""
    return encode(Recording())


def mov() -> bytes:
    """QuickTime: H.264, PCM sound , a timecode track."""
    return encode(Recording("mov", (Picture(timecode="01:00:00:00"),), (Sound("pcm_s16le"),)))


def fast_start() -> bytes:
    return encode(Recording(options=FAST_START))


def fragmented_mp4() -> bytes:
    return encode(Recording(options=FRAGMENTS))


def several_tracks() -> bytes:
    """Two pictures, two sounds."""
    return encode(Recording("mp4", (Picture(), Picture(seed=2, width=128)), (Sound(), Sound(seed=2))))


def prores() -> bytes:
    """QuickTime in ProRes 4444 (ap4h), which is outside the documented set."""
    return encode(Recording("mov", (Picture("prores_ks", "yuv444p10le", 0.4, options=(("profile", "4"),)),)))


def with_b_frames() -> bytes:
    """Composition offsets and an edit list."""
    slow = (
        ("preset", "medium"),
        ("threads", "1"),
        ("x264-params", "bframes=2:b-adapt=0:scenecut=0:keyint=10"),
    )
    return encode(Recording(pictures=(Picture(options=slow),)))


def variable_rate() -> bytes:
    return encode(Recording(pictures=(Picture(vary=True),)))


def all_intra() -> bytes:
    """ProRes in QuickTime, as cameras write it."""
    return encode(
        Recording("mov", (Picture("prores_ks", "yuv422p10le", 1.0, options=()),), (Sound("pcm_s24le", 1.0),))
    )


def hdr10() -> bytes:
    """HEVC by x265, which writes mastering display and light level as SEI messages."""
    return encode(_of_x265(HDR10_PARAMS, (9, 16, 9)))


def hlg() -> bytes:
    return encode(_of_x265(HLG_PARAMS, (9, 18, 9)))


def silent() -> bytes:
    """No sound track."""
    return encode(Recording(sounds=()))


def unequal() -> bytes:
    """Sound half a second longer than the picture."""
    return encode(Recording(sounds=(Sound(seconds=2.5),)))


def _of_x265(params: str, colour: tuple[int, int, int]) -> Recording:
    options = (("preset", "ultrafast"), ("x265-params", params))
    picture = Picture("libx265", "yuv420p10le", 0.4, 25, 5, options=options, colour=colour)
    return Recording("mp4", (picture,), ())


def _picture_stream(container: OutputContainer, wish: Picture) -> VideoStream:
    stream = container.add_stream(wish.codec, rate=wish.rate, options=dict(wish.options))
    assert isinstance(stream, VideoStream)
    stream.width, stream.height, stream.pix_fmt = wish.width, wish.height, wish.pixels
    stream.codec_context.gop_size = wish.gop
    stream.codec_context.time_base = Fraction(1, wish.rate)
    if wish.colour is not None:
        context = stream.codec_context
        context.color_primaries, context.color_trc, context.colorspace = wish.colour
    if wish.timecode:
        stream.metadata["timecode"] = wish.timecode
    return stream


def _sound_stream(container: OutputContainer, wish: Sound) -> AudioStream:
    stream = container.add_stream(wish.codec, rate=wish.sample_rate, layout=wish.layout)
    assert isinstance(stream, AudioStream)
    return stream


def _pictured(stream: VideoStream, wish: Picture) -> list[av.Packet[Any]]:
    random, packets, tick = Random(wish.seed), [], 0
    for i in range(round(wish.seconds * wish.rate)):
        frame = av.VideoFrame(wish.width, wish.height, "yuv420p")
        for plane in frame.planes:
            plane.update(_moving(random, plane.line_size, plane.height, i))
        frame = frame.reformat(format=wish.pixels)
        frame.pts, frame.time_base = tick, Fraction(1, wish.rate)
        tick += 1 + (i % 2 if wish.vary else 0)
        packets += stream.encode(frame)
    return packets + stream.encode(None)


def _moving(random: Random, line_bytes: int, lines: int, at: int) -> bytes:
    """A gradient that wanders, with a noisy block: so frames are neither equal nor all noise."""
    ramp = bytes((x * 2 + at * 3) % 256 for x in range(line_bytes))
    rows = [bytearray(ramp) for _ in range(lines)]
    for row in rows[: lines // 4]:
        row[:16] = random.randbytes(min(16, line_bytes))
    return b"".join(rows)


def _tone(random: Random, count: int) -> bytes:
    """A tone of another height each time."""
    step = 2 * pi * random.randint(200, 2000) / 48_000
    return array("h", (round(9000 * sin(i * step)) for i in range(count))).tobytes()


def _heard(stream: AudioStream, wish: Sound) -> list[av.Packet[Any]]:
    random, packets, at = Random(wish.seed), [], 0
    left = round(wish.seconds * wish.sample_rate)
    shape = stream.codec_context.format.name if stream.codec_context.format else "s16"
    step = stream.codec_context.frame_size or 1024
    while left > 0:
        count = min(step, left)
        frame = av.AudioFrame(format="s16", layout=wish.layout, samples=count)
        frame.planes[0].update(_tone(random, frame.planes[0].buffer_size // 2))
        frame.sample_rate, frame.pts, frame.time_base = wish.sample_rate, at, Fraction(1, wish.sample_rate)
        at, left = at + count, left - count
        resampler = av.AudioResampler(shape, wish.layout, wish.sample_rate)
        for made in resampler.resample(frame):
            made.pts = frame.pts
            packets += stream.encode(made)
    return packets + stream.encode(None)

"""A real film for the demo and the tests: H.264 and AAC in an MP4, encoded here, and an edit of it.

Promises: nothing is faked: libx264 and FFmpeg's AAC encoder make every byte; the same arguments give a film
of the same length and rate. PyAV comes with the development packages only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from av.container import InputContainer, OutputContainer

FRAMES_PER_SECOND = 25
BITS_PER_SECOND = 24_000_000
"""What a camera proxy has; grain and constant bitrate keep the encoder from saving bytes."""
GOP_FRAMES = 50
PICTURE = "testsrc2=size=1280x720:rate={rate}:duration={seconds},noise=alls=24:allf=t:all_seed=1"
SOUND = "anoisesrc=r=48000:a=0.1:d={seconds}:c=pink:s=1"

Progress = Callable[[float], None]
"""Told the share that is done, 0 to 1."""


def make_film(path: Path, *, size_bytes: int, title: str, progress: Progress) -> None:
    """Encode a film of at least `size_bytes`, about 13 MB for each second of encoding on two cores."""
    import av

    seconds = size_bytes * 8 / BITS_PER_SECOND * 1.08 + 1
    with av.open(str(path), "w", options={"movflags": "+faststart"}) as film:
        film.metadata["title"] = title
        _encode(film, seconds, progress)
    assert path.stat().st_size >= size_bytes, path.stat().st_size


def _encode(film: OutputContainer, seconds: float, progress: Progress) -> None:
    import av

    video = film.add_stream("libx264", rate=FRAMES_PER_SECOND)
    video.width, video.height, video.pix_fmt, video.bit_rate = 1280, 720, "yuv420p", BITS_PER_SECOND
    video.options = {
        "preset": "ultrafast",
        "g": str(GOP_FRAMES),
        "x264-params": "nal-hrd=cbr:force-cfr=1",
        "maxrate": str(BITS_PER_SECOND),
        "bufsize": str(BITS_PER_SECOND),
    }
    audio = film.add_stream("aac", rate=48_000)
    audio.bit_rate = 192_000
    picture = av.open(PICTURE.format(rate=FRAMES_PER_SECOND, seconds=seconds), format="lavfi")
    sound = av.open(SOUND.format(seconds=seconds), format="lavfi")
    samples = _timed(sound)
    heard_s = 0.0
    for number, frame in enumerate(picture.decode(video=0), start=1):
        film.mux(video.encode(frame.reformat(format="yuv420p")))
        seen_s = number / FRAMES_PER_SECOND
        while heard_s <= seen_s and (sample := next(samples, None)) is not None:
            film.mux(audio.encode(sample))
            heard_s += sample.samples / 48_000
        progress(min(1.0, seen_s / seconds))
    for sample in samples:
        film.mux(audio.encode(sample))
    film.mux(video.encode(None))
    film.mux(audio.encode(None))


def _timed(sound: InputContainer) -> Iterator[Any]:
    for frame in sound.decode(audio=0):
        frame.pts = None
        yield frame


def edit_film(source: Path, target: Path, *, skip_s: float, title: str) -> None:
    """What an editor does before the first coffee: trim the head, mux anew, change the title."""
    import av

    with av.open(str(source)) as film, av.open(str(target), "w", options={"movflags": "+faststart"}) as cut:
        streams = {stream.index: cut.add_stream_from_template(stream) for stream in film.streams}
        cut.metadata["title"] = title
        starts: dict[int, int] = {}
        keyframe_s: Fraction | None = None
        for packet in film.demux():
            if packet.dts is None or packet.pts is None:
                continue
            assert packet.time_base is not None
            at_s = packet.pts * packet.time_base
            if keyframe_s is None:
                if packet.stream.type != "video" or not packet.is_keyframe or at_s < skip_s:
                    continue
                keyframe_s = at_s
            elif at_s < keyframe_s:
                continue
            first = starts.setdefault(packet.stream.index, int(keyframe_s / packet.time_base))
            packet.pts, packet.dts = packet.pts - first, packet.dts - first
            packet.stream = streams[packet.stream.index]
            cut.mux(packet)

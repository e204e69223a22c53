"""The footage: a film of moving textures and grain, another clip and another sound, encoded here from a seed.

Promises: H.264 with B frames and AAC, at a bitrate that the encoder needs, without filler; the same bytes
each time, on however many processors. Each scene has GOPs of its own length, from 6 frames to 250 (x264's
default), so that some are smaller than a chunk and some larger than the largest. The index lies at the end,
as cameras write it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
from av.audio.frame import AudioFrame
from av.video.frame import PictureType, VideoFrame

FRAMES_PER_SECOND = 25
VIDEO_BITS_PER_SECOND = 22_000_000
AUDIO_BITS_PER_SECOND = 192_000
SAMPLES_PER_SECOND = 48_000
SIZE = (1280, 720)
THREADS = 2
"""What x264 writes depends on it."""
GRAIN = "format=yuv420p,noise=alls=12:allf=t:all_seed={seed}"
SOUND = "anoisesrc=r=48000:a=0.2:d={seconds}:c={colour}:s={seed},tremolo=f=3,aformat=channel_layouts=stereo"
X264: dict[str, object] = {"preset": "ultrafast", "g": "600", "bf": "2", "forced-idr": "1"}
"""No keyframe but those that are asked for."""


@dataclass(frozen=True, slots=True)
class Scene:
    picture: str
    """A source of libavfilter."""
    gop_frames: int
    frames: int = 225


SCENES = (
    Scene("testsrc2=size=1280x720:rate=25,scroll=h=0.002", 12),
    Scene("mandelbrot=size=1280x720:rate=25:maxiter=60:start_scale=0.5:end_scale=0.05", 250),
    Scene("testsrc2=size=1280x720:rate=25,rotate=t/4,hue=h=40*t", 50),
    Scene("life=size=320x180:rate=25:mold=10:seed=3:death_color=#101040,scale=1280x720", 25),
    Scene("perlin=size=320x180:rate=25:octaves=4:random_mode=seed:random_seed=7,scale=1280x720", 125),
    Scene("cellauto=size=320x180:rate=25:seed=5:rule=110,scale=1280x720", 6),
)
OTHER_SCENES = (Scene("zoneplate=size=1280x720:rate=25:precision=10:kt2=20:kx2=1:ky2=1", 25, frames=100),)


@dataclass(frozen=True, slots=True)
class Footage:
    base: Path
    other: Path
    """Another clip from the same camera."""
    sound: Path
    """Another sound for the base."""


def shoot(directory: Path) -> Footage:
    """About 25 seconds of a processor for 160 MB."""
    footage = Footage(directory / "base.mp4", directory / "other.mp4", directory / "sound.mp4")
    _film(footage.base, SCENES, seed=1)
    _film(footage.other, OTHER_SCENES, seed=2)
    make_sound(footage.sound, seconds_of(SCENES), seed=3)
    return footage


def make_sound(path: Path, seconds: Fraction, *, seed: int) -> None:
    with av.open(str(path), "w") as out:
        audio = out.add_stream("aac", rate=SAMPLES_PER_SECOND)
        audio.bit_rate = AUDIO_BITS_PER_SECOND
        for frame in _sound(seconds, "brown", seed=seed):
            out.mux(audio.encode(frame))
        out.mux(audio.encode(None))


def seconds_of(scenes: Sequence[Scene]) -> Fraction:
    return Fraction(sum(scene.frames for scene in scenes), FRAMES_PER_SECOND)


def _film(path: Path, scenes: Sequence[Scene], *, seed: int) -> None:
    with av.open(str(path), "w") as out:
        video = out.add_stream("libx264", rate=FRAMES_PER_SECOND)
        video.width, video.height, video.pix_fmt = *SIZE, "yuv420p"
        video.bit_rate, video.options, video.thread_count = VIDEO_BITS_PER_SECOND, X264, THREADS
        audio = out.add_stream("aac", rate=SAMPLES_PER_SECOND)
        audio.bit_rate = AUDIO_BITS_PER_SECOND
        sounds, heard = _sound(seconds_of(scenes), "pink", seed=seed), 0
        for number, frame in enumerate(_pictures(scenes, seed)):
            out.mux(video.encode(frame))
            while heard * FRAMES_PER_SECOND <= number * SAMPLES_PER_SECOND and (one := next(sounds, None)):
                out.mux(audio.encode(one))
                heard += one.samples
        for one in sounds:
            out.mux(audio.encode(one))
        out.mux(video.encode(None))
        out.mux(audio.encode(None))


def _pictures(scenes: Sequence[Scene], seed: int) -> Iterator[VideoFrame]:
    shown = 0
    for scene in scenes:
        source = f"{scene.picture},{GRAIN.format(seed=seed)},trim=end_frame={scene.frames}"
        with av.open(source, format="lavfi") as pictures:
            for number, frame in enumerate(pictures.decode(video=0)):
                begins = number % scene.gop_frames == 0
                frame.pict_type = PictureType.I if begins else PictureType.NONE
                frame.pts, frame.time_base = shown, Fraction(1, FRAMES_PER_SECOND)
                shown += 1
                yield frame


def _sound(seconds: Fraction, colour: str, *, seed: int) -> Iterator[AudioFrame]:
    source = SOUND.format(seconds=float(seconds), colour=colour, seed=seed)
    with av.open(source, format="lavfi") as sounds:
        for frame in sounds.decode(audio=0):
            frame.pts = None
            yield frame

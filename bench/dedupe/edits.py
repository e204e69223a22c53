"""Nine edits of the base film, as an editor's tools make them: packets are copied, only one edit encodes.

Promises: every cut lies at a keyframe; FFmpeg's muxer writes base and edits, so that their tracks are
interleaved alike, which is to the advantage of tools that cut a file blindly.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from functools import partial
from pathlib import Path

import av
from av.packet import Packet
from av.stream import Stream
from av.video.frame import PictureType
from av.video.stream import VideoStream

from bench.dedupe.film import FRAMES_PER_SECOND, OTHER_SCENES, SCENES, SIZE, THREADS, Footage, seconds_of

TRIMMED_S = Fraction(15 * SCENES[0].gop_frames, FRAMES_PER_SECOND)
END_S = Fraction(1_000_000)
REVIEW_BITS_PER_SECOND = 8_000_000
"""Of the encode for review."""


@dataclass(frozen=True, slots=True)
class Part:
    """Of a clip: from a keyframe to the one where it stops, from start to end unless told otherwise."""

    clip: Path
    start_s: Fraction = Fraction(0)
    stop_s: Fraction = END_S


@dataclass(frozen=True, slots=True)
class Layout:
    """How a file is written."""

    format: str = "mp4"
    options: Mapping[str, str] = field(default_factory=dict[str, str])
    tags: Mapping[str, str] = field(default_factory=dict[str, str])


PLAIN = Layout()
TITLED = Layout(tags={"title": "The second cut, with a title", "comment": "Colour by nobody. " * 12})
FASTSTART = Layout(options={"movflags": "+faststart"})
QUICKTIME = Layout(format="mov")
FRAGMENTED = Layout(options={"movflags": "frag_keyframe+empty_moov+default_base_moof"})
Edit = Callable[[Footage, Path], None]


def trim(footage: Footage, target: Path) -> None:
    """Without its first 7.2 s and its last 9 s."""
    _write(footage, target, _packets(Part(footage.base, TRIMMED_S, seconds_of(SCENES[:5]))))


def title(footage: Footage, target: Path) -> None:
    _write(footage, target, _packets(Part(footage.base)), TITLED)


def faststart(footage: Footage, target: Path) -> None:
    _write(footage, target, _packets(Part(footage.base)), FASTSTART)


def append(footage: Footage, target: Path) -> None:
    whole = Part(footage.base, stop_s=seconds_of(SCENES))
    _write(footage, target, _joined(whole, _other(footage)))


def insert(footage: Footage, target: Path) -> None:
    """The other clip between two scenes."""
    where_s = seconds_of(SCENES[:3])
    before, after = Part(footage.base, stop_s=where_s), Part(footage.base, where_s)
    _write(footage, target, _joined(before, _other(footage), after))


def audio_swap(footage: Footage, target: Path) -> None:
    pictures = (packet for packet in _packets(Part(footage.base)) if packet.stream.type == "video")
    sounds = _packets(Part(footage.sound))
    _write(footage, target, heapq.merge(pictures, sounds, key=_decoded_at_s))


def quicktime(footage: Footage, target: Path) -> None:
    _write(footage, target, _packets(Part(footage.base)), QUICKTIME)


def fragment(footage: Footage, target: Path) -> None:
    _write(footage, target, _packets(Part(footage.base)), FRAGMENTED)


def encode_again(footage: Footage, target: Path) -> None:
    """The picture at a third of the bitrate, the sound as it is."""
    with av.open(str(footage.base)) as film, av.open(str(target), "w") as out:
        video = out.add_stream("libx264", rate=FRAMES_PER_SECOND)
        video.width, video.height, video.pix_fmt = *SIZE, "yuv420p"
        video.bit_rate, video.options = REVIEW_BITS_PER_SECOND, {"preset": "ultrafast"}
        video.thread_count = THREADS
        audio = out.add_stream_from_template(film.streams.audio[0])
        for packet in film.demux():
            if isinstance(packet.stream, VideoStream):
                for frame in packet.stream.decode(packet):
                    frame.pict_type = PictureType.NONE
                    out.mux(video.encode(frame))
            elif packet.dts is not None:
                packet.stream = audio
                out.mux(packet)
        out.mux(video.encode(None))


def _other(footage: Footage) -> Part:
    return Part(footage.other, stop_s=seconds_of(OTHER_SCENES))


EDITS: Mapping[str, Edit] = {
    "trim": trim,
    "title": title,
    "faststart": faststart,
    "append": append,
    "insert": insert,
    "audio swap": audio_swap,
    "MP4 to MOV": quicktime,
    "fragmenting": fragment,
    "re-encode": encode_again,
}
ENCODED = ("re-encode",)
"""Those whose picture is new."""


def edited(name: str, footage: Footage, directory: Path) -> Path:
    target = directory / f"{name.replace(' ', '-')}.{'mov' if name == 'MP4 to MOV' else 'mp4'}"
    EDITS[name](footage, target)
    return target


def _packets(part: Part) -> Iterator[Packet[Stream]]:
    """In decoding order, moved so that the part starts at 0. Pictures stop at a keyframe."""
    is_taken = False
    with av.open(str(part.clip)) as clip:
        for packet in clip.demux():
            if packet.pts is None:
                continue
            is_inside = part.start_s <= packet.pts * packet.time_base < part.stop_s
            if packet.stream.type != "video":
                if is_inside:
                    yield _moved(packet, -part.start_s)
                continue
            if packet.is_keyframe:
                is_taken = is_inside
            if is_taken:
                yield _moved(packet, -part.start_s)


def _joined(*parts: Part) -> Iterator[Packet[Stream]]:
    """One part after the other; each ends where its last picture does."""
    begins_s = Fraction(0)
    for part in parts:
        ends_s = begins_s
        for packet in map(partial(_moved, by_s=begins_s), _packets(part)):
            if packet.stream.type == "video":
                assert packet.pts is not None
                assert packet.duration is not None
                ends_s = max(ends_s, (packet.pts + packet.duration) * packet.time_base)
            yield packet
        begins_s = ends_s


def _moved(packet: Packet[Stream], by_s: Fraction) -> Packet[Stream]:
    assert packet.pts is not None
    assert packet.dts is not None
    ticks = round(by_s / packet.time_base)
    packet.pts, packet.dts = packet.pts + ticks, packet.dts + ticks
    return packet


def _decoded_at_s(packet: Packet[Stream]) -> Fraction:
    assert packet.dts is not None
    return packet.dts * packet.time_base


def _write(footage: Footage, target: Path, packets: Iterable[Packet[Stream]], layout: Layout = PLAIN) -> None:
    with (
        av.open(str(footage.base)) as like,
        av.open(str(target), "w", format=layout.format, options=dict(layout.options)) as out,
    ):
        out.metadata.update(layout.tags)
        streams = {stream.type: out.add_stream_from_template(stream) for stream in like.streams}
        for packet in packets:
            packet.stream = streams[packet.stream.type]
            out.mux(packet)

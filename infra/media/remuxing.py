"""The playable part of a damaged movie, packet by packet into a sound one (seed S4.1). Runs in the child.

Promises: nothing is decoded, so pictures and sound keep their bits, and packets their times; what cannot be
read is passed over and counted. The same damaged bytes give the same sound bytes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

import av
from av.container import InputContainer, OutputContainer
from av.error import ArgumentError, FFmpegError, InvalidDataError
from av.packet import Packet
from av.stream import Stream

from domain.ports import NOTHING_PLAYABLE, Remuxed, Unplayable

UNREADABLE_IN_A_ROW_MAX = 256
"""In a file cut off, sound and pictures end at different places: one goes on while the other fails, for five
seconds of sound between two pictures."""
READ_OPTIONS = {"protocol_whitelist": "none", "enable_drefs": "0"}
"""The file that was given, and nothing that it names."""
REPRODUCIBLE = {"fflags": "+bitexact", "strict": "unofficial"}
"""No date and no program's name; and boxes that are in use but in no standard, such as dvcC."""
QUICKTIME = "qt"
BUFFER_BYTES = 1 << 20
CARRIED = frozenset({"video", "audio", "subtitle"})


@dataclass(slots=True)
class _Count:
    kept: int = 0
    lost: int = 0


def remux(damaged: BinaryIO, sound: BinaryIO) -> Remuxed | Unplayable:
    try:
        source = opened(damaged)
    except FFmpegError as error:
        return refusal(error, "it cannot be opened")
    with source:
        quicktime = source.metadata.get("major_brand", QUICKTIME).strip() == QUICKTIME
        target = av.open(sound, "w", "mov" if quicktime else "mp4", options=REPRODUCIBLE)
        return _copied(source, target)


def opened(file: BinaryIO) -> InputContainer:
    """As a movie, whatever it looks like."""
    return av.open(file, "r", format="mov", options=READ_OPTIONS, buffer_size=BUFFER_BYTES)


def refusal(error: FFmpegError, what: str) -> Unplayable:
    """Raises the error if it is not the file that is to blame."""
    if isinstance(error, OSError | MemoryError):
        raise error
    return Unplayable(NOTHING_PLAYABLE, f"{what}: {error.strerror}")


def _copied(source: InputContainer, target: OutputContainer) -> Remuxed | Unplayable:
    streams = {each.index: _twin(each, target) for each in source.streams if each.type in CARRIED}
    count = _Count()
    for packet in _packets(source, count):
        twin = streams.get(packet.stream.index)
        if twin is not None:
            packet.stream = twin
            _write(target, packet, count)
    if not count.kept:
        return Unplayable(NOTHING_PLAYABLE, "not one sample of picture or sound can be read")
    target.close()
    return Remuxed(packets=count.kept, lost_packets=count.lost)


def _twin(stream: Stream, target: OutputContainer) -> Stream:
    twin = target.add_stream_from_template(stream)
    if "timecode" in stream.metadata:
        twin.metadata["timecode"] = stream.metadata["timecode"]
    return twin


def _packets(source: InputContainer, count: _Count) -> Iterator[Packet[Stream]]:
    """All that can be read. A sample behind the file's end looks like the end of all: what follows is asked
    for again; at the true end that costs nothing."""
    in_a_row = 0
    while in_a_row < UNREADABLE_IN_A_ROW_MAX:
        in_a_row += 1
        try:
            for packet in source.demux():
                if packet.is_corrupt:
                    count.lost += 1
                elif packet.dts is not None and packet.size:
                    in_a_row = 0
                    yield packet
        except InvalidDataError:
            count.lost += 1


def _write(target: OutputContainer, packet: Packet[Stream], count: _Count) -> None:
    """A packet out of its order in time is lost; what the disk refuses is raised."""
    try:
        target.mux_one(packet)
    except (InvalidDataError, ArgumentError):
        count.lost += 1
    else:
        count.kept += 1

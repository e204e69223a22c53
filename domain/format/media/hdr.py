"""What makes a picture high dynamic range, wherever it is written, and whether a rebuilt file still has it.

Promises: metadata is kept as the bytes that SEI 137 and 144, ST 2094-40 and the Dolby Vision boxes have, so
the same fact is equal whether a box or the stream tells it; at most SAMPLES_READ_MAX samples of
PICTURE_TRACKS_MAX tracks are read. Serves S4.4.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

from . import sei
from .colour import HLG, PQ, UNSPECIFIED, Colour, colour_of
from .configuration import configuration, configurations
from .movie import Movie, Track
from .obu import av1_messages, mastering_display
from .samples import place_of
from .sei import Family, Message, messages, messages_of, units
from .source import Source
from .vui import colour_in, parameter_sets

HdrType = Literal["hdr10", "hdr10+", "dolby-vision", "hlg"]
TYPES: tuple[HdrType, ...] = ("hdr10", "hdr10+", "dolby-vision", "hlg")
PICTURE_TRACKS_MAX = 4
"""Looked at: a base layer and an enhancement layer, and as many again."""
SAMPLES_READ_MAX = 3
"""Sync samples a track: metadata is repeated in each of them or stands in the configuration."""
MASTERING_BYTES, LIGHT_BYTES = 24, 4
DYNAMIC_BYTES_MAX = 512
"""Of the first message; the longest that ST 2094-40 allows for one window is shorter."""
DOLBY_VISION_BYTES_MAX = 24
DOLBY_VISION_CODECS = frozenset({"dvh1", "dvhe", "dva1", "dvav", "dav1"})
ST_2094_40 = b"\xb5\x00\x3c\x00\x01\x04"
"""Country USA, provider Samsung, its code 1, application 4 (CTA-861-H, annex S)."""
FAMILIES: dict[str, Family] = {
    **dict.fromkeys(("avc1", "avc2", "avc3", "avc4", "dva1", "dvav"), "avc"),
    **dict.fromkeys(("hvc1", "hev1", "dvh1", "dvhe"), "hevc"),
}

UNKNOWN = Colour()


@dataclass(frozen=True, slots=True)
class HdrMetadata:
    """What a file tells of its dynamic range."""

    type: HdrType | None = None
    colour: Colour = UNKNOWN
    mastering_display: bytes = b""
    """24 bytes as in SEI 137 and mdcv: green, blue, red, white, brightest, darkest."""
    content_light: bytes = b""
    """4 bytes as in SEI 144 and clli: of the brightest pixel and of the brightest picture."""
    dynamic: bytes = b""
    """The first ST 2094-40 message, its registration included, at most DYNAMIC_BYTES_MAX."""
    dolby_vision: bytes = b""
    """Content of dvcC, dvvC or dvwC."""

    @property
    def has_hdr(self) -> bool:
        return self.type is not None

    def as_fields(self) -> dict[str, object]:
        """As the seed names them, with the numbers behind them."""
        numbers = [int.from_bytes(self.content_light[at : at + 2], "big") for at in (0, 2)]
        luminance = [int.from_bytes(self.mastering_display[at : at + 4], "big") for at in (16, 20)]
        dolby = self.dolby_vision
        return {
            "hasHDR": self.has_hdr,
            "type": self.type,
            "metadata": {
                "masteringDisplay": bool(self.mastering_display),
                "contentLightLevel": bool(self.content_light),
                "dynamicMetadata": bool(self.dynamic),
            },
            "colour": {
                "primaries": self.colour.primaries,
                "transfer": self.colour.transfer,
                "matrix": self.colour.matrix,
                "full_range": self.colour.is_full_range,
            },
            "luminance_max": luminance[0] if self.mastering_display else None,
            "luminance_min": luminance[1] if self.mastering_display else None,
            "max_cll": numbers[0] if self.content_light else None,
            "max_fall": numbers[1] if self.content_light else None,
            "dolby_vision_profile": dolby[2] >> 1 if len(dolby) >= 4 else None,
        }


def hdr_of(movie: Movie, source: Source) -> HdrMetadata:
    """Of the movie as a whole: what its picture tracks say together, the first one's word first."""
    found = _Found()
    for track in list(movie.of_kind("vide"))[:PICTURE_TRACKS_MAX]:
        found.look_at(track, source)
    return found.summed_up()


def is_preserved(original: HdrMetadata, reconstructed: HdrMetadata) -> bool:
    return not losses(original, reconstructed)


def losses(original: HdrMetadata, reconstructed: HdrMetadata) -> tuple[str, ...]:
    """What the other file lacks or says differently, by the names of the seed.

    Dynamic metadata differs from picture to picture, so only its presence is compared.
    """
    lost = {
        "type": original.type != reconstructed.type,
        "masteringDisplay": _is_lost(original.mastering_display, reconstructed.mastering_display),
        "contentLightLevel": _is_lost(original.content_light, reconstructed.content_light),
        "dynamicMetadata": bool(original.dynamic) and not reconstructed.dynamic,
        "dolbyVision": _is_lost(original.dolby_vision, reconstructed.dolby_vision),
    }
    return tuple(name for name, is_lost in lost.items() if is_lost)


def _is_lost(original: bytes, reconstructed: bytes) -> bool:
    return bool(original) and original != reconstructed


class _Found:
    """What was found so far; the first word on a matter stands."""

    def __init__(self) -> None:
        self.colour = Colour()
        self.is_dolby_vision = False
        self.mastering = self.light = self.dynamic = self.dolby_vision = b""

    def look_at(self, track: Track, source: Source) -> None:
        self.is_dolby_vision |= track.codec in DOLBY_VISION_CODECS
        self._believe(colour_of(track))
        for each in configurations(track):
            self._take_box(each.kind, each.content)
        for message in _stream_messages(track, source):
            if isinstance(message, Colour):
                self._believe(message)
            else:
                self._take(message)

    def _believe(self, colour: Colour) -> None:
        if self.colour.transfer == UNSPECIFIED and colour.transfer != UNSPECIFIED:
            self.colour = colour

    def _take_box(self, kind: str, content: bytes) -> None:
        match kind:
            case "mdcv":
                self._take(Message(sei.MASTERING_DISPLAY, content))
            case "clli":
                self._take(Message(sei.CONTENT_LIGHT, content))
            case "SmDm":
                self._take(Message(sei.MASTERING_DISPLAY, mastering_display(content[4:])))
            case "CoLL":
                self._take(Message(sei.CONTENT_LIGHT, content[4:]))
            case "dvcC" | "dvvC" | "dvwC" if len(content) >= 4:
                self.dolby_vision = self.dolby_vision or content[:DOLBY_VISION_BYTES_MAX]
            case _:
                pass

    def _take(self, message: Message) -> None:
        payload = message.payload
        match message.kind:
            case sei.MASTERING_DISPLAY if len(payload) >= MASTERING_BYTES:
                self.mastering = self.mastering or payload[:MASTERING_BYTES]
            case sei.CONTENT_LIGHT if len(payload) >= LIGHT_BYTES:
                self.light = self.light or payload[:LIGHT_BYTES]
            case sei.REGISTERED if payload.startswith(ST_2094_40):
                self.dynamic = self.dynamic or payload[:DYNAMIC_BYTES_MAX]
            case sei.ALTERNATIVE_TRANSFER if payload[:1] == bytes([HLG]):
                self.colour = replace(self.colour, transfer=HLG)
            case _:
                pass

    def summed_up(self) -> HdrMetadata:
        return HdrMetadata(
            self._type(), self.colour, self.mastering, self.light, self.dynamic, self.dolby_vision
        )

    def _type(self) -> HdrType | None:
        """Static metadata without a transfer that says otherwise is HDR10, as players take it."""
        transfer, is_static = self.colour.transfer, bool(self.mastering or self.light)
        if self.is_dolby_vision or self.dolby_vision:
            return "dolby-vision"
        if self.dynamic:
            return "hdr10+"
        if transfer == HLG:
            return "hlg"
        return "hdr10" if transfer == PQ or (transfer == UNSPECIFIED and is_static) else None


def _stream_messages(track: Track, source: Source) -> Iterator[Message | Colour]:
    """Of the configuration and of the first sync samples."""
    family = FAMILIES.get(track.codec)
    if family is not None:
        length_bytes = _length_bytes(track, family)
        for unit in parameter_sets(track, family):
            yield from _unit_messages(unit, family)
        for sample in _first_samples(track, source):
            for unit in units(sample, length_bytes):
                yield from filter(None, [colour_in(unit, family)])
            yield from messages(sample, family, length_bytes)
    elif track.codec == "av01":
        yield from av1_messages(configuration(track, "av1C")[4:])
        for sample in _first_samples(track, source):
            yield from av1_messages(sample)


def _unit_messages(unit: bytes, family: Family) -> Iterator[Message | Colour]:
    yield from filter(None, [colour_in(unit, family)])
    yield from messages_of(unit, family)


def _length_bytes(track: Track, family: Family) -> int:
    record = configuration(track, "avcC" if family == "avc" else "hvcC")
    position = 4 if family == "avc" else 21
    return (record[position] & 3) + 1 if len(record) > position else 4


def _first_samples(track: Track, source: Source) -> Iterator[bytes]:
    sync = range(track.samples.count) if track.samples.sync is None else track.samples.sync
    for index in list(sync[:SAMPLES_READ_MAX]) or [0]:
        place = place_of(track.samples, index)
        if place is not None:
            yield source.read(place.offset, min(place.size_bytes, sei.LOOKED_AT_BYTES))

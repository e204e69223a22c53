"""Which codecs Dits supports, and the full name of a track's codec (RFC 6381).

Promises: the set and the messages are the failure document's; a codec outside the set is stored raw and
flagged, never refused (S4.2). Nothing here raises: a configuration that makes no sense gives the bare name.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from .configuration import configuration
from .movie import Movie, Track
from .mpeg4 import MPEG4_AUDIO, audio_object_type, decoder_of

VIDEO_CODECS = frozenset({"avc1", "hev1", "hvc1", "vp09", "av01"})
AUDIO_CODECS = frozenset({"mp4a", "ac-3", "ec-3", "opus", "fLaC"})
SUPPORTED = VIDEO_CODECS | AUDIO_CODECS
"""Contract: seed 4.2. When it grows, `CODECS_VERSION` grows with it and flagged files are looked at again."""
CODECS_VERSION = 1
PICTURE_AND_SOUND = frozenset({"vide", "soun"})
"""Only these tracks have a codec that the set speaks of; timecode, text and data are what they are."""


@dataclass(frozen=True, slots=True)
class CodecSupport:
    """What becomes of a track with this codec."""

    codec_id: str
    is_supported: bool
    fallback: Literal["raw"] | None = None
    warning: str | None = None


def check_codec(codec_id: str) -> CodecSupport:
    """Judged by what stands before the first dot, as in `avc1.64001f`."""
    if codec_id.split(".", maxsplit=1)[0] in SUPPORTED:
        return CodecSupport(codec_id, is_supported=True)
    return CodecSupport(codec_id, False, fallback="raw", warning=f"Unsupported codec: {codec_id}")


def unsupported_codecs(movie: Movie) -> tuple[CodecSupport, ...]:
    """One finding for each codec of a picture or sound track that the set lacks, in the tracks' order."""
    names = dict.fromkeys(codec_string(each) for each in movie.tracks if each.handler in PICTURE_AND_SOUND)
    found = (check_codec(name) for name in names)
    return tuple(support for support in found if not support.is_supported)


def codec_string(track: Track) -> str:
    """As RFC 6381 writes it, such as `hvc1.2.4.L153.B0`; the sample entry's type where nothing more is known.

    MP4 calls the sample entry of Opus `Opus`; the codec's name is `opus`.
    """
    name = "opus" if track.codec == "Opus" else track.codec
    suffix = SUFFIXES.get(track.codec)
    return name + suffix(track) if suffix else name


def _avc(track: Track) -> str:
    record = configuration(track, "avcC")
    return f".{record[1:4].hex()}" if len(record) >= 4 else ""


def _hevc(track: Track) -> str:
    """ISO/IEC 14496-15 annex E: space and profile, compatibility backwards, tier and level, constraints."""
    record = configuration(track, "hvcC")
    if len(record) < 13:
        return ""
    space = ("", "A", "B", "C")[record[1] >> 6]
    tier = "H" if record[1] & 0x20 else "L"
    compatible = int(f"{int.from_bytes(record[2:6], 'big'):032b}"[::-1], 2)
    constraints = "".join(f".{byte:X}" for byte in record[6:12].rstrip(b"\0"))
    return f".{space}{record[1] & 0x1F}.{compatible:X}.{tier}{record[12]}{constraints}"


def _dolby_vision(track: Track) -> str:
    record = configuration(track, "dvcC", "dvvC", "dvwC")
    if len(record) < 4:
        return ""
    level = (record[2] & 1) << 5 | record[3] >> 3
    return f".{record[2] >> 1:02d}.{level:02d}"


def _vp9(track: Track) -> str:
    record = configuration(track, "vpcC")
    return f".{record[4]:02d}.{record[5]:02d}.{record[6] >> 4:02d}" if len(record) >= 7 else ""


def _av1(track: Track) -> str:
    record = configuration(track, "av1C")
    if len(record) < 3:
        return ""
    tier = "H" if record[2] & 0x80 else "M"
    is_high, is_twelve = bool(record[2] & 0x40), bool(record[2] & 0x20)
    depth = (12 if is_twelve else 10) if is_high else 8
    return f".{record[1] >> 5}.{record[1] & 0x1F:02d}{tier}.{depth:02d}"


def _mpeg4_audio(track: Track) -> str:
    """Object type, and for MPEG-4 audio the audio object type of its own configuration."""
    decoder = decoder_of(configuration(track, "esds"))
    if decoder.object_type != MPEG4_AUDIO:
        return f".{decoder.object_type:02x}" if decoder.object_type else ""
    return (
        f".{MPEG4_AUDIO:x}.{audio_object_type(decoder)}"
        if len(decoder.specific) >= 2
        else f".{MPEG4_AUDIO:x}"
    )


SUFFIXES: dict[str, Callable[[Track], str]] = {
    **dict.fromkeys(("avc1", "avc2", "avc3", "avc4"), _avc),
    **dict.fromkeys(("hvc1", "hev1"), _hevc),
    **dict.fromkeys(("dvh1", "dvhe", "dva1", "dvav", "dav1"), _dolby_vision),
    "vp09": _vp9,
    "av01": _av1,
    "mp4a": _mpeg4_audio,
}

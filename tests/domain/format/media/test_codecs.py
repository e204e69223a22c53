"""Codec strings out of configurations (RFC 6381), and what is supported (S4.2)."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.format.media.codecs import codec_string, unsupported_codecs
from domain.format.media.configuration import configuration
from domain.format.media.reading import read_movie
from domain.format.media.source import BytesSource
from tests.domain.format.media.by_hand import DVCC, audio, entry, movie, video
from tests.media import encodes
from tests.media.encodes import Picture, Recording, Sound
from tests.media.making import box

ESDS = bytes.fromhex(
    "00000000 03808080 2200 0200 04808080 14 40 15 000000 00000000 00000000 05808080 02 1190"
)
AVCC = box("avcC", bytes.fromhex("0164001fffe10000"))
HVCC = box("hvcC", bytes.fromhex("01 02 20000000 b00000000000 99 f000fcfdfafa0000 0f 00"))


def vp9_and_flac() -> bytes:
    picture = Picture("libvpx-vp9", seconds=0.4, options=(("deadline", "realtime"),))
    return encodes.encode(Recording(pictures=(picture,), sounds=(Sound("flac", 0.4),)))


def av1_and_opus() -> bytes:
    picture = Picture("libsvtav1", seconds=0.4, options=(("preset", "11"),))
    return encodes.encode(Recording(pictures=(picture,), sounds=(Sound("libopus", 0.4),)))


@pytest.mark.parametrize(
    ("codec", "extra", "name"),
    [
        ("avc1", AVCC, "avc1.64001f"),
        ("avc1", b"", "avc1"),
        ("avc1", AVCC[:11], "avc1"),
        ("hvc1", HVCC, "hvc1.2.4.L153.B0"),
        ("dvh1", DVCC, "dvh1.08.05"),
        ("vp09", box("vpcC", bytes([1, 0, 0, 0, 2, 31, 0xA2, 9, 16, 9])), "vp09.02.31.10"),
        ("av01", box("av1C", bytes([0x81, 0x08, 0x4C, 0])), "av01.0.08M.10"),
        ("apch", b"", "apch"),
    ],
)
def test_a_picture_codec_is_named_in_full(codec: str, extra: bytes, name: str) -> None:
    assert codec_string(video(codec=codec, entry=entry(codec, extra))) == name


@pytest.mark.parametrize(
    ("codec", "extra", "name"),
    [
        ("mp4a", box("esds", ESDS), "mp4a.40.2"),
        ("mp4a", box("wave", box("frma", b"mp4a"), box("esds", ESDS)), "mp4a.40.2"),
        ("mp4a", box("esds", ESDS[:13]), "mp4a"),
        ("mp4a", b"", "mp4a"),
        ("Opus", b"", "opus"),
        ("fLaC", b"", "fLaC"),
        ("ec-3", b"", "ec-3"),
    ],
)
def test_a_sound_codec_is_named_in_full(codec: str, extra: bytes, name: str) -> None:
    assert codec_string(audio(codec=codec, entry=entry(codec, extra, handler="soun"))) == name


@pytest.mark.parametrize(("version", "added"), [(1, 16), (2, 36)])
def test_quicktime_s_longer_sound_entries_are_understood(version: int, added: int) -> None:
    plain = entry("mp4a", handler="soun")
    longer = plain[:16] + bytes([0, version]) + plain[18:] + bytes(added) + box("esds", ESDS)
    assert codec_string(audio(entry=longer)) == "mp4a.40.2"


def test_a_codec_is_named_once_however_many_tracks_have_it() -> None:
    film = movie(video(codec="ap4h"), video(codec="ap4h", track_id=2), audio(codec="sowt"), audio())
    assert [each.codec_id for each in unsupported_codecs(film)] == ["ap4h", "sowt"]


def test_a_timecode_track_has_no_codec_to_support() -> None:
    assert unsupported_codecs(movie(video(), video(handler="tmcd", codec="tmcd"))) == ()


@pytest.mark.parametrize(
    ("encode", "names"),
    [
        (encodes.mp4, ["avc1.42c00b", "mp4a.40.2"]),
        (encodes.hdr10, ["hev1.2.4.L30.90"]),
        (encodes.all_intra, ["apch", "in24"]),
        (vp9_and_flac, ["vp09.00.10.08", "fLaC"]),
        (av1_and_opus, ["av01.0.00M.08", "opus"]),
    ],
    ids=["H.264 and AAC", "HEVC", "ProRes and PCM", "VP9 and FLAC", "AV1 and Opus"],
)
def test_real_files_are_named_in_full(encode: Callable[[], bytes], names: list[str]) -> None:
    read = read_movie(BytesSource(encode()))
    assert read is not None
    assert [codec_string(track) for track in read.tracks] == names


@given(st.binary(max_size=200), st.sampled_from(["avc1", "hvc1", "dvh1", "vp09", "av01", "mp4a"]))
def test_no_configuration_makes_naming_fail(extra: bytes, codec: str) -> None:
    kind = {"avc1": "avcC", "hvc1": "hvcC", "dvh1": "dvcC", "vp09": "vpcC", "av01": "av1C", "mp4a": "esds"}
    handler = "soun" if codec == "mp4a" else "vide"
    configured = entry(codec, box(kind[codec], extra), handler=handler)
    track = video(handler=handler, codec=codec, entry=configured)
    assert codec_string(track).startswith(codec)
    assert configuration(track, kind[codec]) == extra

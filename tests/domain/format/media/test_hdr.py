"""Where dynamic range is written, and that it is read from there (S4.4)."""

from __future__ import annotations

from dataclasses import replace
from struct import pack

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.format.media.hdr import HdrMetadata, hdr_of
from domain.format.media.movie import Movie
from domain.format.media.reading import read_movie
from domain.format.media.source import BytesSource
from tests.domain.format.media.by_hand import CLLI, DVCC, DYNAMIC, LIGHT, MASTERING, MDCV, movie, nclx
from tests.domain.format.media.hdr_files import (
    AVCC,
    HVCC,
    SLICE,
    avc_sei,
    sample,
    sei,
    stacked,
    still,
    stream,
)
from tests.media import encodes
from tests.media.encodes import Picture, Recording, encode
from tests.media.making import box


def read(content: bytes) -> HdrMetadata:
    source = BytesSource(content)
    whole = read_movie(source)
    assert whole is not None
    return hdr_of(whole, source)


def found(made: tuple[Movie, BytesSource]) -> HdrMetadata:
    return hdr_of(*made)


def test_boxes_beside_the_configuration_tell_hdr10() -> None:
    hdr = found(still(nclx(16), MDCV, CLLI))
    assert (hdr.type, hdr.mastering_display, hdr.content_light) == ("hdr10", MASTERING, LIGHT)


def test_messages_in_the_stream_tell_the_same_as_boxes() -> None:
    told = found(stream(sample(sei((137, MASTERING), (144, LIGHT)), SLICE), boxes=(HVCC, nclx(16))))
    assert told == found(still(nclx(16), MDCV, CLLI))


def test_messages_beside_the_parameter_sets_are_read() -> None:
    unit = sei((137, MASTERING))
    array = b"\x27\x00\x01" + pack(">H", len(unit)) + unit
    configured = box("hvcC", bytes(21) + b"\x03\x01" + array)
    assert found(stream(sample(SLICE), boxes=(configured,))).mastering_display == MASTERING


def test_h264_tells_it_in_its_own_units() -> None:
    content = sample(b"\x09\xf0", avc_sei((144, LIGHT)), b"\x65" + SLICE)
    assert found(stream(content, codec="avc1", boxes=(AVCC,))).content_light == LIGHT


@pytest.mark.parametrize("length_bytes", [1, 2, 4])
def test_the_width_of_unit_lengths_is_the_configuration_s(length_bytes: int) -> None:
    configured = box("hvcC", bytes(21) + bytes([length_bytes - 1, 0]))
    content = sample(sei((144, LIGHT)), SLICE, length_bytes=length_bytes)
    assert found(stream(content, boxes=(configured,))).content_light == LIGHT


def test_what_escapes_start_codes_is_taken_out() -> None:
    dark = bytes(16) + pack(">II", 10_000_000, 0)
    assert found(stream(sample(sei((137, dark)), SLICE))).mastering_display == dark


def test_only_sync_samples_are_looked_at() -> None:
    other, telling = sample(SLICE), sample(sei((144, LIGHT)), SLICE)
    assert found(stream(other, telling, sync=(1,))).content_light == LIGHT
    assert found(stream(other, telling, sync=(0,))).content_light == b""


def test_nothing_behind_the_first_slice_is_looked_at() -> None:
    assert found(stream(sample(SLICE, sei((144, LIGHT))))) == HdrMetadata()


def test_dynamic_metadata_makes_it_hdr10_plus() -> None:
    content = sample(sei((4, b"\xb5\x00\x31GA94"), (4, DYNAMIC)), SLICE)
    hdr = found(stream(content, boxes=(HVCC, nclx(16), MDCV)))
    assert (hdr.type, hdr.dynamic) == ("hdr10+", DYNAMIC)


@pytest.mark.parametrize("kind", ["dvcC", "dvvC", "dvwC"])
def test_a_dolby_vision_box_makes_it_dolby_vision(kind: str) -> None:
    hdr = found(still(nclx(16), MDCV, DVCC.replace(b"dvcC", kind.encode())))
    assert (hdr.type, hdr.dolby_vision) == ("dolby-vision", DVCC[8:])
    assert hdr.as_fields()["dolby_vision_profile"] == 8


def test_a_dolby_vision_codec_needs_no_box() -> None:
    assert found(still(codec="dvh1")).type == "dolby-vision"


def test_hlg_is_a_transfer_by_box_or_by_message() -> None:
    assert found(still(nclx(18))).type == "hlg"
    alternative = stream(sample(sei((147, b"\x12")), SLICE), boxes=(HVCC, nclx(14)))
    assert found(alternative).type == "hlg"


def test_an_sdr_transfer_stays_sdr_whatever_stands_beside_it() -> None:
    hdr = found(still(nclx(1), MDCV))
    assert (hdr.type, hdr.has_hdr, hdr.mastering_display) == (None, False, MASTERING)


def test_static_metadata_without_a_transfer_is_hdr10() -> None:
    assert found(still(CLLI)).type == "hdr10"


def test_quicktime_s_nclc_is_a_colour_too() -> None:
    colour = box("colr", b"nclc", pack(">HHH", 9, 16, 9))
    assert found(still(colour)).type == "hdr10"


def test_vp9_tells_it_in_boxes_of_its_own() -> None:
    configured = box("vpcC", bytes([1, 0, 0, 0, 2, 31, 0xA2, 9, 16, 9, 0, 0]))
    points = pack(">8H", 44564, 20972, 17367, 45220, 9830, 3932, 20493, 21561)
    smdm = box("SmDm", bytes(4), points, pack(">II", 256_000, 82))
    hdr = found(stream(b"", codec="vp09", boxes=(configured, smdm, box("CoLL", bytes(4), LIGHT))))
    assert (hdr.type, hdr.content_light) == ("hdr10", LIGHT)
    assert hdr.as_fields()["luminance_max"] == 10_000_000
    assert hdr.mastering_display[:4] == pack(">HH", 13250, 34500)


def test_av1_tells_it_in_metadata_units() -> None:
    light = bytes([5 << 3 | 2, 6, 1]) + LIGHT + b"\x80"
    dynamic = bytes([5 << 3 | 2, len(DYNAMIC) + 2, 4]) + DYNAMIC + b"\x80"
    frame = bytes([6 << 3 | 2, 4]) + b"FFFF"
    hdr = found(stream(b"\x12\x00" + light + dynamic + frame, codec="av01", boxes=(nclx(16),)))
    assert (hdr.type, hdr.content_light, hdr.dynamic) == ("hdr10+", LIGHT, DYNAMIC)


def test_av1_of_a_real_encoder_tells_the_same_as_hevc_of_another() -> None:
    told = (
        "enable-hdr=1:content-light=1000,400:color-primaries=9:transfer-characteristics=16:matrix-coefficients=9:"
        "mastering-display=G(0.265,0.690)B(0.150,0.060)R(0.680,0.320)WP(0.3127,0.3290)L(1000,0.005)"
    )
    options = (("preset", "11"), ("svtav1-params", told))
    picture = Picture("libsvtav1", "yuv420p10le", 0.4, options=options, colour=(9, 16, 9))
    by_av1, by_hevc = encode(Recording(pictures=(picture,), sounds=())), encodes.hdr10()
    assert read(by_av1) == read(by_hevc)


def test_two_tracks_tell_one_story() -> None:
    base, source = still(nclx(16), MDCV)
    layer, _ = still(DVCC)
    both = movie(*base.tracks, replace(layer.tracks[0], track_id=2))
    hdr = hdr_of(both, source)
    assert (hdr.type, hdr.mastering_display) == ("dolby-vision", MASTERING)


units = st.lists(st.binary(max_size=60), max_size=4)


@given(units, st.binary(max_size=300), st.sampled_from(["hvc1", "avc1", "av01"]), st.binary(max_size=80))
def test_no_stream_makes_reading_fail(contents: list[bytes], raw: bytes, codec: str, record: bytes) -> None:
    kind = {"hvc1": "hvcC", "avc1": "avcC", "av01": "av1C"}[codec]
    telling = sample(sei((137, raw[:30]), (len(raw), raw)), *contents)
    hdr = found(
        stream(telling, raw, codec=codec, boxes=(box(kind, record), box("colr", raw), box("clli", raw)))
    )
    assert len(hdr.mastering_display) in {0, 24}


@given(st.integers(0, 70_000))
def test_a_message_that_claims_more_than_there_is_is_none(size_bytes: int) -> None:
    unit = b"\x4e\x01\x89" + stacked(size_bytes) + b"\1" * min(size_bytes - 1, 30)
    assert found(stream(sample(unit, SLICE))).mastering_display == b""

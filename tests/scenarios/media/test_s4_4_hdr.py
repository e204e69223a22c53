"""S4.4: what makes a picture high dynamic range is kept, and a loss is never silent."""

from __future__ import annotations

from dataclasses import replace

import pytest

from domain.format.media.hdr import HdrMetadata, hdr_of, is_preserved, losses
from domain.format.media.reading import read_movie
from domain.format.media.source import BytesSource
from tests.domain.format.media.by_hand import CLLI, DVCC, DYNAMIC, LIGHT, MASTERING, MDCV, nclx
from tests.domain.format.media.hdr_files import HVCC, SLICE, sample, sei, still, stream
from tests.media import encodes
from tests.media.making import clip, movie

FULL = HdrMetadata("hdr10+", mastering_display=MASTERING, content_light=LIGHT, dynamic=DYNAMIC)


def read(content: bytes) -> HdrMetadata:
    source = BytesSource(content)
    found = read_movie(source)
    assert found is not None
    return hdr_of(found, source)


@pytest.mark.parametrize(
    ("dropped", "name"),
    [
        ({"mastering_display": b""}, "masteringDisplay"),
        ({"content_light": b""}, "contentLightLevel"),
        ({"dynamic": b""}, "dynamicMetadata"),
    ],
)
def test_s4_4_each_of_the_three_kinds_dropped_is_a_loss(dropped: dict[str, bytes], name: str) -> None:
    reconstructed = replace(FULL, **dropped)  # type: ignore[arg-type]
    assert not is_preserved(FULL, reconstructed)
    assert losses(FULL, reconstructed) == (name,)


def test_s4_4_hdr10_that_becomes_hlg_is_a_loss() -> None:
    assert not is_preserved(hdr_of(*still(nclx(16))), hdr_of(*still(nclx(18))))


def test_s4_4_sdr_has_nothing_to_lose() -> None:
    assert is_preserved(HdrMetadata(), HdrMetadata())
    assert is_preserved(read(encodes.mp4()), read(encodes.mov()))


def test_s4_4_what_is_added_is_no_loss() -> None:
    assert is_preserved(hdr_of(*still(nclx(16))), hdr_of(*still(nclx(16), MDCV, CLLI)))


@pytest.mark.parametrize("dropped", [MDCV, CLLI, DVCC], ids=["mdcv", "clli", "dvcC"])
def test_s4_4_a_box_dropped_on_the_way_is_a_loss(dropped: bytes) -> None:
    whole = [nclx(16), MDCV, CLLI, DVCC]
    rest = [each for each in whole if each != dropped]
    assert not is_preserved(hdr_of(*still(*whole)), hdr_of(*still(*rest)))


def test_s4_4_other_numbers_in_the_same_place_are_a_loss() -> None:
    darker = CLLI.replace(LIGHT, b"\0\x64\0\x32")
    assert losses(hdr_of(*still(CLLI)), hdr_of(*still(darker))) == ("contentLightLevel",)


def test_s4_4_a_message_rewritten_as_a_box_is_preserved() -> None:
    told = stream(sample(sei((137, MASTERING), (144, LIGHT)), SLICE), boxes=(HVCC, nclx(16)))
    assert is_preserved(hdr_of(*told), hdr_of(*still(nclx(16), MDCV, CLLI)))


def test_s4_4_hdr10_of_a_real_encoder_is_found_in_its_messages() -> None:
    hdr = read(encodes.hdr10())
    assert b"mdcv" not in encodes.hdr10()
    assert (hdr.type, hdr.mastering_display, hdr.content_light) == ("hdr10", MASTERING, LIGHT)


def test_s4_4_hlg_of_a_real_encoder_is_found() -> None:
    assert read(encodes.hlg()).type == "hlg"


def test_s4_4_a_real_stream_whose_message_is_overwritten_is_noticed() -> None:
    whole = encodes.hdr10()
    overwritten = whole.replace(MASTERING[:8], b"\1" * 8)
    assert losses(read(whole), read(overwritten)) == ("masteringDisplay",)


def test_s4_4_metadata_is_read_out_of_a_whole_file() -> None:
    made = replace(clip(), codec="hvc1", extra=HVCC + nclx(16) + MDCV + CLLI)
    assert read(movie(made)).as_fields()["metadata"] == {
        "masteringDisplay": True,
        "contentLightLevel": True,
        "dynamicMetadata": False,
    }

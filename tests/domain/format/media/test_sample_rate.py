"""The rate of a sound track, whoever tells it."""

from __future__ import annotations

from struct import pack

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.format.media.mpeg4 import MPEG4_AUDIO, Decoder, sampling_rate
from domain.format.media.sample_rate import sample_rate_of
from tests.domain.format.media import by_hand
from tests.domain.format.media.columns import read
from tests.media.encodes import Recording, Sound, encode
from tests.media.making import full_box


@pytest.mark.parametrize(
    ("container", "codec"),
    [("mp4", "aac"), ("mov", "aac"), ("mp4", "flac"), ("mp4", "alac"), ("mov", "pcm_s24le")],
)
@pytest.mark.parametrize("rate", [16_000, 44_100, 48_000, 88_200, 96_000])
def test_a_real_file_has_the_rate_that_it_was_made_with(container: str, codec: str, rate: int) -> None:
    made = encode(Recording(container, (), (Sound(codec, 0.2, rate),)))
    assert [track.sample_rate for track in read(made).tracks] == [rate]


@pytest.mark.parametrize(
    ("specific", "rate"),
    [
        ("1190", 48_000),
        ("1010", 96_000),
        ("1210", 44_100),
        ("131056e598", 48_000),
        ("131056e500", 24_000),
        ("2b118800", 48_000),
        ("eb118800", 48_000),
        ("1780bb8090", 96_001),
        ("16f0", 0),
        ("", 0),
    ],
    ids=["LC", "96", "44.1", "SBR told behind", "no SBR", "SBR", "PS", "told", "no such", "nothing"],
)
def test_the_codec_s_own_configuration_tells_the_rate(specific: str, rate: int) -> None:
    assert sampling_rate(Decoder(MPEG4_AUDIO, bytes.fromhex(specific))) == rate


def test_a_box_made_for_the_rate_is_believed() -> None:
    made = by_hand.entry("mp4a", full_box("srat", pack(">I", 192_000)), handler="soun")
    assert sample_rate_of(by_hand.audio(entry=made)) == 192_000


@pytest.mark.parametrize(
    ("timescale", "told", "rate"),
    [(96_000, 48_000, 96_000), (96_000, 0, 96_000), (90_000, 48_000, 48_000), (44_100, 0, 44_100)],
)
def test_what_an_entry_cannot_hold_is_told_by_the_timescale(timescale: int, told: int, rate: int) -> None:
    assert sample_rate_of(by_hand.audio(timescale=timescale, sample_rate=told)) == rate


@given(st.binary(max_size=20), st.integers(0, 255))
def test_any_configuration_has_some_rate_or_none(specific: bytes, object_type: int) -> None:
    assert 0 <= sampling_rate(Decoder(object_type, specific)) < 2**24

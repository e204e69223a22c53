"""S4.2: a codec outside the documented set is stored raw and flagged, never refused."""

from __future__ import annotations

import pytest

from domain.format.media.codecs import SUPPORTED, check_codec

TEN = ("avc1", "hev1", "hvc1", "vp09", "av01", "mp4a", "ac-3", "ec-3", "opus", "fLaC")
BY_DESIGN_RAW = ("vp08", "avc3", "dvh1", "ap4h")


def test_s4_2_the_set_is_the_ten_of_the_document() -> None:
    assert frozenset(TEN) == SUPPORTED


@pytest.mark.parametrize("codec_id", [*TEN, "avc1.64001f", "hvc1.2.4.L153.B0", "mp4a.40.2"])
def test_s4_2_the_ten_listed_codecs_are_supported_with_or_without_parameters(codec_id: str) -> None:
    support = check_codec(codec_id)
    assert (support.is_supported, support.fallback, support.warning) == (True, None, None)


@pytest.mark.parametrize("codec_id", [*BY_DESIGN_RAW, "avc2.64001f", "", ".avc1", "AVC1", "avc1 "])
def test_s4_2_any_other_codec_falls_back_to_raw_with_a_warning_that_names_it(codec_id: str) -> None:
    support = check_codec(codec_id)
    assert (support.is_supported, support.fallback) == (False, "raw")
    assert support.warning == f"Unsupported codec: {codec_id}"

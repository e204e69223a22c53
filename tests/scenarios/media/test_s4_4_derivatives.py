"""What a salvaged film keeps of its original's dynamic range (S4.4)."""

from __future__ import annotations

from struct import pack
from typing import BinaryIO

import pytest

from domain.asset.decider import Derived
from domain.asset.events import HdrMetadataLost, HdrMetadataReinserted
from domain.format.media.configuration import configurations
from domain.format.media.hdr import HdrMetadata, hdr_of
from domain.format.media.movie import Movie
from domain.format.media.reading import read_movie
from domain.format.media.reinserting import reinserted
from domain.format.media.source import BytesSource, Source
from domain.ports import Remuxed, Unplayable
from tests.media import encodes
from tests.media.making import box, truncated
from tests.media.studio import TARGET, NearTools, Studio

COLR = box("colr", b"nclx", pack(">HHHB", 9, 16, 9, 0))
MDCV = box("mdcv", bytes(range(24)))
OTHER_MDCV = box("mdcv", bytes(24))
CLLI = box("clli", pack(">HH", 1000, 400))
DVCC = box("dvcC", bytes([1, 0, 10, 0x35, *bytes(20)]))


def movie(content: bytes) -> Movie:
    found = read_movie(BytesSource(content))
    assert found is not None
    return found


def with_boxes(content: bytes, boxes: bytes) -> bytes:
    return reinserted(BytesSource(content), movie(content), {1: boxes}).of(content)


def hdr(content: bytes) -> HdrMetadata:
    return hdr_of(movie(content), BytesSource(content))


class Forgetful(NearTools):
    """A muxer that writes only these boxes of what it was given."""

    def __init__(self, left: bytes = b"") -> None:
        self.left = left

    def remux(self, damaged: Source, sound: BinaryIO) -> Remuxed | Unplayable:
        sound.write(with_boxes(encodes.mp4(), self.left) if self.left else encodes.mp4())
        sound.flush()
        return Remuxed(1, 0)


def salvaged(boxes: bytes, tools: NearTools | None = None) -> tuple[Studio, bytes, bytes]:
    """A damaged film with these boxes, and the salvaged one."""
    original = truncated(with_boxes(encodes.fast_start(), boxes), 60)
    studio = Studio(tools=tools or NearTools())
    studio.ask(studio.keep(original))
    studio.work()
    return studio, original, studio.film.files()[TARGET]


def kinds(studio: Studio, kind: type[HdrMetadataLost | HdrMetadataReinserted]) -> tuple[str, ...]:
    told = [each for each in studio.told(kind) if isinstance(each, HdrMetadataLost | HdrMetadataReinserted)]
    return tuple(name for each in told for name in each.kinds)


def losses(studio: Studio) -> float:
    found = studio.metrics.registry.get_sample_value("dits_media_hdr_loss_total")
    assert found is not None
    return found


def test_s4_4_our_own_muxer_keeps_what_the_container_says() -> None:
    studio, original, content = salvaged(COLR + MDCV + CLLI)
    assert hdr(content) == hdr(original)
    assert studio.told(HdrMetadataLost) == studio.told(HdrMetadataReinserted) == []


@pytest.mark.parametrize(
    ("left", "lost"),
    [
        (COLR + MDCV, ("contentLightLevel",)),
        (COLR + CLLI, ("masteringDisplay",)),
        (b"", ("type", "masteringDisplay", "contentLightLevel")),
    ],
)
def test_s4_4_what_a_derivative_lost_is_put_back(left: bytes, lost: tuple[str, ...]) -> None:
    studio, original, content = salvaged(COLR + MDCV + CLLI, Forgetful(left))
    assert hdr(content) == hdr(original)
    assert movie(content).issues == ()
    assert kinds(studio, HdrMetadataReinserted) == lost
    assert (studio.told(HdrMetadataLost), losses(studio)) == ([], 0)


def test_s4_4_a_dolby_vision_configuration_is_put_back() -> None:
    studio, _, content = salvaged(COLR + DVCC, Forgetful(COLR))
    assert "dvcC" in {each.kind for each in configurations(movie(content).tracks[0])}
    assert "dolbyVision" in kinds(studio, HdrMetadataReinserted)


def test_s4_4_what_cannot_be_put_back_is_told_and_counted() -> None:
    studio, _, content = salvaged(COLR + MDCV + CLLI, Forgetful(COLR + OTHER_MDCV + CLLI))
    assert kinds(studio, HdrMetadataLost) == ("masteringDisplay",)
    assert (studio.told(HdrMetadataReinserted), losses(studio)) == ([], 1)
    assert hdr(content).mastering_display == bytes(24)


def test_s4_4_both_are_told_of_a_derivative_that_lost_several() -> None:
    studio, _, _ = salvaged(COLR + MDCV + CLLI, Forgetful(COLR + OTHER_MDCV))
    assert kinds(studio, HdrMetadataReinserted) == ("contentLightLevel",)
    assert kinds(studio, HdrMetadataLost) == ("masteringDisplay",)


def test_s4_4_what_is_said_is_said_of_the_derivative() -> None:
    studio, _, _ = salvaged(COLR + MDCV, Forgetful(COLR))
    (told,) = studio.told(HdrMetadataReinserted)
    assert isinstance(told, HdrMetadataReinserted)
    assert told.recipe == studio.recipe_at(TARGET) != told.original
    assert studio.asset(told.recipe).derived == (Derived.of(told),)


def test_s4_4_a_film_of_standard_range_has_nothing_to_lose() -> None:
    studio, _, _ = salvaged(COLR.replace(pack(">H", 16), pack(">H", 1)), Forgetful())
    assert studio.told(HdrMetadataLost) == studio.told(HdrMetadataReinserted) == []

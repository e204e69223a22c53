"""How a picture is turned and stretched: read, kept among the facts, and told."""

from __future__ import annotations

from fractions import Fraction
from struct import pack

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.format.media.facts import MediaFacts, facts_of
from domain.format.media.shape import Shape, shape_of
from domain.format.media.source import BytesSource
from domain.format.media.track_facts import TrackFacts
from tests.domain.format.media import by_hand
from tests.domain.format.media.columns import read
from tests.media.making import UNITY, box, clip, movie

ONE = 0x10000
MATRICES = [(ONE, 0, 0, ONE), (0, ONE, -ONE, 0), (-ONE, 0, 0, -ONE), (0, -ONE, ONE, 0)]


def turned(a: int, b: int, c: int, d: int) -> bytes:
    """A movie whose only track is shown with this matrix."""
    content = movie(clip())
    at = content.rindex(UNITY)
    return content[:at] + pack(">5i", a, b, 0, c, d) + content[at + 20 :]


def told(content: bytes) -> dict[str, object]:
    facts = facts_of(BytesSource(content), read(content))
    return MediaFacts.decode(facts.encode()).tracks[0].as_fields()


@pytest.mark.parametrize(("turns", "matrix"), list(enumerate(MATRICES)))
def test_a_turned_picture_is_told_in_degrees(turns: int, matrix: tuple[int, int, int, int]) -> None:
    assert told(turned(*matrix)).get("rotation", 0) == turns * 90


@pytest.mark.parametrize("matrix", [(0, 0, 0, 0), (ONE, ONE, -ONE, ONE), (-ONE, 0, 0, ONE)])
def test_what_is_no_quarter_turn_is_none(matrix: tuple[int, int, int, int]) -> None:
    assert "rotation" not in told(turned(*matrix))


@pytest.mark.parametrize(
    ("spacing", "aspect"), [((8, 6), Fraction(4, 3)), ((1, 1), 1), ((0, 1), 1), ((1, 0), 1)]
)
def test_pixels_that_are_not_square_are_told(spacing: tuple[int, int], aspect: Fraction) -> None:
    made = by_hand.entry("avc1", box("pasp", pack(">II", *spacing)))
    assert shape_of(by_hand.video(entry=made)).pixel_aspect == aspect


def test_a_shape_is_told_as_people_write_it() -> None:
    assert Shape(1, Fraction(4, 3)).as_fields() == {"rotation": 90, "pixel_aspect": "4:3"}
    assert Shape().as_fields() == {}


spacings = st.integers(1, 2**32 - 1)


@given(st.integers(0, 3), st.builds(Fraction, spacings, spacings), st.binary(max_size=4))
def test_a_shape_comes_back_whatever_follows_it(turns: int, aspect: Fraction, later: bytes) -> None:
    shape = Shape(turns, aspect)
    if shape != Shape():
        assert Shape.in_front_of(shape.encode() + later) == shape


@given(st.binary(max_size=12))
def test_bytes_of_a_later_writer_are_no_reason_to_refuse(later: bytes) -> None:
    plain = facts_of(BytesSource(b""), by_hand.movie(by_hand.video())).tracks[0].encode()
    assert TrackFacts.decode(plain + later).encode() == plain + later
    assert TrackFacts.decode(plain + later).as_fields()["track"] == 1

"""Colour metadata that a derivative lost is put back (S4.4)."""

from __future__ import annotations

import io
from struct import pack

import av
import pytest

from domain.format.errors import FormatError
from domain.format.media.configuration import configuration
from domain.format.media.hdr import hdr_of, losses
from domain.format.media.movie import Movie
from domain.format.media.reading import read_movie
from domain.format.media.reinserting import lost_boxes, reinserted
from domain.format.media.source import BytesSource
from tests.media import encodes
from tests.media.making import MadeTrack, box, clip, fragmented, movie, song

COLR = box("colr", b"nclx", pack(">HHHB", 9, 16, 9, 0))
MDCV = box("mdcv", bytes(range(24)))
CLLI = box("clli", pack(">HH", 1000, 400))
HDR = COLR + MDCV + CLLI


def read(content: bytes) -> Movie:
    found = read_movie(BytesSource(content))
    assert found is not None
    return found


def with_boxes(content: bytes, boxes: dict[int, bytes]) -> bytes:
    return reinserted(BytesSource(content), read(content), boxes).of(content)


def samples(content: bytes) -> list[bytes]:
    """Of all tracks, in order, as the tables say where they lie."""
    found = []
    for track in read(content).tracks:
        table = track.samples
        sizes = iter(table.sizes or [table.uniform_bytes] * table.count)
        for offset, count in zip(table.chunk_offsets, table.chunk_counts, strict=True):
            stop = offset
            for _ in range(count):
                start, stop = stop, stop + next(sizes)
                found.append(content[start:stop])
    return found


@pytest.mark.parametrize("fast_start", [False, True])
@pytest.mark.parametrize("wide", [False, True])
def test_boxes_come_into_the_entry_and_every_sample_is_found_again(fast_start: bool, wide: bool) -> None:
    content = movie(song(), clip(), clip(mark=b"W"), fast_start=fast_start, wide=wide)
    put = with_boxes(content, {2: HDR, 3: CLLI})
    assert samples(put) == samples(content) != []
    assert read(put).issues == ()
    assert [read(put).tracks[at].entry.endswith(HDR) for at in (0, 1, 2)] == [False, True, False]
    assert len(put) == len(content) + len(HDR) + len(CLLI)


def test_nothing_but_the_index_changes() -> None:
    content = movie(clip(), song())
    patch = reinserted(BytesSource(content), read(content), {1: HDR})
    assert content[patch.offset + 4 : patch.offset + 8] == b"moov"
    assert patch.offset + patch.size_bytes == len(content)


def test_boxes_go_before_the_zeros_that_end_a_quicktime_entry() -> None:
    content = movie(MadeTrack(clip().samples, extra=COLR + bytes(4)))
    put = read(with_boxes(content, {1: MDCV}))
    assert put.tracks[0].entry.endswith(COLR + MDCV + bytes(4))


def test_a_movie_in_fragments_is_refused() -> None:
    with pytest.raises(FormatError, match="one index"):
        with_boxes(fragmented(clip()), {1: HDR})


def test_a_track_that_is_not_there_is_refused() -> None:
    with pytest.raises(FormatError, match="no such track"):
        with_boxes(movie(clip()), {7: HDR})


def test_an_offset_that_would_have_to_move_elsewhere_is_refused() -> None:
    with pytest.raises(FormatError, match="other offsets"):
        with_boxes(movie(clip(), fast_start=True, tail=box("udta", box("saio", bytes(8)))), {1: HDR})


def test_what_a_derivative_lost_is_found_box_by_box() -> None:
    original, derivative = movie(MadeTrack(clip().samples, extra=HDR)), movie(clip())
    hdr = hdr_of(read(original), BytesSource(original))
    lost = losses(hdr, hdr_of(read(derivative), BytesSource(derivative)))
    boxes = lost_boxes(read(original), read(derivative), hdr, lost)
    put = with_boxes(derivative, dict(boxes))
    assert losses(hdr, hdr_of(read(put), BytesSource(put))) == ()
    assert configuration(read(put).tracks[0], "mdcv") == bytes(range(24))


def test_a_box_that_is_still_there_is_not_put_back() -> None:
    original, derivative = (movie(MadeTrack(clip().samples, extra=boxes)) for boxes in (HDR, COLR + MDCV))
    hdr = hdr_of(read(original), BytesSource(original))
    assert lost_boxes(read(original), read(derivative), hdr, ("contentLightLevel",)) == {1: CLLI}


def test_a_real_encode_with_boxes_put_in_is_read_by_others() -> None:
    put = with_boxes(encodes.fast_start(), {1: HDR})
    with av.open(io.BytesIO(put), "r") as opened:
        assert len(list(opened.decode(video=0))) == 50
        assert opened.streams.video[0].codec_context.color_trc == 16

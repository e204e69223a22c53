"""What can be played of a damaged movie, and pictures of a whole one (seeds 4.1, 4)."""

from __future__ import annotations

import io
from fractions import Fraction
from itertools import accumulate

import av
import pytest

from domain.format.media.movie import Movie, Track
from domain.format.media.reading import read_movie
from domain.format.media.source import BytesSource
from domain.ports import NOTHING_PLAYABLE, DrawnPicture, Remuxed, Unplayable
from infra.media.drawing import BLACK_LUMA_MAX, draw
from infra.media.remuxing import remux
from tests.media import encodes
from tests.media.making import MadeTrack, movie, truncated

Told = list[tuple[int, int | None, int | None, bytes]]


def salvaged(damaged: bytes) -> bytes:
    sound = io.BytesIO()
    assert isinstance(remux(io.BytesIO(damaged), sound), Remuxed)
    return sound.getvalue()


def packets(content: bytes) -> Told:
    """Stream, times and bytes of each, as far as they can be read."""
    told: Told = []
    with av.open(io.BytesIO(content), "r", format="mov") as opened:
        try:
            for each in opened.demux():
                if each.size and not each.is_corrupt:
                    told.append((each.stream.index, each.pts, each.dts, bytes(each)))
        except av.error.InvalidDataError:
            pass
    return sorted(told, key=lambda packet: (packet[0], packet[2] or 0))


@pytest.mark.parametrize("made", [encodes.fast_start, encodes.fragmented_mp4])
def test_the_playable_part_of_a_film_cut_off_keeps_its_bits_and_its_times(made: object) -> None:
    assert callable(made)
    damaged = truncated(made(), 60)
    assert packets(salvaged(damaged)) == packets(damaged) != []


def test_a_film_with_nothing_wrong_loses_nothing() -> None:
    assert packets(salvaged(encodes.with_b_frames())) == packets(encodes.with_b_frames())


@pytest.mark.parametrize("percent", [30, 60, 90])
@pytest.mark.parametrize("sound_first", [False, True])
def test_a_track_that_is_cut_off_does_not_take_the_other_one_with_it(sound_first: bool, percent: int) -> None:
    film = in_two_halves(sound_first=sound_first)
    kept = movie_of(salvaged(truncated(film, percent)))
    place = len(film) * percent // 100
    whole = movie_of(film)
    for track in whole.tracks:
        there = sum(end <= place for end in ends(track))
        found = [each for each in kept.tracks if each.handler == track.handler]
        assert (found[0].samples.count if found else 0) == there


def test_a_salvaged_film_can_be_decoded_to_its_end() -> None:
    content = salvaged(truncated(encodes.fast_start(), 60))
    with av.open(io.BytesIO(content), "r") as opened:
        frames = len(list(opened.decode(video=0)))
        assert frames == opened.streams.video[0].frames > 20


def test_what_was_lost_is_counted() -> None:
    outcome = remux(io.BytesIO(truncated(encodes.fast_start(), 60)), io.BytesIO())
    assert isinstance(outcome, Remuxed)
    assert outcome.lost_packets >= 1


def test_the_same_damaged_bytes_give_the_same_sound_bytes() -> None:
    damaged = truncated(encodes.fast_start(), 70)
    assert salvaged(damaged) == salvaged(damaged)


def test_quicktime_stays_quicktime() -> None:
    assert salvaged(encodes.mov())[4:12] == b"ftypqt  "
    assert salvaged(encodes.mp4())[4:8] == b"ftyp" != salvaged(encodes.mp4())[8:12] != b"qt  "


@pytest.mark.parametrize(
    "damaged", [truncated(encodes.mp4(), 60), b"", b"no film at all" * 100], ids=["no moov", "empty", "text"]
)
def test_a_file_without_an_index_is_refused(damaged: bytes) -> None:
    outcome = remux(io.BytesIO(damaged), io.BytesIO())
    assert isinstance(outcome, Unplayable)
    assert outcome.code == NOTHING_PLAYABLE


def test_an_index_without_a_sample_is_refused() -> None:
    whole = encodes.fast_start()
    outcome = remux(io.BytesIO(whole[: whole.index(b"mdat") + 8]), io.BytesIO())
    assert outcome == Unplayable(NOTHING_PLAYABLE, "not one sample of picture or sound can be read")


def test_a_film_gets_a_poster_and_a_sheet_of_sixteen() -> None:
    drawn = draw(io.BytesIO(encodes.mp4()))
    assert isinstance(drawn, tuple)
    assert [(each.kind, each.width, each.height) for each in drawn] == [
        ("poster", 160, 90),
        ("sheet", 640, 360),
    ]
    for each in drawn:
        picture = decoded(each)
        assert (picture.width, picture.height) == (each.width, each.height)


def test_a_poster_is_not_black_if_there_is_a_choice() -> None:
    drawn = draw(io.BytesIO(fading_in()))
    assert isinstance(drawn, tuple)
    plane = decoded(drawn[0]).reformat(format="gray").planes[0]
    assert sum(bytes(plane)) // plane.buffer_size > BLACK_LUMA_MAX


def test_a_film_that_is_all_black_has_a_poster_all_the_same() -> None:
    assert isinstance(draw(io.BytesIO(fading_in(black=50))), tuple)


def test_the_same_film_gives_the_same_pictures() -> None:
    assert draw(io.BytesIO(encodes.mov())) == draw(io.BytesIO(encodes.mov()))


def test_a_song_has_no_picture() -> None:
    outcome = draw(io.BytesIO(encodes.encode(encodes.Recording(pictures=()))))
    assert outcome == Unplayable(NOTHING_PLAYABLE, "it has no picture track")


def decoded(picture: DrawnPicture) -> av.VideoFrame:
    assert picture.content[:2] == b"\xff\xd8"
    with av.open(io.BytesIO(picture.content), "r", format="mjpeg") as opened:
        return next(opened.decode(video=0))


def fading_in(*, black: int = 15) -> bytes:
    """Two seconds of which the first `black` frames show nothing."""
    made = io.BytesIO()
    with av.open(made, "w", format="mp4") as target:
        stream = target.add_stream("libx264", rate=25, options=dict(encodes.X264))
        stream.width, stream.height, stream.pix_fmt = 160, 90, "yuv420p"
        for number in range(50):
            frame = av.VideoFrame(160, 90, "yuv420p")
            for plane in frame.planes:
                plane.update(
                    bytes([16 if number < black and plane is frame.planes[0] else 128]) * plane.buffer_size
                )
            frame.planes[0].update(bytes([16 if number < black else 180]) * frame.planes[0].buffer_size)
            frame.pts, frame.time_base = number, Fraction(1, 25)
            target.mux(stream.encode(frame))
        target.mux(stream.encode(None))
    return made.getvalue()


def movie_of(content: bytes) -> Movie:
    found = read_movie(BytesSource(content))
    assert found is not None
    return found


def ends(track: Track) -> list[int]:
    """Where the samples of a track of one chunk end in the file."""
    (start,) = track.samples.chunk_offsets
    return list(accumulate(track.samples.sizes, initial=start))[1:]


def in_two_halves(*, sound_first: bool) -> bytes:
    """A real film whose sound lies behind all its pictures, or before them."""
    real = movie_of(encodes.mp4())
    made = [in_one_chunk(each) for each in real.tracks]
    return movie(*(made[::-1] if sound_first else made), fast_start=True)


def in_one_chunk(track: Track) -> MadeTrack:
    told = [each for each in packets(encodes.mp4()) if each[0] == track.track_id - 1]
    return MadeTrack(
        tuple(content for _, _, _, content in told),
        track.handler,
        timescale=track.timescale,
        durations=(track.samples.durations[0].value,),
        sync=tuple(track.samples.sync) if track.samples.sync is not None else None,
        per_chunk=len(told),
        entry=track.entry,
    )

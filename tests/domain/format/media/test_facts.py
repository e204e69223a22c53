"""The facts about a media file and their bytes."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.format.codec import Body, number
from domain.format.errors import FormatError
from domain.format.extension import Extension, decode_block, encode_block
from domain.format.media.compact import compact, read_compact
from domain.format.media.facts import FACTS_BYTES_MAX, MediaFacts, facts_in, facts_of
from domain.format.media.movie import Edit, Issue, Movie, Spell
from domain.format.media.reading import read_movie
from domain.format.media.source import BytesSource
from domain.format.media.timecode import Timecode
from domain.format.media.track_facts import Sound, TrackFacts
from tests.domain.format.media.by_hand import audio, entry, movie, video
from tests.media import encodes
from tests.media.making import box

NOTHING = BytesSource(b"")
VARYING = tuple(Spell(1, 40 + number % 3 * 20) for number in range(60))


def gathered(film: Movie) -> MediaFacts:
    return facts_of(NOTHING, film)


def read(content: bytes) -> MediaFacts:
    source = BytesSource(content)
    found = read_movie(source)
    assert found is not None
    return facts_of(source, found)


ENCODES: list[Callable[[], bytes]] = [
    encodes.mp4,
    encodes.mov,
    encodes.fragmented_mp4,
    encodes.variable_rate,
    encodes.hdr10,
]


@pytest.mark.parametrize("encode", ENCODES)
def test_facts_come_back_as_they_were(encode: Callable[[], bytes]) -> None:
    facts = read(encode())
    assert MediaFacts.decode(facts.encode()) == facts
    assert MediaFacts.decode(facts.encode()).as_fields() == facts.as_fields()


def test_the_facts_of_a_real_file_are_what_a_user_would_say() -> None:
    facts = read(encodes.mov())
    picture, sound, timecode = facts.tracks
    assert (facts.container, facts.duration_ms, facts.sync.valid) == ("mov", 2000, True)
    assert (picture.kind, picture.picture and picture.picture.rate) == ("video", Fraction(25))
    assert (sound.kind, sound.sound) == ("audio", Sound(2, 48_000))
    assert timecode.timecode == Timecode(90_000, 25, Fraction(25))


def test_facts_ride_in_an_extension_block() -> None:
    facts = gathered(movie(video(), audio()))
    block = encode_block((facts.extension(), Extension(9, b"other")))
    assert facts_in(decode_block(block)) == facts
    assert facts_in((Extension(9, b"other"),)) is None


def test_issues_are_counted_by_severity() -> None:
    issues = (Issue("error", "Missing ftyp box"), Issue("warning", "Missing mdat box"), Issue("warning", "x"))
    facts = gathered(movie(video(), issues=issues))
    assert (facts.errors, facts.warnings) == (1, 2)


def test_a_map_of_sixty_spells_is_kept_whole_and_of_more_only_in_outline() -> None:
    kept, outlined = (gathered(movie(video(*VARYING * turns))) for turns in (1, 2))
    short, long = kept.tracks[0].variable, outlined.tracks[0].variable
    assert short is not None
    assert long is not None
    assert (len(short.spells), short.shortest, short.longest) == (60, 40, 80)
    assert (long.spells, long.spell_count) == ((), 120)


HVCC = box("hvcC", bytes.fromhex("01 02 20000000 b00000000000 99 f000fcfdfafa0000 0f 00"))


def varying_tracks(count: int, language: str = "deu") -> Movie:
    """Pictures of a varying rate, with a long codec string."""
    made = entry("hvc1", HVCC)
    tracks = (
        video(*VARYING, track_id=each, codec="hvc1", entry=made, language=language) for each in range(count)
    )
    return movie(*tracks)


def test_128_plain_tracks_fit_without_leaving_anything_out() -> None:
    facts = gathered(movie(*(audio(track_id=each) for each in range(128))))
    assert (len(facts.tracks), facts.left_out) == (128, 0)
    assert len(facts.encode()) <= FACTS_BYTES_MAX


@pytest.mark.parametrize(
    ("count", "left_out"),
    [(5, []), (90, ["frame_durations"]), (125, ["frame_durations", "codec_parameters"])],
)
def test_detail_is_left_out_in_the_stated_order(count: int, left_out: list[str]) -> None:
    facts = gathered(varying_tracks(count))
    assert facts.as_fields()["left_out"] == left_out
    assert len(facts.tracks) == count
    assert MediaFacts.decode(facts.encode()) == facts


def test_at_last_the_last_tracks_are_left_out_and_still_counted() -> None:
    facts = gathered(varying_tracks(128, "x" * 40))
    assert (facts.track_count, facts.left_out) == (128, 3)
    assert 40 < len(facts.tracks) < 128
    assert FACTS_BYTES_MAX - 80 < len(facts.encode()) <= FACTS_BYTES_MAX
    assert MediaFacts.decode(facts.encode()) == facts


def test_what_a_later_writer_adds_is_kept() -> None:
    facts = gathered(movie(video()))
    later = replace(facts, more=((200, b"new"),), tracks=(replace(facts.tracks[0], more=b"newer"),))
    assert MediaFacts.decode(later.encode()) == later


def test_a_later_version_is_not_believed() -> None:
    with pytest.raises(FormatError, match="version 2"):
        MediaFacts.decode(b"\2" + gathered(movie(video())).encode()[1:])


def test_facts_built_too_long_are_refused() -> None:
    row = TrackFacts(1, "audio", "mp4a" * 50, "", 0, 0, 0)
    facts = replace(gathered(movie()), tracks=(row,) * 30)
    with pytest.raises(FormatError, match="too long"):
        facts.encode()


spells = st.lists(st.builds(Spell, st.integers(0, 30), st.integers(0, 2**32 - 1)), max_size=5)
edits = st.builds(Edit, st.integers(0, 2**64 - 1), st.integers(-1, 2**63 - 1), st.just(0x10000))


@given(spells, spells, st.lists(edits, max_size=3), st.binary(max_size=200), st.sampled_from("vidt"))
def test_any_tracks_have_facts_that_come_back(
    durations: list[Spell], shifts: list[Spell], edits: list[Edit], raw: bytes, kind: str
) -> None:
    handler = {"v": "vide", "i": "soun", "d": "tmcd", "t": "nrml"}[kind]
    track = video(*durations, shifts=tuple(shifts), edits=tuple(edits), handler=handler, entry=raw)
    film = movie(replace(track, codec=raw[4:8].decode("latin-1")), audio(), timescale=1)
    facts = facts_of(BytesSource(raw), film)
    assert MediaFacts.decode(facts.encode()) == facts


@given(st.data())
def test_no_flipped_byte_of_a_real_file_makes_its_facts_fail(data: st.DataObject) -> None:
    content = bytearray(data.draw(st.sampled_from(ENCODES))())
    index = content.index(b"moov")
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(index, len(content) - 1))] = data.draw(st.integers(0, 255))
    source = BytesSource(bytes(content))
    found = None
    with suppress(FormatError):  # beyond the limits of a movie
        found = read_movie(source)
    facts = facts_of(source, found or movie())
    assert MediaFacts.decode(facts.encode()) == facts


def comes_back_or_is_refused(candidate: bytes) -> bool:
    try:
        return MediaFacts.decode(candidate).encode() == candidate
    except FormatError as refusal:
        return refusal.code == "FORMAT_INVALID"


@given(st.binary(max_size=300))
def test_bytes_are_facts_or_refused(raw: bytes) -> None:
    assert comes_back_or_is_refused(raw)
    assert comes_back_or_is_refused(b"\1" + raw)


@given(st.integers(0, 231), st.integers(0, 255), st.integers(0, 231))
def test_a_changed_byte_is_other_facts_or_refused(at: int, value: int, stop: int) -> None:
    encoded = bytearray(read(encodes.variable_rate()).encode())
    encoded[at] = value
    assert comes_back_or_is_refused(bytes(encoded))
    assert comes_back_or_is_refused(bytes(encoded[:stop]))


@given(st.integers(0, 2**63 - 1))
def test_numbers_are_written_in_their_shortest_form(value: int) -> None:
    assert read_compact(Body(compact(value))) == value
    with pytest.raises(FormatError):
        read_compact(Body(bytes([*compact(value)[:-1], compact(value)[-1] | 0x80, 0])))


def test_a_number_has_at_most_63_bits() -> None:
    assert compact(2**70) == compact(2**63 - 1) == b"\xff" * 8 + b"\x7f"
    with pytest.raises(FormatError, match="63 bits"):
        read_compact(Body(b"\xff" * 9 + number(1, 1)))

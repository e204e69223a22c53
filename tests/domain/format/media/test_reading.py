"""Movies as their boxes tell them, made and real ones, and the findings that are contracts (S4.1)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from struct import pack

import pytest

from domain.format.errors import FormatError
from domain.format.media.movie import Edit, Issue
from domain.format.media.reading import HEAD_BYTES, is_media, read_movie
from domain.format.media.source import BytesSource
from domain.format.media.tables import ISSUES_MAX
from tests.domain.format.media.columns import are_agreed, messages, read, samples_of
from tests.media import encodes, making
from tests.media.making import box, clip, ftyp, movie, song

REAL: tuple[Callable[[], bytes], ...] = (
    encodes.mp4,
    encodes.mov,
    encodes.fast_start,
    encodes.fragmented_mp4,
    encodes.several_tracks,
    encodes.with_b_frames,
    encodes.variable_rate,
    encodes.all_intra,
    encodes.hdr10,
)
WHOLE = movie(clip(), song())


def without(kind: str, content: bytes = WHOLE) -> bytes:
    """The file without its boxes of that kind."""
    kept = [each for each in read(content).boxes if each.kind != kind]
    return b"".join(content[each.offset : each.end] for each in kept)


@pytest.mark.parametrize("fast_start", [False, True])
@pytest.mark.parametrize("wide", [False, True])
def test_every_sample_is_found_where_it_lies(fast_start: bool, wide: bool) -> None:
    content = movie(clip(), song(), fast_start=fast_start, wide=wide)
    assert [samples_of(content, 0), samples_of(content, 1)] == [clip().samples, song().samples]
    assert read(content).issues == ()


def test_a_track_is_told_with_its_size_sound_and_language() -> None:
    picture, sound = read(WHOLE).tracks
    assert (picture.handler, picture.codec, picture.width, picture.height) == ("vide", "avc1", 160, 90)
    assert (sound.handler, sound.codec, sound.channels, sound.sample_rate) == ("soun", "mp4a", 2, 48_000)
    assert (picture.language, sound.language, sound.timescale, sound.duration) == (
        "und",
        "eng",
        48_000,
        19_200,
    )
    assert picture.entry == making.sample_entry(clip())


@pytest.mark.parametrize("encode", REAL, ids=lambda encode: encode.__name__)
def test_s4_1_a_real_file_has_no_issue(encode: Callable[[], bytes]) -> None:
    found = read(encode())
    assert found.is_sound
    assert found.issues == ()
    assert all(are_agreed(track.samples) for track in found.tracks)
    assert all(track.samples.count for track in found.tracks)


@pytest.mark.parametrize(
    ("kind", "issue"),
    [
        ("ftyp", Issue("error", "Missing ftyp box")),
        ("moov", Issue("error", "Missing moov box")),
        ("mdat", Issue("warning", "Missing mdat box")),
    ],
)
def test_s4_1_a_missing_box_is_named(kind: str, issue: Issue) -> None:
    assert issue in read(without(kind)).issues


def test_s4_1_a_missing_mdat_alone_passes() -> None:
    found = read(ftyp() + movie(head=b"")[8:])
    assert [issue.message for issue in found.issues] == ["Missing mdat box"]
    assert found.is_sound


def test_s4_1_a_box_that_lies_is_named_with_both_sizes() -> None:
    content = movie(clip(), fast_start=True)
    mdat = read(content).boxes[-1]
    longer = content[: mdat.offset] + making.claiming(99_999, content[mdat.offset :])
    assert messages(longer) == [f"Box mdat size mismatch: declared 99999, actual {mdat.actual_bytes}"]


def test_s4_1_an_mdat_that_goes_on_to_the_end_is_sound() -> None:
    content = movie(clip(), fast_start=True)
    mdat = read(content).boxes[-1]
    endless = content[: mdat.offset] + making.claiming(0, content[mdat.offset :])
    assert (messages(endless), samples_of(endless)) == ([], clip().samples)


def test_s4_1_a_box_inside_moov_that_lies_is_named() -> None:
    content = WHOLE.replace(b"\0\0\0\x6cmvhd", b"\0\0\xff\xffmvhd")
    assert any(message.startswith("Box mvhd size mismatch: declared 65535") for message in messages(content))


def test_s4_1_a_real_file_cut_to_60_percent_is_seen() -> None:
    whole = encodes.fast_start()
    found = messages(making.truncated(whole, 60))
    mdat = next(each for each in read(whole).boxes if each.kind == "mdat")
    actual = len(whole) * 60 // 100 - mdat.offset
    assert found[0] == f"Box mdat size mismatch: declared {mdat.declared_bytes}, actual {actual}"
    assert found[1].startswith("Track 1: ")
    assert found[1].endswith(" of 50 samples lie outside the file")


@pytest.mark.parametrize("percent", range(1, 100, 7))
def test_s4_1_a_file_cut_anywhere_is_not_sound(percent: int) -> None:
    cut = making.truncated(encodes.fast_start(), percent)
    assert not read(cut).is_sound


def test_s4_1_samples_outside_the_file_are_counted() -> None:
    content = movie(clip(), fast_start=True)
    shorter = content[: -len(clip().samples[-1]) - 1]
    assert messages(shorter)[1:] == ["Track 1: 2 of 10 samples lie outside the file"]


def test_s4_1_a_nesting_bomb_in_a_movie_is_an_issue() -> None:
    bomb = b""
    for _ in range(1000):
        bomb = box("trak", bomb)
    assert messages(ftyp() + box("moov", bomb) + box("mdat")) == ["Parse failed: boxes nest deeper than 16"]


def test_a_track_without_its_tables_is_an_issue() -> None:
    moov = box("moov", making.full_box("mvhd", bytes(96)), box("trak", making.full_box("tkhd", bytes(80))))
    assert messages(ftyp() + moov + box("mdat")) == ["Parse failed: track 0 has no mdhd, hdlr, stbl"]


def test_more_tracks_than_the_limit_are_refused() -> None:
    with pytest.raises(FormatError, match="more than 128 tracks"):
        read(movie(*[clip(1)] * 129))


@pytest.mark.parametrize(
    "content", [b"", b"\0" * 64, b"plain text, and enough of it to be read" * 9, b"\x89PNG\r\n\x1a\n"]
)
def test_other_files_are_no_media(content: bytes) -> None:
    assert not is_media(content[:HEAD_BYTES])
    assert read_movie(BytesSource(content)) is None


@pytest.mark.parametrize("encode", REAL, ids=lambda encode: encode.__name__)
def test_real_files_are_media_by_their_first_bytes(encode: Callable[[], bytes]) -> None:
    assert is_media(encode()[:HEAD_BYTES])


def test_a_movie_whose_first_type_was_hit_is_one_still() -> None:
    assert messages(WHOLE.replace(b"ftyp", b"fXyp")) == ["Missing ftyp box"]


@pytest.mark.parametrize("still", [ftyp("heic", "mif1") + box("meta"), ftyp("avif") + box("mdat", b"x")])
def test_a_still_picture_is_no_movie(still: bytes) -> None:
    assert read_movie(BytesSource(still)) is None


def test_bytes_behind_the_last_box_are_a_warning() -> None:
    found = read(WHOLE + bytes(13))
    assert (found.issues, found.is_sound) == ((Issue("warning", "13 bytes follow the last box"),), True)


def test_an_old_quicktime_file_needs_no_order_and_no_terminator() -> None:
    user = box("udta", box("\xa9nam", b"name"), bytes(2))
    content = movie(clip(), head=ftyp("qt  ") + box("wide") + box("skip", b"1"), tail=user)
    assert (read(content).issues, read(content).brands) == ((), ("qt  ", "qt  "))
    assert samples_of(content) == clip().samples


def test_a_language_of_quicktime_is_a_number() -> None:
    told = WHOLE.replace(pack(">H", 0x15C7), pack(">H", 2))
    assert read(told).tracks[1].language == "deu"


def test_an_edit_list_of_either_version_is_read() -> None:
    narrow = movie(replace(clip(), edits=((100, -1), (300, 40))))
    rows = pack(">QqiQqi", 2**33, -1, 0x10000, 300, 2**34, 0)
    wide = box("edts", making.full_box("elst", pack(">I", 2), rows, version=1))
    inserted = _with_inside_trak(movie(clip(), fast_start=False), wide)
    assert read(narrow).tracks[0].edits == (Edit(100, -1, 0x10000), Edit(300, 40, 0x10000))
    assert read(inserted).tracks[0].edits == (Edit(2**33, -1, 0x10000), Edit(300, 2**34, 0))


def test_samples_in_another_file_are_not_looked_for_in_this_one() -> None:
    content = movie(clip()).replace(making.full_box("url ", flags=1), making.full_box("url ", flags=0))
    found = read(content)
    assert [issue.message for issue in found.issues] == ["Track 1: its samples lie in another file"]
    assert found.tracks[0].samples.count == 0


def test_issues_are_kept_up_to_a_number_of_each_severity() -> None:
    liars = [box("trak", making.claiming(200, box("mdia"))) for _ in range(120)]
    found = read(ftyp() + box("moov", *liars) + box("mdat"))
    assert [issue.severity for issue in found.issues] == ["error"] * ISSUES_MAX


def _with_inside_trak(content: bytes, inside: bytes) -> bytes:
    """Put behind tkhd of a movie whose moov comes last; sizes of moov and trak follow."""
    at = content.index(b"mdia") - 4
    grown = content[:at] + inside + content[at:]
    for kind in (b"moov", b"trak"):
        size_at = grown.index(kind) - 4
        size = int.from_bytes(grown[size_at : size_at + 4], "big") + len(inside)
        grown = grown[:size_at] + pack(">I", size) + grown[size_at + 4 :]
    return grown

"""Names, refs, paths and digests are parsed once, at the edge; ids follow from names."""

from __future__ import annotations

import unicodedata
from contextlib import suppress

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from domain.errors import InvalidNameError, InvalidPathError
from domain.ids import (
    NAME_PATTERN,
    PATH_BYTES_MAX,
    SUBJECT_ID_PATTERN,
    AggregateId,
    RepoId,
    branch_id,
    case_key,
    derived_id,
    packed,
    parse_digest,
    parse_name,
    parse_path,
    parse_ref,
    repo_id,
    tag_id,
    unpacked,
)
from tests.strategies import digests

parts = st.lists(st.text(max_size=5), max_size=4)


@given(st.text(max_size=3), parts)
def test_every_derived_id_may_be_part_of_a_subject(purpose: str, named: list[str]) -> None:
    assume(purpose.isprintable())
    assert SUBJECT_ID_PATTERN.fullmatch(derived_id(purpose, *named))
    assert derived_id(purpose, *named) == derived_id(purpose, *named)


@given(parts, parts)
def test_other_parts_give_another_id_however_they_are_cut(one: list[str], other: list[str]) -> None:
    assert (derived_id("x", *one) == derived_id("x", *other)) == (one == other)


def test_a_branch_and_a_tag_of_one_name_are_two_things() -> None:
    film = repo_id("film")
    assert len({branch_id(film, "main"), tag_id(film, "main"), branch_id(RepoId("x"), "main")}) == 3


@given(st.from_regex(r"[a-z0-9-]{1,64}", fullmatch=True), st.from_regex(r"[a-z0-9-]{1,64}", fullmatch=True))
def test_an_aggregates_name_parses_back(family: str, id_: str) -> None:
    assert AggregateId.parse(str(AggregateId(family, id_))) == AggregateId(family, id_)


@pytest.mark.parametrize("text", ["film", "0", "a.b_c-d", "x" * 64])
def test_a_name_is_taken_as_it_is(text: str) -> None:
    assert parse_name(text) == text


@pytest.mark.parametrize(
    "text", ["", "Film", "-film", ".film", "x" * 65, "fi lm", "film\n", "film/cut", "fílm"]
)
def test_a_name_that_breaks_the_pattern_is_refused(text: str) -> None:
    with pytest.raises(InvalidNameError) as refused:
        parse_name(text)
    assert refused.value.facts == {"name": text[:64], "pattern": NAME_PATTERN.pattern}


@pytest.mark.parametrize("text", ["main", "Ada/cut-2", "v1.0", "a" * 128])
def test_a_ref_may_have_segments(text: str) -> None:
    assert parse_ref(text) == text


@pytest.mark.parametrize(
    "text", ["", "/main", "main/", "a//b", "a..b", "../a", "x.lock", "a b", "main\n", "-a", "a" * 129]
)
def test_a_ref_that_a_tool_could_trip_over_is_refused(text: str) -> None:
    with pytest.raises(InvalidNameError):
        parse_ref(text)


@given(st.text(max_size=300))
def test_a_path_is_taken_unchanged_or_refused_with_a_rule(text: str) -> None:
    with suppress(InvalidPathError):
        assert parse_path(text) == text == unicodedata.normalize("NFC", text)
        assert len(text.encode()) <= PATH_BYTES_MAX
        assert not {unicodedata.category(char) for char in text} & {"Cc", "Cs"}
        assert not {"", ".", ".."} & set(text.split("/"))


@pytest.mark.parametrize(
    "text",
    ["", "/a", "a/", "a//b", ".", "..", "a/../b", "a/./b", "a\\b", "a\0b", "a\nb", "a\x7fb", "a\ud800"],
)
def test_a_path_that_leads_elsewhere_or_hides_something_is_refused(text: str) -> None:
    with pytest.raises(InvalidPathError) as refused:
        parse_path(text)
    assert refused.value.facts["rule"]
    assert str(refused.value.facts["path"]).isascii()


def test_a_path_in_another_normal_form_is_refused() -> None:
    assert parse_path("caf\u00e9.mov") == "caf\u00e9.mov"
    with pytest.raises(InvalidPathError) as refused:
        parse_path("cafe\u0301.mov")
    assert "normal form C" in str(refused.value.facts["rule"])


def test_a_path_has_at_most_1024_bytes_of_utf_8() -> None:
    assert parse_path("é" * 512)
    for text in ("é" * 512 + "x", "x" * 1025):
        with pytest.raises(InvalidPathError, match="1024 bytes"):
            parse_path(text)


@given(st.text(st.characters(codec="ascii"), max_size=20))
def test_letter_case_makes_no_difference_to_the_case_key(text: str) -> None:
    assert case_key(text) == case_key(text.upper()) == case_key(text.lower())


@given(st.text(max_size=20))
def test_a_case_key_is_its_own_case_key_in_normal_form_c(text: str) -> None:
    assume(text == unicodedata.normalize("NFC", text))
    key = case_key(text)
    assert key == unicodedata.normalize("NFC", key)


def test_paths_that_a_case_insensitive_disk_would_mix_up_share_a_key() -> None:
    assert case_key("Clip.MOV") == case_key("clip.mov")
    assert case_key("STRASSE") == case_key("straße")
    assert case_key("É") == case_key("é") != case_key("e")


@given(digests)
def test_a_digest_reads_as_64_hex_characters(digest: bytes) -> None:
    assert parse_digest(digest.hex()) == digest


@pytest.mark.parametrize(
    "text", ["", "ab", "AB" * 32, "g" * 64, "ab" * 33, " " + "ab" * 31 + "a", "ab " * 22]
)
def test_what_is_no_digest_is_refused(text: str) -> None:
    with pytest.raises(InvalidNameError):
        parse_digest(text)


@given(st.lists(digests, max_size=5))
def test_packed_digests_unpack_in_order(names: list[bytes]) -> None:
    assert list(unpacked(b"".join(names))) == names
    assert packed(unpacked(b"".join(names))) == b"".join(names)

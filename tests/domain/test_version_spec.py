"""Whatever names a version is read in one exact way, or refused in one (V1.*, V7.1, V8.1-8.3)."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import DitsError, VersionConflictError, VersionLengthError, VersionPatternError
from domain.version_spec import (
    NOTHING_ASKED,
    PATTERN,
    Asked,
    Given,
    Notice,
    dangerous,
    is_version_id,
    notices_of,
    read,
    sort_key,
)
from tests.domain.versions import givens, raws, refused, told_in

CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


def header(raw: str) -> Given:
    return Given("header", "X-API-Version", raw)


def alias(raw: str) -> Given:
    return Given("header", "API-Version", raw)


def url(raw: str) -> Given:
    return Given("url", None, raw)


def query(raw: str) -> Given:
    return Given("query", "version", raw)


# ------------------------------------------------------------------ syntax (V1.1, V1.4)
@pytest.mark.parametrize(
    "raw", ["1.0", "version1", "v1.2", "v1-", "v1_beta", "v1-Beta1", "v\uff11", "-v1", "v1\r\n", "v1\n"]
)
def test_what_is_off_the_pattern_is_told_the_pattern(raw: str) -> None:
    error = refused(lambda: read([header(raw)]))
    assert isinstance(error, VersionPatternError)
    assert error.message == f"Version identifier must match pattern {PATTERN}"


def test_a_pattern_error_says_what_came_from_where_and_shows_examples() -> None:
    assert refused(lambda: read([query("1.0")])).facts == {
        "provided_value": "1.0",
        "required_pattern": "^v[0-9]+(-[a-z]+)?$",
        "examples": ("v1", "v2", "v3-beta"),
        "source": "query",
    }


@pytest.mark.parametrize(
    "raw",
    [
        "v",
        "v1-beta-experimental-feature-123",
        "v2-aaaaaaaaaaaaaaaaaaaa",
        "<script>alert(1)</script>",
        "v999999999999999999",
        "v1234567890",
        "V1234567890-BETA",
        "v" * 2_000,
    ],
)
def test_what_is_too_long_or_too_short_is_told_the_length(raw: str) -> None:
    error = refused(lambda: read([header(raw)]))
    assert isinstance(error, VersionLengthError)
    assert error.message == "Version identifier must be 2-20 characters"


def test_a_length_error_says_how_long_it_was() -> None:
    assert refused(lambda: read([url(" v1-beta-experimental-feature-123")])).facts == {
        "provided_value": "v1-beta-experimental-feature-123",
        "provided_length": 32,
        "min_length": 2,
        "max_length": 20,
        "source": "url",
    }


@pytest.mark.parametrize(
    "raw", ["v1", "v0", "v123456789", "v1-abcdefghijklmnopq", "v01", "V1", "V2-BETA", "v2-Beta"]
)
def test_what_is_well_formed_but_for_its_case_is_asked_for(raw: str) -> None:
    assert read([header(raw)]) == Asked(raw, "header")


def test_a_letter_whose_lower_case_is_ascii_is_no_letter_of_an_id() -> None:
    assert "v1-\u212a".lower() == "v1-k"
    assert isinstance(refused(lambda: read([query("v1-\u212a")])), VersionPatternError)


# ------------------------------------------------------------------ blanks (V1.2, V1.5)
@pytest.mark.parametrize("raw", [" v1", "v1 ", " v1 ", "\tv1", "  v1 \t"])
def test_blanks_around_an_id_are_trimmed_and_noticed(raw: str) -> None:
    asked = read([header(raw)])
    assert (asked.version_id, asked.source) == ("v1", "header")
    assert [(one.kind, one.source) for one in asked.notices] == [("whitespace", "header")]


@pytest.mark.parametrize("raw", ["\u00a0v1", "v1\x0b", "\x0cv1", "v1\x85", "\u2003v1", "v 1", "v1\r"])
def test_no_other_white_space_is_trimmed(raw: str) -> None:
    assert isinstance(refused(lambda: read([query(raw)])), VersionPatternError)


def test_what_is_noticed_is_escaped() -> None:
    assert read([header("\tv1")]).notices == (Notice("whitespace", "header", r"\tv1"),)


def test_an_empty_source_is_no_source() -> None:
    assert read([]) is NOTHING_ASKED
    assert read([query("")]) == Asked(None, "default")
    assert read([header(""), query("v1")]) == Asked("v1", "query")


def test_a_blank_source_is_no_source_but_is_noticed() -> None:
    asked = read([header("   "), url("v1")])
    assert asked == Asked("v1", "url", (Notice("whitespace", "header", "   "),))


# ------------------------------------------------------------------ several sources (V7.1, V8.1)
def test_sources_that_agree_once_trimmed_do_not_contradict() -> None:
    asked = read([query("v1"), url("v1"), header(" v1 "), alias("v1")])
    assert (asked.version_id, asked.source) == ("v1", "header")


def test_sources_that_differ_are_all_named_in_order_of_precedence() -> None:
    error = refused(lambda: read([query("v3"), url("v1"), header("v2")]))
    assert isinstance(error, VersionConflictError)
    assert error.message == "Contradictory version specifications"
    assert error.facts == {
        "specifications": (
            {"source": "header", "name": "X-API-Version", "value": "v2"},
            {"source": "url", "value": "v1"},
            {"source": "query", "name": "version", "value": "v3"},
        ),
        "precedence": ("header", "url", "query"),
    }


@pytest.mark.parametrize(
    "several",
    [
        [header("v1"), alias("v2")],
        [query("v1"), query("v2")],
        [header("v2"), query("v3-beta")],
        [header("V1"), query("v1")],
    ],
)
def test_any_two_values_contradict_without_a_lookup(several: list[Given]) -> None:
    assert isinstance(refused(lambda: read(several)), VersionConflictError)


def test_a_query_that_repeats_itself_is_fine() -> None:
    assert read([query("v1"), query("v1")]) == Asked("v1", "query")


def test_a_contradiction_without_end_is_told_with_one() -> None:
    error = refused(lambda: read([query(f"v{number}") for number in range(1_000)]))
    assert len(error.facts["specifications"]) == 16  # type: ignore[arg-type]


def test_the_first_malformed_source_in_order_is_named_before_any_contradiction() -> None:
    error = refused(lambda: read([query("1"), url("v1.2"), alias("v1_a"), header("v2")]))
    assert (error.facts["source"], error.facts["provided_value"]) == ("header", "v1_a")


def test_the_first_of_several_lines_wins() -> None:
    asked = read([header("v2"), header("1.0"), header("v3")])
    assert asked == Asked("v2", "header", (Notice("duplicate_header", "header", "v2", 3),))


def test_lines_that_were_joined_are_lines() -> None:
    assert read([header("v1, v2")]) == read([header("v1"), header(" v2")])
    assert isinstance(refused(lambda: read([query("v1, v2")])), VersionPatternError)


def test_the_same_line_twice_is_noticed_too() -> None:
    assert [one.kind for one in read([header("v1"), header("v1")]).notices] == ["duplicate_header"]


def test_a_first_line_that_is_empty_is_an_absent_header() -> None:
    assert read([header(""), header("v1")]).version_id is None


def test_what_is_refused_is_noticed_all_the_same() -> None:
    kinds = [one.kind for one in notices_of([header(" 1.0"), header("v2")])]
    assert kinds == ["whitespace", "duplicate_header"]


# ------------------------------------------------------------------ danger (V8.2, V8.3)
@pytest.mark.parametrize(
    "raw", ["v1\r\nX-Injected: evil", "v1\r\n", "v1\x00", "v1\n", "\x7f", "\x1b[31m", "v1\r"]
)
@pytest.mark.parametrize("place", [header, alias, url, query])
def test_a_control_character_is_an_injection_wherever_it_stands(
    raw: str, place: Callable[[str], Given]
) -> None:
    danger = dangerous([header("v1"), place(raw)])
    assert danger is not None
    assert (danger.kind, danger.source) == ("header_injection", place("").source)
    assert not CONTROL.search(danger.provided_value)


def test_a_later_line_can_be_dangerous_although_it_is_ignored() -> None:
    assert dangerous([header("v1"), header("v2\r\nX: y")]) is not None
    assert dangerous([header("v1, v2\r\nX: y")]) is not None


def test_a_header_line_has_at_most_1024_bytes() -> None:
    assert dangerous([header("v" * 1_024), alias(" " * 1_024)]) is None
    danger = dangerous([header("\r" * 1_025)])
    assert danger is not None
    assert danger.kind == "too_large"


def test_a_long_url_or_query_is_no_header_field() -> None:
    assert dangerous([query("v" * 2_000), url("v1" * 1_000)]) is None


def test_a_tab_is_a_blank_and_latin_letters_are_no_control_characters() -> None:
    assert dangerous([header("\tv1\t"), query("v\xe9\x85"), url("v1\u2028")]) is None


# ------------------------------------------------------------------ ids
def test_ids_are_sorted_by_number_the_stable_one_first() -> None:
    given_ids = ["v10-rc", "v3-beta", "v10", "v3-alpha", "v1", "v3", "v2"]
    ordered = ["v1", "v2", "v3", "v3-alpha", "v3-beta", "v10", "v10-rc"]
    assert sorted(given_ids, key=sort_key) == ordered


@given(st.from_regex(PATTERN) | raws)
def test_an_id_matches_the_pattern_as_a_whole(text: str) -> None:
    digits = sum(char.isdigit() for char in text)
    matches = bool(re.fullmatch(PATTERN.rstrip("$"), text)) and len(text) <= 20 and digits <= 9
    assert is_version_id(text) == matches


# ------------------------------------------------------------------ any bytes at all
@given(givens)
def test_anything_is_read_or_refused_without_a_control_character(said: list[Given]) -> None:
    outcome = verdict(said)
    if isinstance(outcome, DitsError):
        assert outcome.code in {"INVALID_VERSION_FORMAT", "VERSION_CONFLICT"}
        assert not CONTROL.search(told_in(outcome))
    else:
        assert outcome.version_id is None or is_version_id(outcome.version_id.lower())
        assert all(not CONTROL.search(one.provided_value) for one in outcome.notices)


@given(givens)
def test_nothing_that_is_dangerous_is_read_as_a_version(said: list[Given]) -> None:
    danger = dangerous(said)
    if danger is None:
        assert all("\r" not in one.raw and "\n" not in one.raw and "\x00" not in one.raw for one in said)
    else:
        assert not CONTROL.search(danger.provided_value)
        assert len(danger.provided_value) <= 64


@given(st.data())
def test_the_order_in_which_places_arrive_does_not_matter(data: st.DataObject) -> None:
    said = list({(one.source, one.name): one for one in data.draw(givens)}.values())
    first, second = verdict(said), verdict(data.draw(st.permutations(said)))
    if isinstance(first, DitsError) and isinstance(second, DitsError):
        assert (type(first), first.facts) == (type(second), second.facts)
    else:
        assert first == second


def verdict(said: Sequence[Given]) -> Asked | DitsError:
    try:
        return read(said)
    except DitsError as error:
        return error

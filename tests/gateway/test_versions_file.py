"""The operator's file: what is taken of YAML, what is refused, and where it is wrong (V5.1)."""

from __future__ import annotations

import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from domain.api_registry.declared import Declared
from domain.errors import RegistryFileError
from gateway.versions.file import BUILT_IN, BYTES_MAX, parsed, written
from tests.domain.registries import EMPTY, HANDOVER, PAST_SUNSET, SINGLE, STD, after, applying, many

ONE = """\
default_version: v1
versions:
  v1:
    status: current
    released_at: "2026-01-01T00:00:00Z"
"""


def refused(text: str) -> tuple[str, object, object]:
    """Problem, line and column."""
    with pytest.raises(RegistryFileError) as raised:
        parsed(text)
    facts = raised.value.facts
    return str(facts["problem"]), facts.get("line"), facts.get("column")


# ------------------------------------------------------------------ what is taken
def test_a_file_declares_versions_and_a_default() -> None:
    declared = parsed(ONE)
    assert declared.default_version == "v1"
    assert [(each.version_id, each.status) for each in declared.versions] == [("v1", "current")]


@pytest.mark.parametrize(
    "text", ["", "# nothing\n", "---\n", "versions:\n", "versions: {}\n", "versions: null\n", "{}"]
)
def test_a_file_that_declares_nothing_is_an_empty_registry(text: str) -> None:
    assert parsed(text) == EMPTY


@pytest.mark.parametrize(
    "said", ["2026-01-01T00:00:00Z", "2026-01-01 01:00:00+01:00", "'2026-01-01T00:00:00Z'"]
)
def test_times_need_no_quotes_and_have_one_form(said: str) -> None:
    assert parsed(ONE.replace('"2026-01-01T00:00:00Z"', said)) == parsed(ONE)


def test_files_that_say_the_same_have_the_same_digest() -> None:
    """V5.1f: what was only touched, or laid out anew, is no news."""
    other = (
        "{versions: {v1: {released_at: 2026-01-01T00:00:00.000Z, status: 'current', "
        "opt_in_required: no, successor: ~}}, default_version: v1} # one line"
    )
    assert parsed(other).sha256 == parsed(ONE).sha256
    assert parsed(ONE.replace("current", "deprecated")).sha256 != parsed(ONE).sha256


@pytest.mark.parametrize("what", [STD, SINGLE, EMPTY, HANDOVER, PAST_SUNSET, many(100)])
def test_what_is_written_is_read_back(what: Declared) -> None:
    assert parsed(written(what)) == what


def test_the_built_in_file_is_a_sound_registry() -> None:
    registry = after(applying(parsed(BUILT_IN)))
    assert registry.default_at(applying(EMPTY).now) == "v2"
    assert set(registry.versions) == {"v1", "v2"}


# ------------------------------------------------------------------ what is refused
@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("versions: !!python/object/apply:os.system ['true']\n", 1),
        ("versions:\n  v1: !!python/name:os.system\n", 2),
        ("versions:\n  v1: !mine {status: current}\n", 2),
        ("versions: !!set {v1}\n", 1),
        ("versions:\n  v1: {status: !!binary Y3VycmVudA==, released_at: 2026-01-01T00:00:00Z}\n", 2),
        ("versions:\n  ? [v1]\n  : {}\n", 2),
        ("versions:\n  [1]: {}\n", 2),
        ("versions:\n  <<: {v1: {}}\n", 2),
        ("- v1\n", 1),
        ("just text\n", 1),
        ("default_version: yes\nversions: {}\n", 1),
        ("default_version: [v1]\nversions: {}\n", 1),
        ("versions: {v1: [current]}\n", 1),
        ("versions: {v1: ~}\n", 1),
        ("versions: {}\n---\nversions: {}\n", 2),
    ],
)
def test_only_plain_mappings_of_plain_values_are_taken(text: str, line: int | None) -> None:
    assert refused(text)[1] == line


def test_an_alias_is_refused_and_so_is_a_bomb_of_them() -> None:
    """V5.1e."""
    rows = [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 30)]
    bomb = "\n".join(["a0: &a0 lol", *rows, "versions: *a29"])
    began = time.monotonic()
    problem, line, _ = refused(bomb)
    assert ("alias" in problem, line) == (True, 2)
    assert time.monotonic() - began < 5


def test_a_key_that_stands_twice_is_refused_where_it_stands_again() -> None:
    assert refused("versions:\n  v1: {}\n  v1: {}\n")[1:] == (3, 3)
    assert refused(ONE + ONE)[1:] == (6, 1)
    assert refused(ONE + "    status: sunset\n")[1:] == (6, 5)


@pytest.mark.parametrize(
    ("text", "said", "place"),
    [
        (ONE.replace("default_version", "default"), "'default' is not known here", (1, 1)),
        (ONE.replace("status", "state"), "'state' is not known here", (4, 5)),
        (ONE.replace("current", "actual"), "v1: status:", (4, 13)),
        (ONE.replace("    status: current\n", ""), "v1: status: Field required", (4, 5)),
        (ONE.replace("2026-01-01T00:00:00Z", "soon"), "v1: released_at is no RFC 3339 time", (3, 3)),
        (ONE.replace("T00:00:00Z", ""), "v1: released_at is no RFC 3339 time with a zone", (3, 3)),
        (ONE.replace("v1", "V1"), "'V1' is no version identifier", (3, 3)),
        (ONE.replace("default_version: v1", "default_version: v9"), "default_version names no version", None),
        (ONE.replace("current", "prerelease"), "default_version names a prerelease", None),
        (ONE + "    successor: next\n", "v1: its successor is no version identifier", (3, 3)),
        (ONE + '    migration_guide_url: "javascript:alert(1)"\n', "v1: its migration guide", (3, 3)),
        (ONE + '    migration_guide_url: "https://x.example/>; rel=x"\n', "v1: its migration guide", (3, 3)),
        (ONE + "    opt_in_required: maybe\n", "v1: opt_in_required:", (6, 22)),
        (
            ONE + "    sunset_at: 2025-01-01T00:00:00Z\n",
            "v1: sunset_at does not lie after released_at",
            (3, 3),
        ),
    ],
)
def test_what_is_wrong_is_said_with_its_place(text: str, said: str, place: tuple[int, int] | None) -> None:
    problem, line, column = refused(text)
    assert said in problem
    assert place is None or (line, column) == place


def test_an_end_before_the_deprecation_is_refused() -> None:
    """V5.1h, R26: RFC 9745 section 4."""
    text = ONE + "    deprecated_at: 2026-06-02T00:00:00Z\n    sunset_at: 2026-06-01T00:00:00Z\n"
    assert "sunset_at lies before deprecated_at" in refused(text)[0]


@pytest.mark.parametrize(
    ("text", "line"),
    [("versions: {v1", 1), ("a: b: c", 1), ("versions:\n\tv1: {}", 2), ("'open", 1), ("\x00", None)],
)
def test_what_is_no_yaml_is_said_with_its_line(text: str, line: int | None) -> None:
    assert refused(text)[1] == line


def test_a_file_of_more_than_a_hundred_versions_is_invalid() -> None:
    """V6.2e."""
    hundred = written(many(100))
    one_more = hundred + "  v101:\n    status: deprecated\n    released_at: 2026-01-01T00:00:00Z\n"
    assert "at most 100" in refused(one_more)[0]


def test_a_file_is_bounded_in_bytes() -> None:
    assert parsed("#" * (BYTES_MAX - 1)) == EMPTY
    assert str(BYTES_MAX) in refused("#" + "ü" * (BYTES_MAX // 2))[0]


def test_a_file_may_nest_as_deep_as_it_likes_and_is_refused() -> None:
    for opening in ("[", "{a: ", "- ", "? "):
        refused("versions: " + opening * 20_000)


def test_a_time_that_has_no_place_in_utc_is_none() -> None:
    assert (
        "released_at is no RFC 3339 time"
        in refused(ONE.replace("2026-01-01T00:00:00Z", "0001-01-01T00:00:00+14:00"))[0]
    )


# ------------------------------------------------------------------ anything at all
WORDS = "versions default_version v1 v2-beta status current released_at 2026-01-01T00:00:00Z yes ~ 1.5 << é"
SIGNS = "{ } [ ] , &a *a !!str !x ' \" | > # - ?"
CUTS = (": ", ":\n  ", "\n", "\n    ", "\t", "\x00", "\ud800", "\ufeff", "%YAML 1.1\n---\n", "\u2028", " ")
pieces = st.sampled_from([*WORDS.split(), *SIGNS.split(), *CUTS])
texts = st.one_of(st.text(max_size=60), st.lists(pieces, max_size=14).map("".join))


@given(texts)
@example("\ud800")
@example("? - a")
@example("versions: {v1: {status: current, released_at: 2026-13-41T00:00:00Z}}")
@example("versions: {v1: {status: current, released_at: 9999-12-31T23:59:59-14:00}}")
@example("%YAML 9.9\n---\n{}")
@example("!!timestamp x: 1")
def test_any_text_is_a_registry_or_a_wrong_file(text: str) -> None:
    try:
        declared = parsed(text)
    except RegistryFileError as error:
        assert error.message  # noqa: PT017 -- either is fine
    else:
        assert parsed(written(declared)) == declared

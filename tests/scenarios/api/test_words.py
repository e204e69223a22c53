"""The table's words mean what R51 says, and each can be wrong."""

from __future__ import annotations

import pytest

from tests.scenarios.api.words import ABSENT, Known, echoes, expanded, fits, mentions

FRESH = "6f1c2f2e-0b7a-4c3d-9f00-aaaaaaaaaaaa"
KNOWN = Known(
    named=lambda name: {"X-Correlation-ID": FRESH, "message": "no"}.get(name, ABSENT),
    sent=frozenset({"00000000-0000-4000-8000-000000000000"}),
    before={"revision": 3},
)


@pytest.mark.parametrize(
    ("written", "sent"),
    [
        ("3 x v", "vvv"),
        ("/repos?version=<3 x v>", "/repos?version=vvv"),
        ("<4 chars>", "xxxx"),
        ("2 KiB", "x" * 2048),
        ("v1<CR>X: y", "v1\rX: y"),
        ("v1<CRLF>X: y<LF><NUL>", "v1\r\nX: y\n\0"),
        ("<script>alert(1)</script>", "<script>alert(1)</script>"),
        (1.0, "1.0"),
        (True, "true"),
    ],
)
def test_a_word_of_a_request_is_sent_as_meant(written: object, sent: str) -> None:
    assert expanded(written) == sent


@pytest.mark.parametrize(
    ("word", "right", "wrong"),
    [
        ("present", "anything", ABSENT),
        ("present", 0, None),
        ("absent", ABSENT, ""),
        ("int", 3, "3"),
        ("UUIDv4", FRESH, FRESH.replace("-4", "-1")),
        ("fresh UUIDv4", FRESH, "00000000-0000-4000-8000-000000000000"),
        ("contains b", "abc", "ac"),
        ("contains a and c", "abc", "ab"),
        ("contains a and b", "a and b", "a"),
        ("= X-Correlation-ID", FRESH, "another"),
        ("= X-Correlation-ID, UUIDv4", FRESH, "another"),
        ("= message", "no", "message"),
        ("= v2", "v2", "v1"),
        ("< 10", "9.5", "10"),
        (">= 1", 1, 0),
        (">=1 and <=60", "60", "61"),
        (">= 1", "1", "soon"),
        ("3 x v", "vvv", "vv"),
        ('"a";r=0;t=..', '"a";r=0;t=31', '"a";r=1;t=31'),
        ("v2", "v2", "v1"),
        ("true", True, False),
    ],
)
def test_a_word_of_an_expectation_can_hold_and_fail(word: str, right: object, wrong: object) -> None:
    assert fits(word, right, KNOWN)
    assert not fits(word, wrong, KNOWN)


def test_unchanged_is_what_the_member_was_before() -> None:
    assert fits("unchanged", 3, KNOWN, at="revision")
    assert not fits("unchanged", 4, KNOWN, at="revision")
    assert not fits("unchanged", 3, KNOWN, at="another")


def test_a_value_said_again_may_be_trimmed_escaped_or_cut() -> None:
    assert all(echoes(found, (" v\uff11 ",)) for found in (" v\uff11 ", "v\uff11", "v\\uff11"))
    assert echoes("x" * 64, ("x" * 100,))
    assert not echoes("v2", ("v1",))
    assert not echoes(ABSENT, ("v1",))


def test_a_version_is_mentioned_as_a_whole_word_only() -> None:
    assert mentions('["v1", "v2"]', "v1")
    assert not mentions('["v10", "v1-beta"]', "v1")
    assert mentions("a Traceback", "Trace")

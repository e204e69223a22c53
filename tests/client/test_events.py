"""Server-sent events: however the bytes arrive, the same messages come out."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from gateway.client.events import Message, Seen, messages
from gateway.client.results import Event

STREAM = (
    b": a comment\n\n"
    b'event: commit.published.v1\ndata: {"a": 1}\n\n'
    b'id: p2\r\nevent: branch.moved.v1\r\ndata: {"b":\r\ndata: 2}\r\n\r\n'
    b"event: cut.off.v1\ndata: {"
)
WHOLE = [
    Message("", "commit.published.v1", '{"a": 1}'),
    Message("p2", "branch.moved.v1", '{"b":\n2}'),
]


def event(position: str, index: int) -> Event:
    return Event(position, index, "commit.1", 1, "t.v1", "2026-11-22T12:00:00Z", "me", "c", {})


@given(st.lists(st.integers(0, len(STREAM)), max_size=12))
def test_messages_do_not_depend_on_how_the_stream_is_cut(cuts: list[int]) -> None:
    borders = [0, *sorted(cuts), len(STREAM)]
    blocks = [STREAM[start:stop] for start, stop in pairwise(borders)]
    assert list(messages(blocks)) == WHOLE


def test_what_comes_again_after_a_lost_connection_is_not_news() -> None:
    seen = Seen()
    again = [event("p1", 0), event("p1", 1), event("p1", 0), event("p1", 1), event("p1", 2), event("p2", 0)]
    assert [each.index for each in again if seen.is_news(each)] == [0, 1, 2, 0]

"""The message format, byte for byte (`docs/eventlog.md`), and that nothing else is taken for one."""

from __future__ import annotations

import msgpack
import pytest
from blake3 import blake3
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import EventTooLargeError, LogRegressedError, UnknownTopicError
from infra.eventlog.message import (
    FIRST,
    MESSAGE_BYTES_MAX,
    Shard,
    StoredState,
    append_id_of,
    digest,
    pack,
    pack_guard,
    unpack,
)
from infra.eventlog.reader import Chain, Stored

ID = bytes(range(16))
states = st.builds(StoredState, st.integers(1, 1 << 40), st.text(max_size=20), st.binary(max_size=50))


@given(st.binary(min_size=16, max_size=16), st.lists(states, min_size=1, max_size=5))
def test_what_was_packed_unpacks_to_the_same(append_id: bytes, events: list[StoredState]) -> None:
    payload = pack(append_id, FIRST, events)
    message = unpack(1, payload)
    assert (message.append_id, message.previous, list(message.events)) == (append_id, FIRST, events)
    assert append_id_of(1, payload) == append_id


def test_a_message_has_the_bytes_that_the_specification_shows() -> None:
    payload = pack(ID, FIRST, [StoredState(1, "a.b.v1", b"\x01\x02")])
    shown = f"9401c410{ID.hex()}c420{FIRST.hex()}919301a6612e622e7631c4020102"
    assert payload.hex() == shown


def test_a_guard_has_the_bytes_that_the_specification_shows() -> None:
    payload = pack_guard(ID, "tally.a", 7)
    assert payload.hex() == f"9401c410{ID.hex()}a774616c6c792e6107"
    assert append_id_of(1, payload) == ID


def test_a_digest_covers_subject_and_payload_unambiguously() -> None:
    assert digest("a", b"b") == blake3(b"a\0b").digest()
    assert digest("a", b"b") != digest("ab", b"")


@given(st.binary(max_size=200))
def test_bytes_that_are_no_message_name_their_sequence(garbage: bytes) -> None:
    with pytest.raises((LogRegressedError, UnknownTopicError)) as caught:
        unpack(17, garbage)
    if isinstance(caught.value, LogRegressedError):
        assert caught.value.facts["sequence"] == 17


@given(st.data())
def test_a_flipped_bit_is_noticed_by_the_next_message(data: st.DataObject) -> None:
    first = Stored(1, "dits.evt.0.tally.a", pack(ID, FIRST, [StoredState(1, "t.v1", b"state")]))
    second = pack(ID, digest(*first[1:]), [StoredState(2, "t.v1", b"state")])
    bit = data.draw(st.integers(0, len(first.payload) * 8 - 1))
    flipped = bytearray(first.payload)
    flipped[bit // 8] ^= 1 << bit % 8
    with pytest.raises((LogRegressedError, UnknownTopicError)):
        follow(first._replace(payload=bytes(flipped)), Stored(2, first.subject, second))


def follow(*messages: Stored) -> None:
    chain = Chain()
    for stored in messages:
        chain.follow(stored)


@pytest.mark.parametrize("versions", [(2,), (1, 3), (1, 1)])
def test_a_chain_with_a_missing_or_repeated_message_is_noticed(versions: tuple[int, ...]) -> None:
    messages: list[Stored] = []
    previous = FIRST
    for sequence, version in enumerate(versions, start=1):
        messages.append(Stored(sequence, "s", pack(ID, previous, [StoredState(version, "t", b"")])))
        previous = digest(*messages[-1][1:])
    with pytest.raises(LogRegressedError):
        follow(*messages)


def test_a_newer_format_is_said_to_be_one() -> None:
    with pytest.raises(UnknownTopicError, match="message format 2"):
        unpack(1, msgpack.packb((2, ID, FIRST, ())))


def test_a_message_at_the_limit_fits_and_one_byte_more_does_not() -> None:
    overhead = len(pack(ID, FIRST, [StoredState(1, "t", b"x" * 70_000)])) - 70_000
    pack(ID, FIRST, [StoredState(1, "t", b"x" * (MESSAGE_BYTES_MAX - overhead))])
    with pytest.raises(EventTooLargeError):
        pack(ID, FIRST, [StoredState(1, "t", b"x" * (MESSAGE_BYTES_MAX - overhead + 1))])


def test_subjects_are_literal_and_lead_back_to_their_aggregate() -> None:
    shard = Shard("3")
    assert shard.subject("tally.a-1") == "dits.evt.3.tally.a-1"
    assert shard.aggregate("dits.evt.3.tally.a-1") == "tally.a-1"
    assert shard.aggregate(shard.guard_subject) is None
    assert (shard.stream, shard.subjects) == ("DITS_3", "dits.evt.3.>")

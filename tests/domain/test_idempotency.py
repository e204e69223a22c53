"""A key is answered for 24 h of log time, and none is forgotten to make room (S7.2, I6)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import IdempotencyKeyReusedError, IdempotencyKeyringFullError
from domain.event import Envelope, HybridTime, IdempotencyKey
from domain.idempotency import KEY_LIFETIME_MS, LIVE_KEYS_MAX, Keyring
from tests.domain.examples import ADA, BOB

NOON_MS = 1_795_000_000_000


def at(after_ms: int = 0, counter: int = 0) -> HybridTime:
    return HybridTime((NOON_MS + after_ms) << 16 | counter)


def key(name: str = "k", body: bytes = b"body", command: str = "commits.open") -> IdempotencyKey:
    return IdempotencyKey(command, name, body)


def said(when: HybridTime, by: IdempotencyKey | None, actor: str = ADA) -> Envelope:
    return Envelope(b"append", when, actor, "correlation", None, by)


def test_a_key_is_found_with_the_events_it_produced() -> None:
    ring = Keyring()
    ring.remember(said(at(), None), 1)
    ring.remember(said(at(), key()), 2)
    ring.remember(said(at(), key()), 3)
    use = ring.find(ADA, key())
    assert use is not None
    assert (use.first, use.last) == (2, 3)


def test_a_key_means_nothing_to_another_consumer_or_command() -> None:
    ring = Keyring()
    ring.remember(said(at(), key()), 1)
    assert ring.find(BOB, key()) is None
    assert ring.find(ADA, key(command="locks.acquire")) is None
    assert ring.find(ADA, key("other")) is None


def test_a_key_with_another_body_is_refused() -> None:
    ring = Keyring()
    ring.remember(said(at(), key()), 1)
    with pytest.raises(IdempotencyKeyReusedError) as refused:
        ring.find(ADA, key(body=b"another"))
    assert refused.value.facts == {"key": "k"}


def test_a_key_is_known_for_24_hours_of_log_time() -> None:
    ring = Keyring()
    ring.remember(said(at(), key()), 1)
    ring.remember(said(at(KEY_LIFETIME_MS), key("later")), 2)
    assert ring.find(ADA, key()) is not None
    ring.remember(said(at(KEY_LIFETIME_MS, counter=1), key("much later")), 3)
    assert ring.find(ADA, key()) is None
    assert ring.find(ADA, key("later")) is not None


def test_events_without_a_key_let_old_keys_go_too() -> None:
    ring = Keyring()
    ring.remember(said(at(), key()), 1)
    ring.remember(said(at(KEY_LIFETIME_MS + 1), None), 2)
    assert not ring.uses


def full_ring() -> Keyring:
    ring = Keyring()
    for number in range(LIVE_KEYS_MAX):
        ring.remember(said(at(number), key(str(number))), number + 1)
    return ring


def test_an_aggregate_with_10_000_live_keys_refuses_new_ones_and_forgets_none() -> None:
    ring = full_ring()
    with pytest.raises(IdempotencyKeyringFullError) as refused:
        ring.refuse_if_full(at(LIVE_KEYS_MAX))
    assert refused.value.facts == {"live_keys": LIVE_KEYS_MAX}
    assert ring.find(ADA, key("0")) is not None


def test_one_key_less_is_not_full() -> None:
    ring = Keyring()
    for number in range(LIVE_KEYS_MAX - 1):
        ring.remember(said(at(), key(str(number))), number + 1)
    ring.refuse_if_full(at())


def test_a_full_aggregate_takes_keys_again_a_day_later_without_any_event() -> None:
    ring = full_ring()
    ring.refuse_if_full(at(KEY_LIFETIME_MS + 1))


def test_a_copy_goes_its_own_way() -> None:
    ring = Keyring()
    ring.remember(said(at(), key()), 1)
    copy = ring.copy()
    copy.remember(said(at(), key("later")), 2)
    assert ring.find(ADA, key("later")) is None
    assert copy.find(ADA, key()) is not None


steps = st.lists(
    st.tuples(st.integers(0, KEY_LIFETIME_MS // 2), st.none() | st.sampled_from("abc")), max_size=40
)


@given(steps)
def test_a_ring_knows_exactly_the_keys_of_the_last_24_hours(history: list[tuple[int, str | None]]) -> None:
    ring, now, last = Keyring(), 0, dict[str, int]()
    for version, (pause_ms, name) in enumerate(history, start=1):
        now += pause_ms
        ring.remember(said(at(now), key(name) if name else None), version)
        if name:
            last[name] = now
    live = {name for name, used in last.items() if used >= now - KEY_LIFETIME_MS}
    assert {name for _, _, name in ring.uses} == live

"""How often somebody may ask: one process, many over one count, and many when that count is away."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count, cycle, islice, repeat
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Counter
from structlog.testing import capture_logs

from domain.errors import UnavailableError
from gateway.bridge import Bridge
from gateway.counters import Counters, MemoryCounters
from gateway.errors import BusyError, problem_of
from gateway.limiting import BUCKET_NAMED, PAUSE_MS_MIN, Limiter, Standing
from gateway.measures import RATE_BUCKETS
from infra.dev.nats_server import NatsEndpoints
from tests.contracts.test_counters import connected
from tests.fakes import NOON, FakeClock

NOON_S = int(NOON.timestamp())
ADDRESS = "203.0.113.9"
_numbers = count(1)


async def at_once(step: Callable[[], int]) -> int:
    """A bridge without threads; what else is waiting goes first."""
    await asyncio.sleep(0)
    return step()


def one(clock: FakeClock, processes: int = 1, **more: object) -> Limiter:
    return Limiter(clock, MemoryCounters(), at_once, processes=processes, **more)  # type: ignore[arg-type]


def asked(limiter: Limiter, times: int, address: str = ADDRESS) -> list[Standing]:
    async def all_of_them() -> list[Standing]:
        return [await limiter.anonymous_request(address) for _ in range(times)]

    return asyncio.run(all_of_them())


def accepted(standings: Iterable[Standing]) -> int:
    return sum(standing.allowed for standing in standings)


# ------------------------------------------------------------------ what is said
def test_v4_1a_the_first_of_a_hundred_leaves_ninety_nine(clock: FakeClock) -> None:
    [standing] = asked(one(clock), 1)
    assert standing == Standing(100, 99, NOON_S + 60, 60, "anonymous", allowed=True)
    assert dict(standing.headers()) == {
        b"X-RateLimit-Limit": b"100",
        b"X-RateLimit-Remaining": b"99",
        b"X-RateLimit-Reset": b"%d" % (NOON_S + 60),
        b"RateLimit": b'"anonymous";r=99;t=60',
        b"RateLimit-Policy": b'"anonymous";q=100;w=60',
    }


def test_v4_5a_the_hundred_and_first_is_told_when_to_come_back(clock: FakeClock) -> None:
    clock.advance(timedelta(seconds=17, milliseconds=300))
    standings = asked(one(clock), 101)
    assert accepted(standings) == 100
    last = standings[-1]
    assert (last.remaining, last.reset_in_s) == (0, 43)
    problem = problem_of(last.refusal())
    assert (problem.status, problem.code) == (429, "RATE_LIMIT_EXCEEDED")
    assert ("Retry-After", "43") in problem.headers
    told = {"limit": 100, "window_seconds": 60, "retry_after": 43, "backoff": "exponential"}
    assert problem.details == told


@given(st.integers(0, 10**7))
def test_who_comes_back_when_told_meets_a_new_window(after_ms: int) -> None:
    clock = FakeClock()
    clock.advance(timedelta(milliseconds=after_ms))
    limiter = one(clock)
    last = asked(limiter, 101)[-1]
    assert 1 <= last.reset_in_s <= 60
    assert last.reset_at_s % 60 == 0
    clock.advance(timedelta(seconds=last.reset_in_s))
    assert asked(limiter, 1)[0].remaining == 99


def test_a_refusal_is_logged_and_counted(clock: FakeClock) -> None:
    total = Counter("t", "t", ("bucket",), registry=CollectorRegistry())
    limiter = one(clock, refused={"anonymous": total.labels("anonymous")})
    with capture_logs() as lines:
        asked(limiter, 102)
    assert [(line["event"], line["log_level"], line["bucket"], line["limit"]) for line in lines] == [
        ("rate_limit.exceeded", "info", "anonymous", 100)
    ] * 2
    assert total.labels("anonymous")._value.get() == 2


def test_every_bucket_has_a_counter_of_refusals() -> None:
    assert set(RATE_BUCKETS) == set(BUCKET_NAMED)


# ------------------------------------------------------------------ who is counted together
def test_v4_1e_two_addresses_have_a_hundred_each(clock: FakeClock) -> None:
    limiter = one(clock)
    assert accepted(asked(limiter, 150, "203.0.113.1")) == 100
    assert accepted(asked(limiter, 150, "203.0.113.2")) == 100


def test_an_ipv6_site_has_a_hundred_together(clock: FakeClock) -> None:
    limiter = one(clock)
    standings = [asked(limiter, 1, f"2001:db8:0:1::{host:x}")[0] for host in range(1, 121)]
    assert accepted(standings) == 100
    assert accepted(asked(limiter, 1, "2001:db8:0:2::1")) == 1


def test_v4_5c_a_consumer_has_a_limit_of_its_own(clock: FakeClock) -> None:
    async def story() -> None:
        limiter = one(clock)
        standings = [await limiter.count("consumer", "ann", 1000) for _ in range(1001)]
        assert [standing.allowed for standing in standings] == [True] * 1000 + [False]
        assert standings[0].headers()[-1] == (b"RateLimit-Policy", b'"consumer";q=1000;w=60')
        assert (await limiter.count("consumer", "bob", 2)).allowed

    asyncio.run(story())


def test_v4_2c_the_eleventh_invalid_attempt_is_refused_and_spends_no_other_quota(clock: FakeClock) -> None:
    async def story() -> None:
        limiter = one(clock)
        for number in range(1, 11):
            assert not limiter.is_barred(ADDRESS), number
            assert (await limiter.invalid_attempt(ADDRESS)).allowed
        assert limiter.is_barred(ADDRESS)
        assert not (await limiter.invalid_attempt(ADDRESS)).allowed
        assert (await limiter.invalid_attempt("203.0.113.10")).allowed
        assert (await limiter.anonymous_request(ADDRESS)).remaining == 99
        clock.advance(timedelta(seconds=60))
        assert not limiter.is_barred(ADDRESS)

    asyncio.run(story())


def test_injections_are_limited_too(clock: FakeClock) -> None:
    async def story() -> None:
        limiter = one(clock)
        standings = [await limiter.injection_attempt(ADDRESS) for _ in range(12)]
        assert accepted(standings) == 10
        assert not limiter.is_barred(ADDRESS)

    asyncio.run(story())


# ------------------------------------------------------------------ many processes
@dataclass(slots=True)
class Fleet:
    """Processes over one count."""

    limiters: list[Limiter]
    subject: str = field(default_factory=lambda: f"198.51.100.{next(_numbers)}")

    async def ask(self, order: Iterable[int]) -> int:
        """How many were accepted, one after the other, each at the process that `order` names."""
        found = [await self.limiters[place].count("anonymous", self.subject, 100) for place in order]
        return accepted(found)

    async def ask_at_once(self, order: Iterable[int]) -> int:
        asking = [self.limiters[place].count("anonymous", self.subject, 100) for place in order]
        return accepted(await asyncio.gather(*asking))


def fleet(processes: int) -> Fleet:
    clock, counters = FakeClock(), MemoryCounters()
    made = Fleet([Limiter(clock, counters, at_once, processes=processes) for _ in range(processes)])
    for limiter in made.limiters:
        counters.hear(limiter.heard)
    return made


@pytest.mark.parametrize("processes", range(1, 9))
def test_v4_5f_of_three_hundred_over_n_processes_exactly_a_hundred_are_accepted(processes: int) -> None:
    in_turn = islice(cycle(range(processes)), 300)
    assert asyncio.run(fleet(processes).ask(in_turn)) == 100
    in_blocks = sorted(islice(cycle(range(processes)), 300))
    assert asyncio.run(fleet(processes).ask(in_blocks)) == 100


@given(st.integers(1, 12), st.randoms(use_true_random=False), st.integers(1, 4))
def test_v4_5f_holds_however_requests_are_spread(processes: int, chance: Random, skew: int) -> None:
    order = [int(processes * chance.random() ** skew) for _ in range(300)]
    assert asyncio.run(fleet(processes).ask(order)) == 100


@pytest.mark.parametrize("processes", range(1, 9))
def test_v4_5f_holds_when_all_come_at_once(processes: int) -> None:
    assert asyncio.run(fleet(processes).ask_at_once(islice(cycle(range(processes)), 300))) == 100


def test_somebody_far_from_a_limit_or_beyond_it_costs_no_round_trip() -> None:
    async def story() -> None:
        first, second = fleet(2).limiters
        assert all(first.take("anonymous", "a", 100) for _ in range(25))
        assert first.take("anonymous", "a", 100) is None
        for _ in range(76):
            await first.settle("anonymous", "a", 100)
        for limiter in (first, second):
            await limiter.count("anonymous", "a", 100)
            standing = limiter.take("anonymous", "a", 100)
            assert standing is not None
            assert not standing.allowed

    asyncio.run(story())


# ------------------------------------------------------------------ the shared count is away
@dataclass(slots=True)
class MoodyCounters(MemoryCounters):
    """Answers while `is_up`, and counts how often it was asked."""

    is_up: bool = True
    asked: int = 0

    def __post_init__(self) -> None:
        MemoryCounters.__init__(self)

    def add(self, name: str, count: int) -> int:
        self.asked += 1
        if not self.is_up:
            raise UnavailableError(dependency="the event log")
        return MemoryCounters.add(self, name, count)


@pytest.fixture
def moody() -> MoodyCounters:
    return MoodyCounters()


def test_while_the_shared_count_is_away_each_process_counts_alone(
    clock: FakeClock, moody: MoodyCounters
) -> None:
    moody.is_up = False
    limiters = [Limiter(clock, moody, at_once, processes=2) for _ in range(2)]
    with capture_logs() as lines:
        assert [accepted(asked(limiter, 150)) for limiter in limiters] == [100, 100]
    assert moody.asked == 2, "each asked once and then went on alone"
    alone = [line["log_level"] for line in lines if line["event"] == "rate_limit.counted_alone"]
    assert alone == ["warning", "warning"]


def test_one_request_tries_again_after_a_pause_which_doubles(clock: FakeClock, moody: MoodyCounters) -> None:
    async def story() -> None:
        moody.is_up = False
        limiter = Limiter(clock, moody, at_once, processes=1_000)
        tried_after_ms: list[int] = []
        for after_ms in range(0, 17_000, 100):
            before = moody.asked
            for _ in range(2):
                await limiter.count("consumer", "ann", 1_000)
            tried_after_ms += [after_ms] * (moody.asked - before)
            clock.advance(timedelta(milliseconds=100))
        assert tried_after_ms == [0, 100, 300, 700, 1_500, 3_100, 6_300, 11_300, 16_300]

    asyncio.run(story())


def test_many_that_fail_at_once_are_one_failure(clock: FakeClock, moody: MoodyCounters) -> None:
    async def story() -> None:
        limiter = Limiter(clock, moody, at_once, processes=1)
        for _ in range(50):
            limiter.take("anonymous", ADDRESS, 100)
        moody.is_up = False
        await asyncio.gather(*(limiter.settle("anonymous", ADDRESS, 100) for _ in range(20)))
        moody.is_up = True
        clock.advance(timedelta(milliseconds=PAUSE_MS_MIN))
        assert limiter.take("anonymous", ADDRESS, 100) is None

    asyncio.run(story())


def test_when_it_is_back_what_was_counted_alone_is_told(clock: FakeClock, moody: MoodyCounters) -> None:
    moody.is_up = False
    limiter = Limiter(clock, moody, at_once, processes=1)
    asked(limiter, 70)
    moody.is_up = True
    clock.advance(timedelta(milliseconds=PAUSE_MS_MIN))
    with capture_logs() as lines:
        assert accepted(asked(limiter, 40)) == 30
    assert lines[0]["event"] == "rate_limit.counted_together"


def test_a_store_that_lost_its_counts_gives_nobody_another_hundred(clock: FakeClock) -> None:
    counters = MemoryCounters()
    limiter = Limiter(clock, counters, at_once, processes=1)
    asked(limiter, 80)
    counters._totals.clear()
    assert accepted(asked(limiter, 40)) == 20


def test_who_finds_no_thread_is_counted_here(clock: FakeClock) -> None:
    async def full(_: Callable[[], int]) -> int:
        raise BusyError()

    assert accepted(asked(Limiter(clock, MemoryCounters(), full, processes=1), 130)) == 100


def test_who_waited_long_for_a_thread_asks_no_more(clock: FakeClock, moody: MoodyCounters) -> None:
    async def slow(step: Callable[[], int]) -> int:
        clock.advance(timedelta(milliseconds=500))
        return step()

    assert accepted(asked(Limiter(clock, moody, slow, processes=1), 130)) == 100
    assert moody.asked == 0


# ------------------------------------------------------------------ bounds
def test_more_subjects_than_are_kept_let_counting_begin_anew(clock: FakeClock) -> None:
    limiter = one(clock, subjects_max=3)
    asked(limiter, 40)
    for host in range(3):
        asked(limiter, 1, f"198.51.100.{host}")
    assert asked(limiter, 1)[0].remaining == 99


def test_who_was_near_the_limit_is_found_again_by_the_shared_count(clock: FakeClock) -> None:
    limiter = one(clock, subjects_max=3)
    assert accepted(asked(limiter, 120)) == 100
    for host in range(3):
        asked(limiter, 1, f"198.51.100.{host}")
    assert accepted(asked(limiter, 120)) == 50, "what is counted here before anybody is asked"


def test_a_window_is_dropped_as_a_whole(clock: FakeClock) -> None:
    limiter = one(clock)
    for host in range(50):
        asked(limiter, 1, f"198.51.100.{host}")
    clock.advance(timedelta(minutes=1))
    asked(limiter, 1)
    assert sum(len(tallies) for tallies in limiter._counted.values()) == 1


def test_a_call_of_another_window_or_bucket_is_not_heeded(clock: FakeClock) -> None:
    limiter = one(clock)
    for note in (f"anonymous {NOON_S // 60 - 1} a", f"nothing {NOON_S // 60} a"):
        limiter.heard(note)
    assert all(limiter.take("anonymous", "a", 100) for _ in range(50))


# ------------------------------------------------------------------ a real server
Story = Callable[[Fleet], Awaitable[None]]


@asynccontextmanager
async def real_fleet(server: NatsEndpoints, processes: int) -> AsyncGenerator[Fleet]:
    """Each with a connection and a bridge of its own, in one minute that does not end."""
    clock = FakeClock()
    async with AsyncExitStack() as opened:
        limiters: list[Limiter] = []
        for _ in range(processes):
            counters: Counters = opened.enter_context(connected(server))
            bridge = Bridge(threads=2, waiting_max=400)
            opened.callback(bridge.close)
            limiter = Limiter(clock, counters, bridge.run, processes=processes)
            await opened.enter_async_context(limiter.open())
            limiters.append(limiter)
        yield Fleet(limiters, f"198.51.100.{next(_numbers)}")


@pytest.mark.parametrize("processes", [1, 2, 5])
def test_v4_5f_exactly_a_hundred_are_accepted_over_a_real_server(
    nats_server: NatsEndpoints, processes: int
) -> None:
    async def story() -> list[int]:
        async with real_fleet(nats_server, processes) as real:
            found = [await real.ask(islice(cycle(range(processes)), 300))]
            for order in (sorted(islice(cycle(range(processes)), 300)), [*repeat(0, 20), *repeat(-1, 280)]):
                real.subject = f"198.51.100.{next(_numbers)}"
                found.append(await real.ask(order))
        return found

    assert asyncio.run(story()) == [100, 100, 100]


@pytest.mark.parametrize("processes", [2, 8])
def test_v4_5f_holds_over_a_real_server_when_all_come_at_once(
    nats_server: NatsEndpoints, processes: int
) -> None:
    async def story() -> int:
        async with real_fleet(nats_server, processes) as real:
            return await real.ask_at_once(islice(cycle(range(processes)), 300))

    assert asyncio.run(story()) == 100

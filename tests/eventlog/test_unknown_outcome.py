"""An append whose answer was lost lands once and is answered, or says that it does not know (I6, S1.1)."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Timer
from time import sleep

import pytest

from domain.errors import OutcomeUnknownError, UnavailableError
from infra.dev.nats_server import NatsEndpoints
from infra.eventlog.append import Append, Guard, IntegrityError
from infra.eventlog.jetstream_api import Patience
from infra.eventlog.opening import OpenedJetStream
from tests.contracts.test_event_log import appended, written
from tests.eventlog.homes import JetStreamHome
from tests.eventlog.sample import CONTEXT, TALLY, Raise, keyed
from tests.tcp_faults import TcpProxy

QUICK = Patience(answer_s=0.15, read_s=1.0, append_s=1.5)


@pytest.fixture
def proxy(nats_server: NatsEndpoints) -> Iterator[TcpProxy]:
    made = TcpProxy(nats_server.port)
    yield made
    made.stop()


@pytest.fixture
def home(nats_server: NatsEndpoints) -> Iterator[JetStreamHome]:
    made = JetStreamHome(nats_server, patience=QUICK)
    yield made
    made.close()


@pytest.fixture
def far(home: JetStreamHome, proxy: TcpProxy, nats_server: NatsEndpoints) -> OpenedJetStream:
    """A process that reaches the log through the proxy."""
    return home.through(nats_server.url.replace(str(nats_server.port), str(proxy.port))).open()


@pytest.fixture
def near(home: JetStreamHome) -> OpenedJetStream:
    return home.open()


def tallied(opened: OpenedJetStream, name: str = "a") -> int:
    return opened.events.load(TALLY, name).state


def test_an_append_whose_answer_was_lost_is_settled_by_sending_it_again(
    near: OpenedJetStream, far: OpenedJetStream, proxy: TcpProxy
) -> None:
    with ThreadPoolExecutor(1) as thread:
        with proxy.answers_lost():
            running = thread.submit(far.recorder.append, appended(7, written("tally.a", 0)))
            assert near.reader.wait(0, 1)
            sleep(0.05)
        assert running.result(5) == (near.events.end(),)
    assert near.reader.last_sequence() == 1


def test_a_batch_whose_answer_was_lost_is_settled_with_the_right_positions(
    near: OpenedJetStream, far: OpenedJetStream, proxy: TcpProxy
) -> None:
    append = appended(7, written("tally.a", 0), written("tally.b", 0), guards=(Guard("tally.c", 0),))
    with ThreadPoolExecutor(1) as thread:
        with proxy.answers_lost():
            running = thread.submit(far.recorder.append, append)
            assert near.reader.wait(2, 1)
            sleep(0.05)
        positions = running.result(5)
    assert [position.sequence for position in positions] == [2, 3]
    assert positions[1] == near.events.end()


def test_an_unsettled_append_says_so_and_its_key_settles_it_later(
    near: OpenedJetStream, far: OpenedJetStream, proxy: TcpProxy
) -> None:
    ask = TALLY.ask("a", Raise(by=5))
    far.events.load(TALLY, "a")
    with ThreadPoolExecutor(1) as thread, proxy.requests_held():
        running = thread.submit(far.recorder.append, appended(7, written("tally.x", 0)))
        with pytest.raises(OutcomeUnknownError):
            running.result(5)
    assert near.reader.wait(0, 2)
    first = far.events.ask(ask, context=keyed("k"))
    assert near.events.ask(ask, context=keyed("k")).events == first.events
    assert near.reader.last_sequence() == 2


def test_an_append_that_was_overtaken_while_its_outcome_was_unknown_is_a_conflict(
    near: OpenedJetStream, far: OpenedJetStream, proxy: TcpProxy
) -> None:
    with ThreadPoolExecutor(1) as thread:
        with proxy.requests_held():
            running = thread.submit(far.recorder.append, appended(7, written("tally.a", 0)))
            near.recorder.append(appended(8, written("tally.a", 0)))
        with pytest.raises(IntegrityError):
            running.result(5)
    assert near.reader.last_sequence() == 1


def test_what_was_never_sent_is_unavailable_not_unknown(
    near: OpenedJetStream, far: OpenedJetStream, proxy: TcpProxy
) -> None:
    with proxy.unreachable():
        while far.api.connection.is_up():
            sleep(0.005)
        with pytest.raises(UnavailableError) as caught:
            far.recorder.append(appended(7, written("tally.a", 0)))
    assert type(caught.value) is UnavailableError
    assert near.events.end() is None


def test_a_process_goes_on_by_itself_when_the_server_is_reachable_again(
    far: OpenedJetStream, proxy: TcpProxy
) -> None:
    far.events.ask(TALLY.ask("a", Raise()), context=CONTEXT)
    with proxy.unreachable():
        sleep(0.05)
    assert far.events.ask(TALLY.ask("a", Raise()), context=CONTEXT).events[0].version == 2


def insist(opened: OpenedJetStream, number: int) -> None:
    """As a client would: what is unavailable or unknown is tried again with the same key."""
    asks = (TALLY.ask("a", Raise()), TALLY.ask("b", Raise()))[: 1 + number % 2]
    while True:
        try:
            opened.events.ask(*asks, context=keyed(str(number)))
            return
        except UnavailableError:
            continue


def test_no_raise_is_lost_or_doubled_while_lines_break(
    near: OpenedJetStream, far: OpenedJetStream, proxy: TcpProxy
) -> None:
    breaking = [Timer(0.03 + 0.12 * number, proxy.cut) for number in range(5)]
    for timer in breaking:
        timer.start()
    for number in range(120):
        insist(far, number)
    for timer in breaking:
        timer.join()
    assert (tallied(near, "a"), tallied(near, "b")) == (120, 60)


def test_the_same_append_twice_lands_once(near: OpenedJetStream, home: JetStreamHome) -> None:
    append: Append = appended(7, written("tally.a", 0), written("tally.b", 0))
    first = near.recorder.append(append)
    assert home.open().recorder.append(append) == first
    assert near.reader.last_sequence() == 2

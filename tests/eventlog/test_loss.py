"""What the log silently lost is noticed when the line comes back, and nobody appends past it (I11)."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from domain.errors import LogRegressedError
from domain.position import Position
from infra.dev.nats_server import NatsEndpoints, NatsServer
from infra.eventlog.opening import OpenedJetStream
from infra.eventlog.stream import StreamLimits
from tests.eventlog.homes import LOG_BYTES, JetStreamHome
from tests.eventlog.sample import CONTEXT, TALLY, Raise


class Restorable:
    """A server whose directory a test saves, and puts back while it is down."""

    def __init__(self, start: Callable[..., NatsServer], directory: Path) -> None:
        self._start = start
        self.directory = directory
        self._saved = directory.with_name(directory.name + "-saved")
        self.server = start(directory)
        self.endpoints: NatsEndpoints = self.server.wait_until_ready(timeout_s=30)

    def restart(self, *, while_down: Callable[[], None] = lambda: None) -> None:
        self.server.stop()
        while_down()
        self.server = self._start(self.directory)
        assert self.server.wait_until_ready(timeout_s=30).port == self.endpoints.port

    def save(self) -> None:
        shutil.rmtree(self._saved, ignore_errors=True)
        shutil.copytree(self.directory / "jetstream", self._saved)

    def put_back(self) -> None:
        shutil.rmtree(self.directory / "jetstream")
        shutil.copytree(self._saved, self.directory / "jetstream")


@pytest.fixture(scope="module")
def restorable(start_nats: Callable[..., NatsServer], tmp_path_factory: pytest.TempPathFactory) -> Restorable:
    return Restorable(start_nats, tmp_path_factory.mktemp("restorable"))


@pytest.fixture
def home(restorable: Restorable) -> Iterator[JetStreamHome]:
    made = JetStreamHome(restorable.endpoints)
    yield made
    made.close()


def raised(opened: OpenedJetStream, name: str = "a") -> Position:
    return opened.events.ask(TALLY.ask(name, Raise()), context=CONTEXT).position


def test_a_restart_that_lost_nothing_is_nobodys_concern(restorable: Restorable, home: JetStreamHome) -> None:
    opened = home.open()
    raised(opened)
    restorable.restart()
    raised(opened)
    assert (opened.regressed, opened.events.load(TALLY, "a").state) == (None, 2)


def test_an_older_backup_is_noticed_and_names_the_first_lost_message(
    restorable: Restorable, home: JetStreamHome
) -> None:
    opened = home.open()
    raised(opened)
    restorable.restart(while_down=restorable.save)
    lost = raised(opened, "b")
    raised(opened, "c")
    restorable.restart(while_down=restorable.put_back)
    with pytest.raises(LogRegressedError) as caught:
        raised(opened, "d")
    assert caught.value.facts["sequence"] == lost.sequence == 2
    assert opened.events.load(TALLY, "a").state == 1


def test_reused_sequences_are_noticed_by_their_digest(restorable: Restorable, home: JetStreamHome) -> None:
    opened = home.open()
    raised(opened)
    restorable.restart(while_down=restorable.save)
    lost = raised(opened, "b")
    restorable.restart(while_down=restorable.put_back)
    assert raised(home.open(), "c").sequence == lost.sequence
    with pytest.raises(LogRegressedError) as caught:
        raised(opened, "b")
    assert caught.value.facts["sequence"] == lost.sequence


def test_a_follower_that_starts_notices_that_its_position_is_gone(
    restorable: Restorable, home: JetStreamHome
) -> None:
    opened = home.open()
    raised(opened)
    restorable.restart(while_down=restorable.save)
    lost = raised(opened, "b")
    restorable.restart(while_down=restorable.put_back)
    with pytest.raises(LogRegressedError):
        home.open().feed().read(lost, 10)


def test_another_log_in_the_place_of_ours_is_noticed(restorable: Restorable, home: JetStreamHome) -> None:
    opened = home.open()
    position = raised(opened)
    stream = restorable.directory / "jetstream" / "DITS" / "streams" / home.address.shard.stream
    restorable.restart(while_down=lambda: shutil.rmtree(stream))
    assert raised(home.open(), "a").incarnation != position.incarnation
    with pytest.raises(LogRegressedError) as caught:
        raised(opened)
    assert caught.value.facts["sequence"] == 1


def test_a_log_that_is_gone_altogether_takes_no_append(restorable: Restorable, home: JetStreamHome) -> None:
    opened = home.open()
    raised(opened)
    stream = restorable.directory / "jetstream" / "DITS" / "streams" / home.address.shard.stream
    restorable.restart(while_down=lambda: shutil.rmtree(stream))
    with pytest.raises(LogRegressedError):
        raised(opened)


def test_a_full_log_goes_on_when_its_limit_was_raised(restorable: Restorable) -> None:
    small = JetStreamHome(restorable.endpoints, bytes_max=20_000)
    opened = small.open()
    raised(opened)
    with pytest.raises(Exception, match="limit of 20000 bytes"):
        opened.events.ask(TALLY.ask("a", Raise(note=b"x" * 30_000)), context=CONTEXT)
    assert opened.use().level == "ok"
    grown = JetStreamHome.at(small.address, StreamLimits(LOG_BYTES))
    grown.open().events.ask(TALLY.ask("a", Raise(note=b"x" * 30_000)), context=CONTEXT)
    assert opened.events.load(TALLY, "a").state == 2
    small.close()
    grown.close()

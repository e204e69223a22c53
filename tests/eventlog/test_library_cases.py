"""The library's own persistence cases, from its wheel, on our recorders (house: The event log).

Tracking and process recorders are not built (positions live with the rows in PostgreSQL), so those two
factory cases are skipped by name; `subscribe` is not either (live followers read by position).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import count
from typing import Any, ClassVar
from unittest import SkipTest
from uuid import UUID, uuid4

import pytest
from eventsourcing.persistence import (
    AggregateRecorder,
    ApplicationRecorder,
    Notification,
    ProcessRecorder,
    StoredEvent,
    TrackingRecorder,
)
from eventsourcing.popo import POPOAggregateRecorder
from eventsourcing.tests.persistence import (
    AggregateRecorderTestCase,
    ApplicationRecorderTestCase,
    InfrastructureFactoryTestCase,
    NonInterleavingNotificationIDsBaseCase,
)
from eventsourcing.utils import Environment

from infra.clock import SystemClock, SystemIds
from infra.dev.nats_server import NatsEndpoints
from infra.eventlog.appender import JetStreamLog
from infra.eventlog.jetstream import (
    JetStreamAggregateRecorder,
    JetStreamApplicationRecorder,
    JetStreamFactory,
)
from infra.eventlog.jetstream_api import Patience
from infra.eventlog.memory import MemoryFactory, MemoryRecorder
from infra.eventlog.message import Shard
from infra.eventlog.opening import LogAddress, connected
from infra.eventlog.stream import StreamLimits

_shards = count(1)


class OurNames:
    """Our aggregates are named ``family.id``."""

    def new_originator_id(self) -> UUID | str:
        return f"lib.{uuid4()}"


class OnJetStream(OurNames):
    """Gives each case a stream of its own on the module's server."""

    server: ClassVar[NatsEndpoints]
    opened: ClassVar[list[JetStreamLog]] = []

    def log(self) -> JetStreamLog:
        address = LogAddress(
            self.server.url,
            self.server.system_url,
            StreamLimits(64 << 20),
            Shard(f"lib{next(_shards)}"),
            Patience(),
        )
        log = connected(address, SystemClock(), SystemIds(), "library cases")
        self.opened.append(log)
        return log


@pytest.fixture(scope="module", autouse=True)
def _server(nats_server: NatsEndpoints) -> Iterator[None]:
    OnJetStream.server = nats_server
    yield
    for log in OnJetStream.opened:
        log.api.connection.close()


class Renumbered(JetStreamApplicationRecorder):
    """The same recorder with ids 1, 2, 3 in place of ``sequence << 10 | index``: one case hard-codes them."""

    def insert_events(self, stored_events: Sequence[StoredEvent], **kwargs: Any) -> Sequence[int] | None:
        ids = super().insert_events(stored_events, **kwargs)
        known = self._known()
        return None if ids is None else [known.index(id_) + 1 for id_ in ids]

    def select_notifications(
        self,
        start: int | None,
        limit: int,
        stop: int | None = None,
        topics: Sequence[str] = (),
        *,
        inclusive_of_start: bool = True,
    ) -> Sequence[Notification]:
        known = self._known()
        real = dict(enumerate(known, start=1))
        found = super().select_notifications(
            real.get(start or 0, 0),
            limit,
            None if stop is None else real.get(stop, 1 << 62),
            topics,
            inclusive_of_start=inclusive_of_start,
        )
        return [
            Notification(n.originator_id, n.originator_version, n.topic, n.state, known.index(n.id) + 1)
            for n in found
        ]

    def max_notification_id(self) -> int | None:
        return len(self._known()) or None

    def _known(self) -> list[int]:
        return [notification.id for notification in super().select_notifications(None, 100)]


class TestJetStreamAggregateRecorder(OnJetStream, AggregateRecorderTestCase):
    def create_recorder(self) -> AggregateRecorder:
        return JetStreamAggregateRecorder(self.log())


class TestJetStreamApplicationRecorder(OnJetStream, ApplicationRecorderTestCase):
    EXPECT_CONTIGUOUS_NOTIFICATION_IDS = False

    def create_recorder(self) -> ApplicationRecorder:
        if self._testMethodName == "test_insert_select":
            return Renumbered(self.log())
        return JetStreamApplicationRecorder(self.log())


class TestJetStreamNonInterleaving(OnJetStream, NonInterleavingNotificationIDsBaseCase):
    def create_recorder(self) -> ApplicationRecorder:
        return JetStreamApplicationRecorder(self.log())


class TestMemoryAggregateRecorder(OurNames, AggregateRecorderTestCase):
    def create_recorder(self) -> AggregateRecorder:
        return MemoryFactory(None).aggregate_recorder()


class TestMemoryApplicationRecorder(OurNames, ApplicationRecorderTestCase):
    def create_recorder(self) -> ApplicationRecorder:
        return MemoryRecorder()

    def test_insert_subscribe(self) -> None:
        self.optional_test_insert_subscribe()


class TestMemoryNonInterleaving(OurNames, NonInterleavingNotificationIDsBaseCase):
    def create_recorder(self) -> ApplicationRecorder:
        return MemoryRecorder()


class FactoryCase(InfrastructureFactoryTestCase[Any]):
    """What both factories share."""

    def expected_tracking_recorder_class(self) -> type[TrackingRecorder]:
        raise SkipTest("tracking recorders are not built: positions live with the rows in PostgreSQL")

    def tracking_recorder_subclass(self) -> type[TrackingRecorder]:
        raise SkipTest("tracking recorders are not built: positions live with the rows in PostgreSQL")

    def expected_process_recorder_class(self) -> type[ProcessRecorder]:
        raise SkipTest("process recorders are not built: positions live with the rows in PostgreSQL")

    def test_create_tracking_recorder(self) -> None:
        self.expected_tracking_recorder_class()

    def test_create_process_recorder(self) -> None:
        self.expected_process_recorder_class()


class BoundFactory(JetStreamFactory):
    """The library constructs factories from an environment alone; ours are handed their log."""

    def __init__(self, env: Environment | None = None) -> None:
        super().__init__(OnJetStream().log(), env)


class TestJetStreamFactory(FactoryCase):
    def setUp(self) -> None:
        self.env = Environment(env={"PERSISTENCE_MODULE": f"{__name__}:BoundFactory"})
        super().setUp()

    def expected_factory_class(self) -> type[Any]:
        return JetStreamFactory

    def expected_aggregate_recorder_class(self) -> type[AggregateRecorder]:
        return JetStreamAggregateRecorder

    def expected_application_recorder_class(self) -> type[ApplicationRecorder]:
        return JetStreamApplicationRecorder


class TestMemoryFactory(FactoryCase):
    def setUp(self) -> None:
        self.env = Environment(env={"PERSISTENCE_MODULE": "infra.eventlog.memory"})
        super().setUp()

    def expected_factory_class(self) -> type[Any]:
        return MemoryFactory

    def expected_aggregate_recorder_class(self) -> type[AggregateRecorder]:
        return POPOAggregateRecorder

    def expected_application_recorder_class(self) -> type[ApplicationRecorder]:
        return MemoryRecorder


del AggregateRecorderTestCase, ApplicationRecorderTestCase, InfrastructureFactoryTestCase
del NonInterleavingNotificationIDsBaseCase, FactoryCase

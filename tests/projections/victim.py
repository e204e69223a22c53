"""A worker process to be killed: projects message by message, so that there are many moments to die in."""

from __future__ import annotations

import json
import sys
from threading import Event

from infra.clock import SystemClock, SystemIds
from infra.eventlog.message import Shard
from infra.eventlog.opening import LogAddress, open_jetstream
from infra.eventlog.stream import StreamLimits
from infra.postgres.pool import open_pool
from projections import ALL
from tests.eventlog.homes import LOG_BYTES
from tests.machines.film import TOPICS
from workers.projector import Projector


def project(url: str, system_url: str, shard: str, dsn: str) -> None:
    address = LogAddress(url, system_url, StreamLimits(LOG_BYTES), Shard(shard))
    log = open_jetstream(address, topics=TOPICS, clock=SystemClock(), ids=SystemIds())
    with open_pool(dsn, connections_max=2, wait_s=5) as pool:
        Projector(pool, log.feed(), log.events, SystemClock(), SystemIds(), ALL, 1).run(Event())


if __name__ == "__main__":
    project(**json.loads(sys.argv[1]))

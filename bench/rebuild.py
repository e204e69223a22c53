"""Rebuild of the references from a log that the product's own saga wrote: edges/s in one process, and memory.

The log is made once (`COMMITS` commits of one large file each, a third of its chunks new every time), then a
fresh process rebuilds `refcounts` twice: in bulk, and by the ordinary fold, which must give the same digest.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from bench.row import Row
from domain import catalogue
from domain.commit import decider as commits
from domain.commit.decider import OpenCommit
from domain.commit.events import CommitOpened, PathChange
from domain.decider import Context
from domain.format.digest import digest_of
from domain.format.recipe import ChunkRef, Recipe
from domain.ids import CommitId, ConsumerId, Digest, FilePath, RepoId, SessionId, branch_id, packed
from domain.ports import LiveKind, ObjectName
from domain.position import Position
from domain.session import decider as sessions
from domain.session.commands import SessionCommand, StartSession, StoreChunks
from domain.session.recording import recipe_commands
from infra.clock import SystemClock, SystemIds
from infra.dev.cluster import Cluster, Endpoints
from infra.dev.crash import NeverKill
from infra.eventlog.mapper import Topics
from infra.eventlog.opening import LogAddress, OpenedJetStream, open_jetstream
from infra.eventlog.stream import StreamLimits
from infra.objects.memory import MemoryStore
from infra.postgres.migrate import migrate
from infra.postgres.pool import open_pool
from infra.settings import Settings
from projections import ALL
from projections.operating import digest
from projections.refcounts.queries import REFCOUNTS
from workers.commit_steps import CommitSteps
from workers.rebuild import Rebuilder
from workers.saga_runner import SagaRunner

COMMITS = 1_000
CHUNKS = 1_000
NEW_CHUNKS = 300
CHUNK_BYTES = 256 * 1024
LOG_BYTES = 2 << 30
EDGES_PER_S = 100_000
EDGES_MIN = 1_000_000
RSS_MIB = 300

REPO = RepoId("be" * 16)
ADA = ConsumerId("ada")
CONTEXT = Context(ADA, "bench")


@dataclass(frozen=True, slots=True)
class Address:
    """Where the measuring process finds the servers."""

    nats: str
    nats_system: str
    postgres: str


@dataclass(frozen=True, slots=True)
class Measured:
    """What it found."""

    edges: int
    bulk_ms: int
    fold_ms: int
    bulk_rss_mib: int
    digests_agree: bool


def run() -> list[Row]:
    with tempfile.TemporaryDirectory(prefix="dits-bench-") as place:
        settings = Settings(event_log_bytes_max=LOG_BYTES)
        with Cluster(Path(place), settings) as endpoints:
            write_log(endpoints)
            measured = _in_a_fresh_process(endpoints)
    edges_per_s = measured.edges * 1000 // measured.bulk_ms
    fold_per_s = measured.edges * 1000 // measured.fold_ms
    return [
        Row(
            f"rebuild of refcounts, {measured.edges:,} edges of {COMMITS:,} commits",
            f"{edges_per_s:,} edges/s, indexes and counts included",
            f"the ordinary fold: {fold_per_s:,} edges/s",
            edges_per_s / fold_per_s,
            f">= {EDGES_PER_S:,} edges/s, equal digests",
            edges_per_s >= EDGES_PER_S and measured.edges >= EDGES_MIN and measured.digests_agree,
        ),
        Row(
            "memory of the rebuilding process",
            f"{measured.bulk_rss_mib} MiB",
            "",
            None,
            f"< {RSS_MIB} MiB",
            measured.bulk_rss_mib < RSS_MIB,
        ),
    ]


# -------------------------------------------------------------------- the log
class AllThere:
    """Presence in the log's own repository: what a session did not send, an earlier commit did."""

    def missing(
        self,
        repo: RepoId,  # noqa: ARG002
        kind: LiveKind,  # noqa: ARG002
        names: Iterable[Digest],  # noqa: ARG002
        at_least: Position | None,  # noqa: ARG002
    ) -> frozenset[Digest]:
        return frozenset()


def write_log(endpoints: Endpoints, count: int = COMMITS) -> None:
    """`count` commits by the product's own saga; only the chunks' bytes are left out."""
    log = _opened(_address(endpoints))
    store = MemoryStore("bench")
    steps = CommitSteps(log.events, store, AllThere())
    runner = SagaRunner(log.events, steps, SystemClock(), SystemIds(), NeverKill(), lambda: False)
    chunks: list[ChunkRef] = []
    head: CommitId | None = None
    try:
        for number in range(count):
            fresh = [_chunk(number, place) for place in range(NEW_CHUNKS if chunks else CHUNKS)]
            chunks = [*fresh, *chunks][:CHUNKS]
            head = _commit(log, store, runner, number, (chunks, fresh, head))
    finally:
        log.close()


def _commit(
    log: OpenedJetStream,
    store: MemoryStore,
    runner: SagaRunner,
    number: int,
    film: tuple[list[ChunkRef], list[ChunkRef], CommitId | None],
) -> CommitId:
    chunks, fresh, head = film
    session, commit = SessionId(f"session-{number}"), CommitId(f"commit-{number}")
    recipe = Recipe.opaque(chunks)
    store.put([(ObjectName("recipes", recipe.digest), recipe.encode())])
    end = log.events.end()
    told = StoreChunks("bench", packed([c.digest for c in fresh]), tuple(c.size_bytes for c in fresh))
    commands: tuple[SessionCommand, ...] = (
        StartSession(session, REPO, ADA, end.encode() if end else ""),
        told,
        *recipe_commands(recipe),
    )
    log.events.ask(*(sessions.DECIDER.ask(session, command) for command in commands), context=CONTEXT)
    opened = CommitOpened(
        commit=commit,
        repo=REPO,
        branch=branch_id(REPO, "main"),
        branch_name="main",
        session=session,
        base=head,
        tree=None,
        changes=(PathChange(path=FilePath("reel/film.mov"), recipe=recipe.digest),),
        fixed_head=True,
        author=ADA,
        author_name="ada",
        message=f"cut {number}",
        tokens=(),
        raw=(),
        opened_at_ms=1_795_000_000_000 + number,
    )
    asked = log.events.ask(commits.DECIDER.ask(commit, OpenCommit(opened)), context=CONTEXT)
    runner.run(asked.events[0])
    assert log.events.load(commits.DECIDER, commit).state.phase == "published"
    return commit


def _chunk(commit: int, place: int) -> ChunkRef:
    return ChunkRef(digest_of(f"{commit} {place}".encode()), CHUNK_BYTES)


# -------------------------------------------------------------------- the measuring process
def _in_a_fresh_process(endpoints: Endpoints) -> Measured:
    done = subprocess.run(
        [sys.executable, "-m", "bench.rebuild"],
        input=json.dumps(asdict(_address(endpoints))),
        capture_output=True,
        text=True,
        check=True,
    )
    return Measured(**json.loads(done.stdout.splitlines()[-1]))


def measure(address: Address) -> Measured:
    clock = SystemClock()
    migrate(address.postgres, clock)
    log = _opened(address)
    with open_pool(address.postgres, connections_max=4, wait_s=10) as pool:
        rebuilder = Rebuilder(pool, log.feed(), log.messages, log.events, clock, ALL)
        bulk = rebuilder.rebuild(REFCOUNTS)
        rss_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        in_bulk = digest(pool, REFCOUNTS)
        folded = replace(rebuilder, bulk=False).rebuild(REFCOUNTS)
        agree = digest(pool, REFCOUNTS) == in_bulk
    log.close()
    return Measured(bulk.table_rows["edges"], bulk.elapsed_ms, folded.elapsed_ms, rss_mib, agree)


def _address(endpoints: Endpoints) -> Address:
    return Address(endpoints.nats_url, endpoints.nats_system_url, endpoints.postgres_dsn)


def _opened(address: Address) -> OpenedJetStream:
    where = LogAddress(address.nats, address.nats_system, StreamLimits(LOG_BYTES))
    topics = Topics(catalogue.TOPICS, catalogue.upcast)
    return open_jetstream(where, topics=topics, clock=SystemClock(), ids=SystemIds(), name="bench")


if __name__ == "__main__":
    print(json.dumps(asdict(measure(Address(**json.load(sys.stdin))))))

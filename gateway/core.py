"""What the handlers work with: the ports and the limits, frozen, made once at the start by whoever composes.

Promises: handlers touch the world through these only; nothing in here waits for anything but its own server.
"""

from __future__ import annotations

from dataclasses import dataclass

from domain.ports import Clock, EventLog, Feed, Ids, Leases, Messages, ObjectStore, Presence, StreamStore
from gateway.answers import Answers
from gateway.auth import KeyDigests
from gateway.caller import Directory
from gateway.content import Content
from gateway.history import History
from gateway.oauth import Tokens
from gateway.reading import Reading
from gateway.sent import SentChunks
from gateway.versions.telling import Teller

MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Limits:
    """Every bound of the gateway, with a laptop's defaults; the settings name them for operators."""

    json_bytes_max: int = MIB
    commit_bytes_max: int = 256 * 1024
    """A commit command travels in one event (house: Sessions and commits)."""
    chunk_bytes_max: int = 4 * MIB
    batch_bytes_max: int = 64 * MIB
    batch_chunks_max: int = 8_192
    have_digests_max: int = 8_192
    get_chunks_max: int = 256
    media_walked_max: int = 4_000
    """Files that one list of media looks at: decoding their facts takes about a second."""
    media_loaded_max: int = 500
    """Contents whose findings one list folds: each is a read of the log, and a place among the folds kept."""
    file_bytes_max: int = 1 << 40
    """What a recipe of wide chunks can hold."""
    block_bytes: int = 4 * MIB
    """Of a streamed body: what is handed to the sink at once; two are in memory at most."""
    raw_bodies_bytes_max: int = 128 * MIB
    """Whole raw bodies held in memory, over all requests."""
    raw_bodies_wait_s: float = 30.0
    core_threads: int = 8
    waiting_max: int = 1_000
    """Requests waiting for a thread; more are told to come back."""
    requests_max: int = 512
    """HTTP requests in progress, live streams too; more are told to come back."""
    bus_requests_max: int = 256
    """Requests from the bus in progress; more are told to come back."""
    commit_wait_s: float = 10.0
    prefer_wait_s_max: float = 60.0
    follower_look_s: float = 0.2
    """Between two looks of the follower at a silent log."""
    read_wait_s: float = 2.0
    """How long a read waits for its position (seed S3.3)."""
    access_wait_s: float = 2.0
    """How long a change of keys or visibility waits for this process's own follower."""
    heartbeat_s: float = 15.0
    """Of a live stream: a comment, so that nobody in between takes a silent one for dead."""
    transition_lead_ms: int = 50
    """Between a decision about versions and its effect: long enough for every gateway to have heard (R41)."""
    body_timeout_s: float = 60.0
    """Between two parts of a body: a client that is silent for longer has gone."""
    lease_beating_ms: int = 30_000
    lease_until_ms: int = 8 * 3_600_000


@dataclass(frozen=True, slots=True)
class Core:
    """The composed gateway below its edge."""

    log: EventLog
    feed: Feed
    messages: Messages | None
    """The bulk reader, for the follower's first fold; None folds through `feed`."""
    store: ObjectStore
    streams: StreamStore
    content: Content
    sent: SentChunks
    history: History
    presence: Presence
    reading: Reading
    leases: Leases
    answers: Answers
    clock: Clock
    ids: Ids
    keys: KeyDigests
    directory: Directory
    limits: Limits
    teller: Teller
    """Says what was decided about the API's versions."""
    tokens: Tokens | None = None
    """None: no OAuth issuer is configured."""

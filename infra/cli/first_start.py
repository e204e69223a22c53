"""What a data directory needs before anything can use it: schemas, a key, read models.

Promises: every step may be repeated; the first key is shown to nobody but its file (mode 0600), which the
client's commands read.
"""

from __future__ import annotations

import json
from pathlib import Path

from domain import consumer
from domain.consumer import IssueKey, SetLimit, consumer_id
from domain.decider import Context
from domain.ids import KeyId, derived_id
from gateway.auth import SECRET_BYTES, key_text
from infra.compose import Ground, key_digests, rebuilder
from infra.dev.secret_files import write_private

FIRST_CONSUMER = "owner"
KEY_FILE = "client.json"
OWNER_REQUESTS_PER_MINUTE = 600_000
"""Who runs it should not be slowed down by it; everybody else has the usual limit."""
CONTEXT = Context("system:start-up", correlation_id="start-up")


def prepare_read_models(on: Ground) -> None:
    """Build what is missing here, so that the first request finds it."""
    rebuilder(on).make_missing()


def leave_address(on: Ground, data_dir: Path, **urls: str) -> None:
    """Write where this Dits is and a key for it, making the key if there is none yet."""
    file = data_dir / KEY_FILE
    key = json.loads(file.read_text())["key"] if file.exists() else _issued(on)
    write_private(file, json.dumps({"key": key, **urls}))


def first_key(on: Ground) -> str | None:
    """A key that may do everything; None if its consumer has one already."""
    owner = on.log.events.load(consumer.DECIDER, consumer_id(FIRST_CONSUMER)).state
    return None if owner.keys else _issued(on)


def _issued(on: Ground) -> str:
    owner = consumer_id(FIRST_CONSUMER)
    key = key_text(owner, on.ids.token(SECRET_BYTES))
    digest = key_digests(on.settings, on.ids).of(key)
    key_id = KeyId(derived_id("key", owner, digest.hex()))
    issue = IssueKey(owner, FIRST_CONSUMER, key_id, digest, ("admin", "write", "read"), None)
    on.log.events.ask(consumer.DECIDER.ask(owner, issue), context=CONTEXT)
    unhindered = SetLimit(owner, OWNER_REQUESTS_PER_MINUTE)
    on.log.events.ask(consumer.DECIDER.ask(owner, unhindered), context=CONTEXT)
    return key

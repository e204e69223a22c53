"""`docs/api.md`, written from the operation table: ``python -m gateway.api_page > docs/api.md``."""

from __future__ import annotations

import sys

from gateway.openapi_docs import told
from gateway.operation import AnyOperation
from gateway.operations import OPERATIONS
from gateway.wire.changes import STEPS, changelog

TOP = """\
# The API, version v2

Generated from the operation table (`python -m gateway.api_page > docs/api.md`). A running gateway serves
the same as OpenAPI 3.1 at `/openapi.json`, and every published version at `/openapi/<version>.json`.

## How to ask
- **A version**: `X-API-Version: v2`. Programs name the version that they were written for; older ones are
  served as well (below).
- **JSON**, but for bytes. Digests are 64 hex characters, ids 32, times RFC 3339 in UTC, positions opaque
  text. A field that is not known is refused, in bodies and in queries.
- **Who you are**: `X-API-Key`. Without one, `read` of public repositories only. A private repository
  answers 404 to a key that was not issued for it, and 401 without a key, whether it is there or not.
- **Retries**: send the same `Idempotency-Key` (1 to 128 visible ASCII characters) with the same body, as
  often as you like: one effect, one answer, `Idempotency-Replayed: true` from the second time on. Another
  body under the same key is 422. Keys live 24 hours; a refusal is remembered as long, as a courtesy. A key
  that was shown is not shown again.
- **Reading your own write**: every write answers with `X-Dits-Position`; a read with `X-Dits-After:
  <position>` waits up to 2 s until it shows at least that, else it is 503 READ_NOT_YET_CONSISTENT. A read
  without it may be older, and its own `X-Dits-Position` says how far it had come.
- **Superseded recipes**: `recipes.get` answers with the recipe that was asked for, and names in
  `X-Dits-Superseded-By` the one to read instead, if there is one: it rebuilds the same bytes. The old one's
  chunks can be read as long as they last, and are no longer "had". Trees and commits still name the old one.
- **Waiting for a commit**: `Prefer: wait=<seconds>` (10 by default, at most 60). 201 when it is published,
  its failure as the error that it was, 202 with `Location` when time is up; asking again with the same key
  waits again.
- **Lists** are `{"items": [...], "page": {"next": ...}}`. Long ones come in parts: `limit`, and `after` with
  the `page.next` of the part before, until it is null.
- **Correlation**: `X-Correlation-ID` (`[A-Za-z0-9._~-]{1,128}`) is kept and returned, else one is made. It
  is in every log line and event that the request caused.

## How to be refused
Every error is `application/problem+json` (RFC 9457) with `code`, `message`, `correlation_id` and `details`,
and the same again under `error`. Programs look at `code`; it never changes its meaning.

| status | what to do |
|---|---|
| 400, 413, 415, 422 | mend the request |
| 401, 403 | show a key, or one that may do it |
| 404, 410 | it is not there, or not any more |
| 409 | look again: somebody else was first |
| 412 | the same, when `If-Match` was sent |
| 429, 503 | the same request again, after `Retry-After` seconds; nothing was lost |
| 507 | no space is left; reads go on |
| 500 | ours; tell us the correlation id |

## Over NATS
Operations with a subject are served by request and reply as well: the payload is the JSON body with the
parameters of path and query merged in, the headers are those of HTTP, the reply's `Status` header is HTTP's
status and its payload HTTP's body. Checks, idempotency and answers are the same; a retry may go through the
other door. Bytes go over HTTP.

## Operations
"""
TABLE_HEAD = (
    "| operation | HTTP | scope | NATS | |\n"  # widths are for people who read the source
    "|---|---|---|---|---|\n"
)
FOOT = """
Without a key and outside of versions: `/health` (what is wrong now), `/health/live`, `/health/ready` (what
a load balancer asks: three failures to say no, two successes to say yes again), `/metrics`,
`/openapi.json`.
"""


def api_page(operations: tuple[AnyOperation, ...] = OPERATIONS) -> str:
    rows = "".join(
        f"| `{one.name}` | `{one.method} {one.route}` | {one.scope or 'any key'} "
        f"| {f'`{one.subject}`' if one.subject else ''} | {_about(one)} |\n"
        for one in operations
    )
    return TOP + TABLE_HEAD + rows + FOOT + _differences()


def _differences() -> str:
    """What each older version says otherwise."""
    told_of = {
        step.older: "\n".join(f"- {told(each)}" for each in changelog() if each["version"] == step.newer)
        for step in reversed(STEPS)
    }
    return "".join(f"\n## What differs in {older}\n{told}\n" for older, told in told_of.items())


def _about(operation: AnyOperation) -> str:
    return f"{operation.about} Needs an Idempotency-Key." if operation.needs_key else operation.about


if __name__ == "__main__":
    sys.stdout.write(api_page())

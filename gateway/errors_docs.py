"""`docs/errors.md`: every error code with its status, its messages and its cure.

``python -m gateway.errors_docs`` writes it. Codes, statuses and messages come from the classes, cures from
`gateway/cures.py`; a test compares, so that no error is without advice.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import domain.errors as of_the_server
import gateway.client.errors as of_the_client
from gateway.cures import REASONS, SECTIONS
from gateway.errors import status_of

PAGE = Path("docs/errors.md")
HEAD = """\
# Every error and its cure

Generated from the error classes and `gateway/cures.py` (`python -m gateway.errors_docs`).

An error is `application/problem+json` (RFC 9457):

```json
{
  "type": "https://docs.dits.example/problems/version-sunset",
  "title": "Version sunset",
  "status": 410,
  "detail": "API version 'v0' was sunset on 2024-01-01T00:00:00Z",
  "instance": "/repos",
  "code": "VERSION_SUNSET",
  "message": "API version 'v0' was sunset on 2024-01-01T00:00:00Z",
  "correlation_id": "8f6a3c1e-6d1b-4c1c-9a53-0a5f7c9b2d44",
  "details": {"version_id": "v0", "sunset_at": "2024-01-01T00:00:00Z", "successor_version": "v2"},
  "error": {"code": "VERSION_SUNSET", "message": "...", "correlation_id": "...", "details": {}}
}
```

Look at `code`, which is a contract; `message` is for people. `correlation_id` is what an operator asks for,
and stands in the header `X-Correlation-ID` and in every log line. `type` ends in the code, as the anchors of
this page do. `error` repeats the flat members for clients of that form. No error is cached (`Cache-Control:
no-store`), and none tells a stack trace, a path on the server or a client's raw bytes.

The command `dits` prints `dits: <message> [<CODE>]: <what to do>`, the SDK raises `DitsError` with `code`.
Codes of the last two sections are said by programs where they run; what has no status comes from no server.
"""


def codes_of(base: type[Exception]) -> Iterator[tuple[str, type[Exception]]]:
    """Every class below, with its code; the ones whose code the server says have none."""
    for cls in base.__subclasses__():
        if isinstance(code := vars(cls).get("code", getattr(cls, "code", None)), str):
            yield code, cls
        yield from codes_of(cls)


def server_errors() -> dict[str, list[type[of_the_server.DitsError]]]:
    """Classes by code, of the domain and of the gateway's doors."""
    found: dict[str, list[type[of_the_server.DitsError]]] = {}
    for code, cls in codes_of(of_the_server.DitsError):
        if issubclass(cls, of_the_server.DitsError) and cls.__module__.startswith(
            ("domain.", "gateway.errors")
        ):
            found.setdefault(code, []).append(cls)
    return found


def client_errors() -> dict[str, list[type[Exception]]]:
    found: dict[str, list[type[Exception]]] = {}
    for code, cls in codes_of(of_the_client.DitsError):
        if cls.__module__ == of_the_client.__name__:
            found.setdefault(code, []).append(cls)
    return found


def page() -> str:
    servers, clients = server_errors(), client_errors()
    parts = [HEAD]
    for title, cures in SECTIONS.items():
        parts.append(f"\n## {title}\n\n| code | status | message | what to do |\n|---|---|---|---|\n")
        for code, cure in cures.items():
            status = str(status_of(servers[code][0])) if code in servers else ""
            said = _messages([*servers.get(code, ()), *clients.get(code, ())])
            parts.append(f'| <a id="{_anchor(code)}"></a>`{code}` | {status} | {said} | {cure} |\n')
    parts.append("\n## Why 503\n\n| `details.reason` | what it is |\n|---|---|\n")
    parts += [f"| `{reason}` | {cure} |\n" for reason, cure in REASONS.items()]
    return "".join(parts)


def _anchor(code: str) -> str:
    return code.lower().replace("_", "-")


def _messages(classes: Iterable[type[Exception]]) -> str:
    """The templates; a message that is nothing but a fact is told by the cure."""
    templates = dict.fromkeys((cls.__doc__ or "").strip().split("\n")[0] for cls in classes)
    return "; ".join(text for text in templates if not text.startswith("{")).replace("|", "\\|")


if __name__ == "__main__":
    PAGE.write_text(page())

"""An answer that is ready as bytes, written at once: for the pages that everybody asks for (V6.1, V9.1d).

Promises: what goes out is what the ordinary way writes; who cannot be answered so, as on a connection that is
to close, is answered the ordinary way. Why: the server looks at each header by two regular expressions; of a
list of versions that took a tenth of all the time of a request.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import cast

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, RequestResponseCycle

WHOLE = "dits.whole"
"""In the scope: `Say`, if the server offers it."""
Say = Callable[[int, bytes, bytes], bool]
"""Status, head and body; False if nothing was said, because it has to go the ordinary way."""


def offer(cycle: RequestResponseCycle) -> None:
    """To the application, before it starts."""
    cast("dict[str, object]", cycle.scope)[WHOLE] = partial(_say, cycle)


def head_of(headers: Iterable[tuple[bytes, bytes]]) -> bytes:
    """Header lines as they travel; the values hold no line break."""
    return b"".join([b"%b: %b\r\n" % (name.lower(), value) for name, value in headers])


def _say(cycle: RequestResponseCycle, status: int, head: bytes, body: bytes) -> bool:
    """`head` has Content-Length, and ends in a line's end."""
    is_ordinary = cycle.keep_alive and not (cycle.disconnected or cycle.response_started)
    if not is_ordinary or cycle.flow.write_paused or cycle.scope["method"] != "GET":
        return False
    cycle.response_started = cycle.response_complete = True
    cycle.waiting_for_100_continue = False
    given = head_of(cycle.default_headers)
    cycle.transport.write(b"".join((STATUS_LINE[status], given, head, b"\r\n", body)))
    cycle.message_event.set()
    cycle.on_response()
    return True

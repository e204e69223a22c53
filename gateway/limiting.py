"""How often somebody may ask: fixed windows of a minute, counted here and, near the limit, by all processes.

Promises: a limit holds for all gateway processes together (V4.5f), however requests are spread over them;
who is far from a limit or beyond it costs no round trip; when the shared count is out of reach, each process
counts alone and nobody waits for it twice. Serves V4.1, V4.2, V4.5 (R28-R30, R47).

Each of N processes counts a subject by itself up to a 2N-th of its limit. Who comes that far calls the others
and adds its count to the shared one; whoever is called adds theirs too, and from then on every request is one
addition, whose total decides. How it was chosen: docs/decisions/0092-rate-limits.md.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Literal, NamedTuple, get_args

import structlog
from blake3 import blake3

from domain.counting import Count
from domain.errors import RateLimitExceededError, UnavailableError
from domain.ports import Clock
from gateway.addresses import limit_subject
from gateway.counters import Counters
from gateway.errors import BusyError
from gateway.heads import head_of

Bucket = Literal["anonymous", "consumer", "invalid_key", "injection"]
BUCKET_NAMED: Mapping[str, Bucket] = {bucket: bucket for bucket in get_args(Bucket)}
BUCKET_BYTES: Mapping[Bucket, bytes] = {bucket: bucket.encode() for bucket in get_args(Bucket)}
Run = Callable[[Callable[[], int]], Awaitable[int]]
"""`Bridge.run`: a bridge for this alone, so that counting never queues behind slow work."""

WINDOW_S = 60
SUBJECTS_MAX = 100_000
"""Counted in one bucket and window, about 15 MB. One more, and the bucket's counts begin anew: nobody is
refused for others' sake, and who was near a limit is found by the shared count again."""
PAUSE_MS_MIN, PAUSE_MS_MAX = 100, 5_000
"""After the shared count did not answer: one request tries again, all others count alone. Doubled each time,
so a hiccup makes a limit loose for a moment only, and an outage delays one request in five seconds."""
LATE_MS = 100
"""Who waited so long for a thread counts alone instead: as long as an answer may take."""
DIGEST_CHARACTERS = 32
STANDINGS_KEPT = 256
"""Whose headers are made once: consumers share few limits."""

log = structlog.get_logger("gateway.limiting")


@dataclass(frozen=True, slots=True)
class RateLimits:
    """Requests in a window (R29, R30); a consumer's limit is its own (R47)."""

    anonymous: int = 100
    invalid_key: int = 10
    injection: int = 10


class Standing(NamedTuple):
    """How somebody stands with a limit after a request, which is allowed or not."""

    limit: int
    remaining: int
    reset_at_s: int
    """Unix time at which the window ends."""
    reset_in_s: int
    """Whole seconds to it, at least 1: what Retry-After says too, so that nobody comes back too early."""
    bucket: Bucket
    allowed: bool

    def headers(self) -> list[tuple[bytes, bytes]]:
        """Those of every answer; a refusal's Retry-After comes with its error."""
        limit, policy, reset_at = _constant(self.bucket, self.limit, self.reset_at_s)
        return [
            limit,
            (b"X-RateLimit-Remaining", b"%d" % self.remaining),
            reset_at,
            (b"RateLimit", b'"%b";r=%d;t=%d' % (BUCKET_BYTES[self.bucket], self.remaining, self.reset_in_s)),
            policy,
        ]

    def head(self) -> bytes:
        """The same as they travel."""
        form = _form(self.bucket, self.limit, self.reset_at_s)
        return form % (self.remaining, self.remaining, self.reset_in_s)

    def refusal(self) -> RateLimitExceededError:
        return RateLimitExceededError(
            limit=self.limit,
            window_seconds=WINDOW_S,
            retry_after=self.reset_in_s,
            backoff="exponential",
        )


@lru_cache(STANDINGS_KEPT)
def _constant(bucket: Bucket, limit: int, reset_at_s: int) -> tuple[tuple[bytes, bytes], ...]:
    """Three headers that are the same for a minute."""
    return (
        (b"X-RateLimit-Limit", b"%d" % limit),
        (b"RateLimit-Policy", b'"%b";q=%d;w=%d' % (BUCKET_BYTES[bucket], limit, WINDOW_S)),
        (b"X-RateLimit-Reset", b"%d" % reset_at_s),
    )


@lru_cache(STANDINGS_KEPT)
def _form(bucket: Bucket, limit: int, reset_at_s: int) -> bytes:
    """All headers but for three numbers: what remains, that again, and the seconds."""
    told = Standing(limit, 0, reset_at_s, 0, bucket, allowed=True).headers()
    open_ended = {b"X-RateLimit-Remaining": b"%d", b"RateLimit": b'"%b";r=%%d;t=%%d' % BUCKET_BYTES[bucket]}
    return head_of((name, open_ended.get(name, value)) for name, value in told)


@dataclass(slots=True)
class _Tally:
    """One subject in one window."""

    untold: int = 0
    """Counted here and not added to the shared count."""
    seen: int = 0
    """The shared count as this process last knew it, its own additions included."""
    shared: bool = False

    @property
    def used(self) -> int:
        return self.untold + self.seen


class Limiter:
    """One a process, for one event loop; between `open`'s begin and end it hears the other processes."""

    def __init__(
        self,
        clock: Clock,
        counters: Counters,
        run: Run,
        *,
        processes: int,
        limits: RateLimits | None = None,
        refused: Mapping[str, Count] | None = None,
        subjects_max: int = SUBJECTS_MAX,
    ) -> None:
        """`refused` are children of dits_rate_limited_total by bucket."""
        assert processes >= 1, "this process counts too"
        self.limits = limits or RateLimits()
        self._clock = clock
        self._counters = counters
        self._run = run
        self._parts = 2 * processes
        self._refused = refused or {}
        self._subjects_max = subjects_max
        self._window = -1
        self._counted: dict[Bucket, dict[str, _Tally]] = {}
        self._silence = _Silence(clock)

    # ---------------------------------------------------------------- asking
    def take(self, bucket: Bucket, subject: str, limit: int) -> Standing | None:
        """Count a request; None if that takes `settle`."""
        taken = self.take_freely(bucket, subject, limit)
        if taken is not None:
            return taken
        now_s = self._now_s()
        used = self._tally(bucket, subject, now_s // WINDOW_S).used
        return None if used < limit else self._standing(bucket, limit, used + 1, now_s)

    def take_freely(self, bucket: Bucket, subject: str, limit: int) -> Standing | None:
        """Count a request that is allowed; None if it is not or takes `settle`, and nothing was counted."""
        now_s = self._now_s()
        tally = self._tally(bucket, subject, now_s // WINDOW_S)
        used = tally.untold + tally.seen  # spelled out: this is on every request's way
        is_near = tally.shared or used >= limit // self._parts
        if used >= limit or (is_near and not self._silence.lasts()):
            return None
        tally.untold += 1
        return self._standing(bucket, limit, used + 1, now_s)

    async def settle(self, bucket: Bucket, subject: str, limit: int) -> Standing:
        """Count a request in all processes' count; in this one's alone if that does not answer."""
        now_s = self._now_s()
        tally = self._tally(bucket, subject, now_s // WINDOW_S)
        used = tally.used + 1
        if tally.used < limit:
            used = await self._added(tally, bucket, subject)
        return self._standing(bucket, limit, used, now_s)

    async def count(self, bucket: Bucket, subject: str, limit: int) -> Standing:
        """`take`, or else `settle`."""
        return self.take(bucket, subject, limit) or await self.settle(bucket, subject, limit)

    async def anonymous_request(self, address: str) -> Standing:
        return await self.count("anonymous", limit_subject(address), self.limits.anonymous)

    async def invalid_attempt(self, address: str) -> Standing:
        """An API key or token that was shown and is not valid: 401 while allowed, then 429 (R30)."""
        return await self.count("invalid_key", limit_subject(address), self.limits.invalid_key)

    async def injection_attempt(self, address: str) -> Standing:
        """Control characters where the client names a version: 400 while allowed, then 429 (pipeline 4)."""
        return await self.count("injection", limit_subject(address), self.limits.injection)

    def is_barred(self, address: str) -> bool:
        """Would the next invalid attempt be refused? A valid key still works (R30), so this only says that a
        costly look at a token is not owed."""
        tally = self._tallies("invalid_key", self._now_s() // WINDOW_S).get(limit_subject(address))
        return tally is not None and tally.used >= self.limits.invalid_key

    # ---------------------------------------------------------------- the other processes
    @asynccontextmanager
    async def open(self) -> AsyncGenerator[None]:
        """Hear the others for as long as it is entered."""
        loop, closed = asyncio.get_running_loop(), False

        def told(note: str) -> None:
            if not closed and not loop.is_closed():
                loop.call_soon_threadsafe(self.heard, note)

        await asyncio.to_thread(self._counters.hear, told)
        try:
            yield
        finally:
            closed = True

    def heard(self, note: str) -> None:
        """A subject is near its limit somewhere: what was counted here is told, and no more is kept back."""
        name, window, subject = note.split(" ", 2)
        now = self._now_s() // WINDOW_S
        bucket = BUCKET_NAMED.get(name)
        if bucket is None or int(window) != now:
            return
        tally = self._tally(bucket, subject, now)
        tally.shared = True
        if tally.untold:
            self._counters.add_soon(_name(bucket, now, subject), tally.untold)
            tally.seen, tally.untold = tally.used, 0

    # ---------------------------------------------------------------- inside
    async def _added(self, tally: _Tally, bucket: Bucket, subject: str) -> int:
        """How many were counted with this one, as far as can be known."""
        count, known = tally.untold + 1, tally.seen
        call = "" if tally.shared else f"{bucket} {self._window} {subject}"
        tally.untold, tally.shared = 0, True
        name, asked_ms = _name(bucket, self._window, subject), self._silence.try_again()
        try:
            total = await self._run(partial(self._add, name, count, call=call, asked_ms=asked_ms))
        except (UnavailableError, BusyError) as error:
            self._silence.begin(asked_ms, error.code)
            tally.seen += count  # it may have been added, so it is not added again
            return tally.used
        self._silence.end()
        used = max(total, known + count)  # a store that lost its counts knows less than we do
        tally.seen = max(tally.seen, used)
        return used

    def _add(self, name: str, count: int, *, call: str, asked_ms: int) -> int:
        """In a thread of the bridge."""
        if self._clock.monotonic_ms() - asked_ms > LATE_MS:
            raise UnavailableError(dependency="the shared count")
        if call:
            self._counters.call(call)
        return self._counters.add(name, count)

    def _standing(self, bucket: Bucket, limit: int, used: int, now_s: int) -> Standing:
        reset_at_s = (now_s // WINDOW_S + 1) * WINDOW_S
        allowed = used <= limit
        if not allowed:
            log.info("rate_limit.exceeded", bucket=bucket, limit=limit)
            if bucket in self._refused:
                self._refused[bucket].inc()
        return Standing(limit, max(limit - used, 0), reset_at_s, reset_at_s - now_s, bucket, allowed)

    def _now_s(self) -> int:
        return int(self._clock.now().timestamp())

    def _tally(self, bucket: Bucket, subject: str, window: int) -> _Tally:
        tallies = self._counted[bucket] if window == self._window else self._tallies(bucket, window)
        tally = tallies.get(subject)
        if tally is None:
            if len(tallies) >= self._subjects_max:
                tallies.clear()
            tally = tallies[subject] = _Tally()
        return tally

    def _tallies(self, bucket: Bucket, window: int) -> dict[str, _Tally]:
        """Of the window; those of any other are dropped as a whole."""
        if window != self._window:
            fresh: dict[Bucket, dict[str, _Tally]] = {each: {} for each in BUCKET_NAMED.values()}
            self._window, self._counted = window, fresh
        return self._counted[bucket]


class _Silence:
    """Of the shared count, while it does not answer."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._pause_ms = 0
        """None while it answers."""
        self._since_ms = -1
        self._try_at_ms = 0

    def lasts(self) -> bool:
        return self._pause_ms > 0 and self._clock.monotonic_ms() < self._try_at_ms

    def try_again(self) -> int:
        """Whoever asks next does so alone; the others go on as if it would fail. The time now."""
        now_ms = self._clock.monotonic_ms()
        self._try_at_ms = now_ms + self._pause_ms
        return now_ms

    def begin(self, asked_ms: int, code: str) -> None:
        """Or go on, for twice as long. What was asked before it began is no news."""
        if asked_ms <= self._since_ms:
            return
        if not self._pause_ms:
            log.warning("rate_limit.counted_alone", code=code)
        self._pause_ms = min(max(2 * self._pause_ms, PAUSE_MS_MIN), PAUSE_MS_MAX)
        self._since_ms = self.try_again()

    def end(self) -> None:
        if self._pause_ms:
            log.info("rate_limit.counted_together")
        self._pause_ms = 0


def _name(bucket: Bucket, window: int, subject: str) -> str:
    """Of a shared count; the subject by its digest, as it may hold anything."""
    return f"{bucket}.{window}.{blake3(subject.encode()).hexdigest()[:DIGEST_CHARACTERS]}"

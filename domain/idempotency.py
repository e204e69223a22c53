"""The keyring of an aggregate: which commands it has already answered (seed S7.2, I6).

Part of every aggregate's fold. A key lives 24 h of log time; an aggregate with 10,000 live keys refuses
new ones rather than forget one.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from domain.errors import IdempotencyKeyReusedError, IdempotencyKeyringFullError
from domain.event import Envelope, HybridTime, IdempotencyKey

KEY_LIFETIME_MS = 24 * 3600 * 1000
LIVE_KEYS_MAX = 10_000


@dataclass(frozen=True, slots=True)
class KeyUse:
    """The events that one key produced: versions first..last of its aggregate."""

    body_digest: bytes
    first: int
    last: int
    recorded_at: HybridTime


@dataclass(slots=True)
class Keyring:
    """Owned by the one fold that holds it; `remember` is called once an event, in order."""

    uses: dict[tuple[str, str, str], KeyUse] = field(default_factory=dict)

    def copy(self) -> Keyring:
        return Keyring(dict(self.uses))

    def remember(self, envelope: Envelope, version: int) -> None:
        """Note the key of the event at `version`, if it has one; forget keys that are too old by then."""
        self._forget_before(envelope.recorded_at)
        key = envelope.idempotency
        if key is None:
            return
        scope = (envelope.actor, key.command, key.key)
        known = self.uses.pop(scope, None)
        first = known.first if known is not None and known.last == version - 1 else version
        self.uses[scope] = KeyUse(key.body_digest, first, version, envelope.recorded_at)

    def find(self, actor: str, key: IdempotencyKey) -> KeyUse | None:
        """The earlier use of this key. Raises IdempotencyKeyReusedError if its body was another."""
        use = self.uses.get((actor, key.command, key.key))
        if use is not None and use.body_digest != key.body_digest:
            raise IdempotencyKeyReusedError(key=key.key)
        return use

    def refuse_if_full(self, now: HybridTime) -> None:
        """Raises IdempotencyKeyringFullError if no key would be forgotten by an event recorded at `now`."""
        if len(self.uses) < LIVE_KEYS_MAX:
            return
        oldest = next(iter(self.uses.values()))
        if oldest.recorded_at >= now - (KEY_LIFETIME_MS << 16):
            raise IdempotencyKeyringFullError(live_keys=len(self.uses))

    def _forget_before(self, now: HybridTime) -> None:
        horizon = now - (KEY_LIFETIME_MS << 16)
        while self.uses:
            scope = next(iter(self.uses))
            if self.uses[scope].recorded_at >= horizon:
                return
            del self.uses[scope]

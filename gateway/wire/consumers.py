"""What administrators say of consumers: the version that a key is pinned to, and a limit of requests."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints

from domain.version_spec import LENGTH_MAX, LENGTH_MIN
from gateway.operation import Wire

VersionId = Annotated[
    str,
    StringConstraints(min_length=LENGTH_MIN, max_length=LENGTH_MAX, pattern=r"^v[0-9]{1,9}(-[a-z]+)?$"),
]
REQUESTS_PER_MINUTE_MAX = 1_000_000
"""More than a process answers; whoever needs no limit takes this."""


class SetLimit(Wire):
    requests_per_minute: int | None = Field(ge=1, le=REQUESTS_PER_MINUTE_MAX)
    """Over all keys of the consumer; null is what everybody has."""


class PinVersion(Wire):
    version: VersionId | None
    """Null lets go."""

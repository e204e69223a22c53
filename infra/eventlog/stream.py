"""The shard's stream: made once, checked at every start, refused when it is not what the log needs.

Promises: file storage, nothing ever deleted or purged, atomic batches and direct reads allowed, a byte limit
that refuses new messages instead of dropping old ones; an incarnation made with the stream (I1, I11).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from domain.errors import UnavailableError, UnfitLogError
from domain.ports import Ids
from infra.eventlog.connection import DEPENDENCY
from infra.eventlog.jetstream_api import ApiError, Body, JetStreamApi
from infra.eventlog.message import Shard

INCARNATION_KEY = "dits.incarnation"
INCARNATION_BYTES = 8
HIGH_WATER = 0.80
CRITICAL_WATER = 0.95
NO_SUCH_STREAM = 10059
NAME_IN_USE = 10058
Level = Literal["ok", "high", "critical"]


@dataclass(frozen=True, slots=True)
class LogUse:
    """How full the log is."""

    size_bytes: int
    limit_bytes: int

    @property
    def level(self) -> Level:
        """80 % is time to act, 95 % is the last warning."""
        share = self.size_bytes / self.limit_bytes
        return "critical" if share >= CRITICAL_WATER else "high" if share >= HIGH_WATER else "ok"


@dataclass(frozen=True, slots=True)
class StreamLimits:
    """What an operator chooses about the stream."""

    bytes_max: int
    replicas: int = 1


def required(shard: Shard, limits: StreamLimits) -> dict[str, object]:
    """The configuration the log needs, in the server's words."""
    return {
        "name": shard.stream,
        "subjects": [shard.subjects],
        "retention": "limits",
        "storage": "file",
        "num_replicas": limits.replicas,
        "max_bytes": limits.bytes_max,
        "max_msgs": -1,
        "max_age": 0,
        "max_msgs_per_subject": -1,
        "discard": "new",
        "deny_delete": True,
        "deny_purge": True,
        "allow_rollup_hdrs": False,
        "allow_direct": True,
        "allow_atomic": True,
        "republish": {"src": shard.subjects, "dest": shard.stored_subjects, "headers_only": True},
    }


def open_stream(api: JetStreamApi, shard: Shard, limits: StreamLimits, ids: Ids) -> str:
    """Find or make the stream, raise its byte limit if the setting was raised; its incarnation.

    Raises UnfitLogError naming every setting that is wrong, UnavailableError.
    """
    wanted = required(shard, limits)
    config = _config(api, shard) or _created(api, shard, wanted, ids)
    problems = _problems(config, wanted)
    if problems:
        raise UnfitLogError(stream=shard.stream, problems="; ".join(problems))
    if config["max_bytes"] != limits.bytes_max:
        _ask(api, shard, "UPDATE", {**config, "max_bytes": limits.bytes_max})
    return str(config["metadata"][INCARNATION_KEY])


def log_use(api: JetStreamApi, shard: Shard) -> LogUse:
    answer = stream_answer(api, shard.stream)
    return LogUse(int(answer["state"]["bytes"]), int(answer["config"]["max_bytes"]))


def stream_answer(api: JetStreamApi, stream: str) -> dict[str, Any]:
    """The leader's word on the stream's configuration and state. Raises UnavailableError."""
    try:
        return api.ask(f"STREAM.INFO.{stream}")
    except ApiError as error:
        raise UnavailableError(dependency=DEPENDENCY) from error


def incarnation_now(api: JetStreamApi, shard: Shard) -> str:
    """Of the stream as it is now; empty if there is none, or none of ours. Raises UnavailableError."""
    config = _config(api, shard) or {}
    return str(config.get("metadata", {}).get(INCARNATION_KEY, ""))


def ensure_stream(api: JetStreamApi, config: Body) -> None:
    """A stream beside the log (leases, timers, answers): made if it is missing. Raises UnfitLogError."""
    try:
        api.ask(f"STREAM.CREATE.{config['name']}", config)
    except ApiError as error:
        if error.err_code != NAME_IN_USE:
            raise UnfitLogError(stream=str(config["name"]), problems=str(error)) from error


def _config(api: JetStreamApi, shard: Shard) -> dict[str, Any] | None:
    try:
        config: dict[str, Any] = api.ask(f"STREAM.INFO.{shard.stream}")["config"]
    except ApiError as error:
        if error.err_code == NO_SUCH_STREAM:
            return None
        raise UnavailableError(dependency=DEPENDENCY) from error
    return config


def _created(api: JetStreamApi, shard: Shard, wanted: Body, ids: Ids) -> dict[str, Any]:
    metadata = {INCARNATION_KEY: ids.token(INCARNATION_BYTES).hex()}
    try:
        config: dict[str, Any] = api.ask(f"STREAM.CREATE.{shard.stream}", {**wanted, "metadata": metadata})[
            "config"
        ]
    except ApiError as error:
        # Two processes started at once: the other one's stream, with its incarnation, is the log.
        theirs = _config(api, shard) if error.err_code == NAME_IN_USE else None
        if theirs is None:
            raise UnfitLogError(stream=shard.stream, problems=str(error)) from error
        return theirs
    return config


def _ask(api: JetStreamApi, shard: Shard, verb: str, config: Body) -> None:
    try:
        api.ask(f"STREAM.{verb}.{shard.stream}", config)
    except ApiError as error:
        raise UnfitLogError(stream=shard.stream, problems=str(error)) from error


def _problems(config: dict[str, Any], wanted: Body) -> list[str]:
    chosen = {"max_bytes", "name"}
    problems = [
        f"{key} is {config.get(key)!r}, not {value!r}"
        for key, value in wanted.items()
        if key not in chosen and config.get(key, False if value is False else None) != value
    ]
    if config.get("persist_mode", "default") not in {"", "default"}:
        problems.append("persist_mode acknowledges before it stores")
    if INCARNATION_KEY not in config.get("metadata", {}):
        problems.append("it has no incarnation, so Dits did not make it")
    return problems

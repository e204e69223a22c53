"""Every setting of Dits: one frozen model whose defaults run on a laptop.

Promises: each has its unit in its name and a help text; the environment (``DITS_<NAME>``) wins over the file;
an unknown, missing or wrong name refuses the start with all of them named at once; secrets are never shown.
`docs/settings.md` is generated from this model.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr

MIB = 1 << 20
GIB = 1 << 30


class Settings(BaseModel):
    """Read once, at the start; `load` in `infra/settings_sources.py` says from where."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    # ---------------------------------------------------------------- where things are
    data_dir: Path = Field(
        Path(".dits"), description="Directory of the embedded servers, local objects and keys."
    )
    gateway_host: str = Field("127.0.0.1", description="Address the gateway listens on.")
    gateway_port: int = Field(8420, ge=1, le=65_535, description="TCP port the gateway listens on.")
    nats_url: str | None = Field(
        None, description="NATS servers without credentials, comma-separated. `dits up` starts its own."
    )
    nats_user: str = Field("house", description="NATS user that may do all in Dits' account.")
    nats_password: SecretStr | None = Field(None, description="Password of `nats_user`.")
    nats_system_user: str = Field(
        "system", description="NATS user of the system account: reads server variables."
    )
    nats_system_password: SecretStr | None = Field(None, description="Password of `nats_system_user`.")
    postgres_dsn: SecretStr | None = Field(
        None, description="PostgreSQL connection string, over TCP. `dits up` starts its own."
    )

    # ---------------------------------------------------------------- objects
    object_store: Literal["local", "s3"] = Field(
        "local", description="Where chunks and manifests are stored."
    )
    object_dir: Path | None = Field(
        None, description="Directory of the local store; `objects` in the data directory if unset."
    )
    s3_endpoint: str | None = Field(
        None, description="URL of the S3 service, such as https://s3.example.org."
    )
    s3_bucket: str | None = Field(None, description="Bucket that holds the objects; it must be there.")
    s3_region: str = Field("us-east-1", description="Region the S3 requests are signed for.")
    s3_access_key: str | None = Field(None, description="S3 access key id.")
    s3_secret_key: SecretStr | None = Field(None, description="S3 secret key.")

    # ---------------------------------------------------------------- limits
    event_log_bytes_max: int = Field(
        8 * GIB, ge=64 * MIB, description="The event log refuses events beyond this; keep it below the disk."
    )
    body_bytes_max: int = Field(MIB, ge=1024, description="Largest JSON body of a request.")
    chunk_batch_bytes_max: int = Field(
        64 * MIB, ge=4 * MIB, description="Largest batch of chunks in one request."
    )
    file_bytes_max: int = Field(1 << 42, ge=MIB, description="Largest file of a whole-file upload.")
    gateway_connections_max: int = Field(
        512, ge=1, description="Open HTTP connections; more are refused with 503."
    )
    core_threads: int = Field(
        8, ge=1, le=256, description="Threads that run the synchronous core in the gateway."
    )
    io_threads: int = Field(4, ge=1, le=64, description="Threads that hash, write and read back objects.")
    postgres_connections_max: int = Field(
        8, ge=2, le=512, description="Connections a process holds to PostgreSQL."
    )
    follower_batch_messages: int = Field(
        500, ge=1, le=10_000, description="Messages a follower folds in one transaction."
    )

    # ---------------------------------------------------------------- waits
    server_start_timeout_s: float = Field(
        30.0, gt=0, description="How long an embedded server may take to be ready."
    )
    stop_timeout_s: float = Field(
        20.0, gt=0, description="How long a process may take to finish its work when it is stopped."
    )
    append_timeout_s: float = Field(
        5.0, gt=0, description="How long one append waits for its acknowledgement."
    )
    dependency_timeout_s: float = Field(
        5.0, gt=0, description="How long a request waits for NATS or PostgreSQL to answer."
    )
    object_timeout_s: float = Field(30.0, gt=0, description="How long one object store request may take.")
    commit_wait_s: float = Field(
        10.0,
        ge=0,
        le=60,
        description="How long a commit request waits for its saga if `Prefer: wait` is absent.",
    )
    upload_session_lifetime_h: float = Field(
        24.0, gt=0, description="An upload session without progress expires after this."
    )

    # ---------------------------------------------------------------- logs
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="Least severe line that is written."
    )
    log_format: Literal["auto", "json", "pretty"] = Field(
        "auto", description="`auto` is pretty on a terminal and JSON elsewhere."
    )

    # ---------------------------------------------------------------- keys
    key_pepper: SecretStr | None = Field(
        None,
        description="Secret of the digests of API keys; `key.pepper` in the data directory if unset.",
    )

    # ---------------------------------------------------------------- exceptions from the rules
    unsafe_lazy_fsync: bool = Field(
        False,
        description="Accept a NATS server that acknowledges before it syncs. A power cut then loses events.",
    )
    dev: bool = Field(False, description="Allow what only developers need, such as `crash_at`.")
    crash_at: str | None = Field(
        None, description="Name of the crash point at which this process kills itself; only with `dev`."
    )

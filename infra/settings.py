"""Every setting of Dits: one frozen model whose defaults run on a laptop.

Promises: each has its unit in its name and a help text; the environment (``DITS_<NAME>``) wins over the file;
an unknown, missing or wrong name refuses the start with all of them named at once (seed S6.3); secrets are
never shown (I9) and may be named by file. `docs/settings.md` is generated from this model.
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Collection, Iterator, Mapping
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator

from domain.errors import SettingsError

MIB = 1 << 20
GIB = 1 << 30
PREFIX = "DITS_"
FILE_NAME = "dits.toml"
FILE_VARIABLE = "DITS_SETTINGS"
CLIENT_VARIABLES = ("DITS_URL", "DITS_API_KEY", "DITS_API_KEY_FILE", "DITS_BUS_URL", "DITS_REPO")
"""What the client's commands read; the server's settings leave these alone."""
Network = IPv4Network | IPv6Network
S3_NAMES = ("s3_endpoint", "s3_bucket", "s3_access_key", "s3_secret_key")
OAUTH_NAMES = ("oauth_issuer", "oauth_audience", "oauth_jwks_url", "oauth_token_endpoint")


class Settings(BaseModel):
    """Read once, at the start, by `load_settings`; handed on from there."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    # ---------------------------------------------------------------- where things are
    data_dir: Path = Field(
        Path("~/.local/share/dits"), description="Directory of the embedded servers, local objects and keys."
    )
    gateway_host: str = Field("127.0.0.1", description="Address the gateway listens on.")
    gateway_port: int = Field(8420, ge=1, le=65_535, description="TCP port the gateway listens on.")
    worker_metrics_host: str = Field("127.0.0.1", description="Address at which a worker shows its metrics.")
    worker_metrics_port: int = Field(
        0, ge=0, le=65_535, description="TCP port of it, for one worker; 0 takes any free one and logs it."
    )
    versions_file: Path | None = Field(
        None, description="YAML file of the API's versions, followed while it runs; built-in ones if unset."
    )
    gateway_processes: int = Field(
        1, ge=1, le=1_000, description="Gateway processes that share the rate limits of callers."
    )
    trusted_proxies: str = Field(
        "",
        description="Networks such as 10.0.0.0/8, comma-separated, whose X-Forwarded-For is believed.",
    )
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
    file_bytes_max: int = Field(1 << 40, ge=MIB, description="Largest file of a whole-file upload.")
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

    # ---------------------------------------------------------------- media
    media_dir: Path | None = Field(
        None, description="Directory of files in work; `media` in the data directory if unset."
    )
    media_file_bytes_max: int = Field(256 * GIB, ge=MIB, description="Largest file that is salvaged.")
    media_memory_bytes_max: int = Field(
        2 * GIB,
        ge=256 * MIB,
        description="Address space of a child program that reads, writes or decodes one media file.",
    )
    media_timeout_s: float = Field(
        3_600.0, gt=0, description="How long such a child may take; its processor time has the same limit."
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

    # ---------------------------------------------------------------- telemetry
    otlp_traces_url: str | None = Field(
        None, description="Where spans go: the whole URL of an OTLP/HTTP endpoint, with its path /v1/traces."
    )
    otlp_metrics_url: str | None = Field(
        None, description="Where metrics are pushed, as for traces, with the path /v1/metrics."
    )
    otlp_headers: SecretStr | None = Field(
        None, description="Headers of both: `name=value,name=value`, values percent-encoded."
    )
    trace_sample_ratio: float = Field(
        1.0,
        ge=0,
        le=1,
        description="Share of the traces begun here that are recorded; a caller's own choice stands.",
    )

    # ---------------------------------------------------------------- keys
    key_pepper: SecretStr | None = Field(
        None,
        description="Secret of the digests of API keys; `key.pepper` in the data directory if unset.",
    )

    # ---------------------------------------------------------------- OAuth
    oauth_issuer: str | None = Field(
        None,
        description="Whose bearer tokens are taken: their `iss`, to the letter. All four or none are set.",
    )
    oauth_audience: str | None = Field(
        None, description="For whom such a token must be: one of its `aud`, to the letter."
    )
    oauth_jwks_url: str | None = Field(
        None, description="Where the issuer publishes its keys (JWKS); https, or http to this machine."
    )
    oauth_token_endpoint: str | None = Field(
        None, description="Where clients renew an expired token; they are told, and nothing is sent there."
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

    @field_validator("oauth_jwks_url")
    @classmethod
    def _is_no_plain_http(cls, url: str | None) -> str | None:
        """Raises ValueError."""
        if url is not None and not is_safe(url):
            raise ValueError("use https://, or http:// to this machine")
        return url

    @field_validator("trusted_proxies")
    @classmethod
    def _names_networks(cls, text: str) -> str:
        """Raises ValueError."""
        networks(text)
        return text

    @property
    def trusted_networks(self) -> tuple[Network, ...]:
        """The parsed `trusted_proxies`."""
        return networks(self.trusted_proxies)

    @property
    def objects_dir(self) -> Path:
        """Where the local store keeps its objects."""
        return (self.object_dir or self.data_dir / "objects").expanduser()

    @property
    def scratch_dir(self) -> Path:
        """Where files are written that are gone when the work on them ends."""
        return (self.media_dir or self.data_dir / "media").expanduser()


def networks(text: str) -> tuple[Network, ...]:
    """Comma-separated; an address alone is a network of one. Raises ValueError."""
    return tuple(ip_network(each.strip()) for each in text.split(",") if each.strip())


def is_safe(url: str) -> bool:
    """https, or http to this machine."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        return False
    return bool(host) and (parts.scheme == "https" or (parts.scheme == "http" and _is_loopback(host)))


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


SECRET_NAMES = frozenset(
    name for name, field in Settings.model_fields.items() if "SecretStr" in str(field.annotation)
)


def load_settings(
    environment: Mapping[str, str],
    *,
    needs: Collection[str] = (),
    given: Mapping[str, object] | None = None,
) -> Settings:
    """The file, then the environment, then what was `given` on the command line; later ones win.

    `needs` names what the caller cannot do without. Raises SettingsError naming every problem at once.
    """
    problems: list[str] = []
    named = _from_environment(environment, problems) | dict(given or {})
    merged = _from_file(environment, named, problems) | named
    values = _with_secrets_read(merged, problems)
    problems.extend(_missing(values, needs))
    try:
        settings = Settings.model_validate(
            {name: values[name] for name in values if name in Settings.model_fields}
        )
    except ValidationError as error:
        problems.extend(f"{_shown(str(each['loc'][0]))}: {each['msg']}" for each in error.errors())
        raise SettingsError(problems="; ".join(problems)) from None  # the cause would show what was given
    if problems:
        raise SettingsError(problems="; ".join(problems))
    return settings


def _from_environment(environment: Mapping[str, str], problems: list[str]) -> dict[str, object]:
    found: dict[str, object] = {}
    for variable, value in sorted(environment.items()):
        if variable.startswith(PREFIX) and variable not in {FILE_VARIABLE, *CLIENT_VARIABLES}:
            name = variable.removeprefix(PREFIX).lower()
            found[name] = value
            problems.extend(_unknown(name, variable))
    return found


def _from_file(
    environment: Mapping[str, str], named: Mapping[str, object], problems: list[str]
) -> dict[str, object]:
    """The file that DITS_SETTINGS names, which must be there; else `dits.toml` in the data directory."""
    wanted = environment.get(FILE_VARIABLE)
    data_dir = Path(str(named.get("data_dir", Settings.model_fields["data_dir"].default)))
    path = Path(wanted) if wanted else data_dir / FILE_NAME
    try:
        found = tomllib.loads(path.read_text())
    except FileNotFoundError:
        if wanted:
            problems.append(f"{FILE_VARIABLE} names {path}, which is not there")
        return {}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        problems.append(f"{path} cannot be read: {error}")
        return {}
    for name in found:
        problems.extend(_unknown(name, f"{name} in {path}"))
    return found


def _with_secrets_read(merged: Mapping[str, object], problems: list[str]) -> dict[str, object]:
    """Put the content of each `<secret>_file` in the secret's own place."""
    values = dict(merged)
    for secret in sorted(
        SECRET_NAMES & {name.removesuffix("_file") for name in merged if name.endswith("_file")}
    ):
        path = Path(str(values.pop(f"{secret}_file")))
        if secret in values:
            problems.append(f"{_shown(secret)} and {_shown(secret)}_FILE are both set; keep one")
            continue
        try:
            values[secret] = path.read_text().rstrip("\n")
        except (OSError, UnicodeDecodeError) as error:
            problems.append(f"{_shown(secret)}_FILE cannot be read: {type(error).__name__} at {path}")
            values[secret] = "unreadable"  # named above; not missing as well
    return values


def _missing(values: Mapping[str, object], needs: Collection[str]) -> Iterator[str]:
    wanted = [*needs, *(S3_NAMES if values.get("object_store") == "s3" else ())]
    if any(name in values for name in OAUTH_NAMES):
        wanted += OAUTH_NAMES
    for name in wanted:
        if values.get(name) in {None, ""}:
            yield f"{_shown(name)} is missing"
    if values.get("crash_at") and str(values.get("dev", "")).lower() not in {"1", "true", "yes", "on"}:
        yield f"{_shown('crash_at')} is allowed with {_shown('dev')} only"


def _unknown(name: str, shown: str) -> Iterator[str]:
    known = [*Settings.model_fields, *(f"{secret}_file" for secret in SECRET_NAMES)]
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1)
        yield f"{shown} is not a setting" + (f"; did you mean {_shown(near[0])}?" if near else "")


def _shown(name: str) -> str:
    return PREFIX + name.upper()

"""Which server a command speaks to, and as whom: options, then the environment, then what `dits up` left.

Promises: the key is read from where it lies and shown nowhere (I9); an address alone may come from the
command line while the key comes from the file, but never the key of one server for another one's address.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from pathlib import Path

from domain.errors import SettingsError
from infra.settings import Settings

CLIENT_FILE = "client.json"
"""Written by `dits up` into its data directory, mode 0600: {"url", "key", "nats_url",
"worker_metrics_url"}."""


@dataclass(frozen=True, slots=True)
class Address:
    url: str
    key: str | None = field(repr=False)
    nats_url: str | None = field(repr=False)
    worker_metrics_url: str | None = None
    """Of the worker beside the server, if `dits up` runs both."""


def found(*, url: str | None, key: str | None, data_dir: Path | None = None) -> Address:
    """Raises SettingsError if no address is named anywhere."""
    file = (data_dir or _data_dir()) / CLIENT_FILE
    left = _left_by_up(file)
    place = url or os.environ.get("DITS_URL") or left.get("url")
    if place is None:
        problems = f"no server is named: run `dits up`, pass --url, or set DITS_URL ({file} is not there)"
        raise SettingsError(problems=problems)
    same = place == left.get("url")
    secret = key or _key_of_environment() or (left.get("key") if same else None)
    nats_url = os.environ.get("DITS_BUS_URL") or (left.get("nats_url") if same else None)
    return Address(place, secret, nats_url, left.get("worker_metrics_url") if same else None)


def _data_dir() -> Path:
    named = os.environ.get("DITS_DATA_DIR")
    default = Settings.model_fields["data_dir"].default
    return Path(named) if named else Path(str(default)).expanduser()


def _key_of_environment() -> str | None:
    """The key itself, or its file's content. Raises SettingsError."""
    named = os.environ.get("DITS_API_KEY_FILE")
    if os.environ.get("DITS_API_KEY") or named is None:
        return os.environ.get("DITS_API_KEY")
    try:
        return Path(named).read_text().strip()
    except OSError as error:
        raise SettingsError(problems="DITS_API_KEY_FILE names a file that cannot be read") from error


def _left_by_up(file: Path) -> dict[str, str]:
    try:
        known: object = json.loads(file.read_text())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise SettingsError(problems=f"{file} cannot be read") from error
    if not isinstance(known, dict):
        raise SettingsError(problems=f"{file} holds no JSON object")
    return {str(name): str(value) for name, value in known.items() if value is not None}

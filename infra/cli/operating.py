"""The servers that an operator's commands work on: those of the settings, or those that `dits up` runs here.

Promises: settings that name some of the servers must name them all; with none named, the ones of the data
directory are taken while they run, and otherwise it is said that nothing runs.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Generator, Mapping
from contextlib import contextmanager

import psutil

from domain.decider import Context
from domain.errors import NotRunningError
from infra.compose import Ground, ground
from infra.dev.cluster import runs
from infra.dev.laptop import OPERATOR_FILE
from infra.logs import configure_logs
from infra.settings import Settings, load_settings

NEEDS = ("nats_url", "nats_password", "nats_system_password", "postgres_dsn")


@contextmanager
def servers(environment: Mapping[str, str]) -> Generator[Ground]:
    """Raises SettingsError, NotRunningError, UnavailableError."""
    settings = operator_settings(environment)
    configure_logs("warning", settings.log_format, stream=sys.stderr)
    with ground(settings, "dits-operator") as on:
        yield on


def operator_settings(environment: Mapping[str, str]) -> Settings:
    """Raises SettingsError, NotRunningError."""
    settings = load_settings(environment)
    if any(getattr(settings, name) is not None for name in NEEDS):
        return load_settings(environment, needs=NEEDS)
    data_dir = settings.data_dir.expanduser().absolute()
    if not runs(data_dir):
        raise NotRunningError(data_dir=str(data_dir))
    try:
        found: dict[str, str] = json.loads((data_dir / OPERATOR_FILE).read_text())
    except FileNotFoundError as error:  # it is starting, or about to end
        raise NotRunningError(data_dir=str(data_dir)) from error
    return load_settings({**environment, **found}, needs=NEEDS)


def operator_context(on: Ground) -> Context:
    """Who is behind an operator's decision: the account on this machine."""
    return Context(f"operator:{psutil.Process().username()}", on.ids.token(16).hex())

"""What a process needs before it starts, and what it says when it does not get it."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import nats
import pytest

from gateway.client import Client
from infra.cli import exits
from tests.conftest import StartNats
from tests.e2e.product import Product, draft

START_S_MAX = 60.0


def dits(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """One command in a process of its own, with nothing of Dits in its environment but this."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("DITS_")}
    command = [sys.executable, "-m", "infra.cli", *words]
    env = {**inherited, **environment}
    return subprocess.run(command, env=env, capture_output=True, text=True, check=False, timeout=START_S_MAX)


@pytest.mark.parametrize("command", ["serve", "work"])
def test_settings_that_are_wrong_are_named_all_at_once(command: str, tmp_path: Path) -> None:
    ended = dits(command, DITS_DATA_DIR=str(tmp_path), DITS_NATS_URI="nats://x", DITS_IO_THREADS="many")
    assert ended.returncode == exits.SETTINGS
    for name in (
        "DITS_NATS_URI",
        "DITS_IO_THREADS",
        "DITS_NATS_URL is missing",
        "DITS_POSTGRES_DSN is missing",
    ):
        assert name in ended.stderr
    assert "[SETTINGS_INVALID]" in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize("command", ["serve", "work"])
def test_a_server_that_syncs_lazily_is_refused_at_the_start(
    command: str, start_nats: StartNats, postgres_dsn: str, tmp_path: Path
) -> None:
    lazy = start_nats(tmp_path / "nats", syncs_lazily=True).wait_until_ready(timeout_s=30)
    ended = dits(
        command,
        DITS_DATA_DIR=str(tmp_path),
        DITS_NATS_URL=lazy.server,
        DITS_NATS_PASSWORD_FILE=str(lazy.password_file),
        DITS_NATS_SYSTEM_PASSWORD_FILE=str(lazy.system_password_file),
        DITS_POSTGRES_DSN=postgres_dsn,
    )
    assert ended.returncode == exits.REFUSED
    assert "[LAZY_FSYNC]" in ended.stderr


def test_a_second_start_on_the_same_directory_is_refused(product: Product) -> None:
    ended = dits("up", DITS_DATA_DIR=str(product.laptop.data_dir))
    assert (ended.returncode, "[ALREADY_RUNNING]" in ended.stderr) == (exits.CONFLICT, True)
    assert str(os.getpid()) in ended.stderr


def forged(nats_url: str, subject: str) -> str:
    """What the server says to a client that writes there."""
    complaints: list[str] = []

    async def note(error: Exception) -> None:
        complaints.append(str(error).lower())

    async def forge() -> None:
        bus = await nats.connect(nats_url, error_cb=note)
        await bus.publish(subject, b"forged")
        await bus.flush()
        await bus.flush()  # nats-py hands a complaint on after the pong that follows it
        await bus.close()

    asyncio.run(forge())
    return " ".join(complaints)


def test_a_client_of_the_bus_cannot_write_the_log(product: Product, client: Client, repo: str) -> None:
    commit = client.commits.open(repo, draft(client, repo, {"a": b"a"}, base=None)).commit
    complaint = forged(product.left["nats_url"], f"dits.evt.0.commit.{commit}")
    assert "permissions violation for publish" in complaint
    assert client.commits.open(repo, draft(client, repo, {"b": b"b"}, base=commit)).state == "published"

"""What other tools store for the same edits: restic, borg and git-lfs, where they are installed.

Promises: each edit is measured against a repository that holds the base only, in the tool's own figures or
by the size of its store; a repository, its caches and its configuration lie in the directory given.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

TIMEOUT_S = 300.0
PASSWORD = "dedupe"
"""Of repositories that end with the run."""


class Peer(Protocol):
    """A tool with a repository. Callers keep the base first, once."""

    def keep(self, base: Path) -> int:
        """How many chunks it made of it."""
        ...

    def new_bytes(self, edit: Path) -> int:
        """What keeping the edit adds to the base."""
        ...


class Restic:
    def __init__(self, directory: Path) -> None:
        self._run = Tool(
            "restic", directory, RESTIC_PASSWORD=PASSWORD, RESTIC_REPOSITORY=str(directory / "repository")
        )
        self._base = ""
        self._base_bytes = 0
        self._run("init")

    def keep(self, base: Path) -> int:
        self._base = self._backup(base)
        raw = self._raw(self._base)
        self._base_bytes = raw["total_size"]
        return raw["total_blob_count"]

    def new_bytes(self, edit: Path) -> int:
        """Blobs are counted by snapshot, so earlier edits that lie in the repository do not help."""
        return self._raw(self._base, self._backup(edit))["total_size"] - self._base_bytes

    def _backup(self, file: Path) -> str:
        said = self._run("backup", "--no-cache", "--json", str(file)).splitlines()
        return str(json.loads(said[-1])["snapshot_id"])

    def _raw(self, *snapshots: str) -> dict[str, int]:
        said = self._run("stats", "--no-cache", "--json", "--mode", "raw-data", *snapshots)
        raw: dict[str, int] = json.loads(said)
        return raw


class Borg:
    def __init__(self, directory: Path) -> None:
        self._run = Tool(
            "borg",
            directory,
            BORG_BASE_DIR=str(directory),
            BORG_REPO=str(directory / "repository"),
            BORG_PASSPHRASE=PASSWORD,
        )
        self._run("init", "--encryption", "repokey-blake2")

    def keep(self, base: Path) -> int:
        self._create("base", base)
        return int(json.loads(self._run("info", "--json"))["cache"]["stats"]["total_unique_chunks"])

    def new_bytes(self, edit: Path) -> int:
        """The archive goes again, and with it its chunks."""
        stored = self._create("edit", edit)
        self._run("delete", "::edit")
        return stored

    def _create(self, archive: str, file: Path) -> int:
        said = self._run("create", "--compression", "none", "--json", f"::{archive}", str(file))
        return int(json.loads(said)["archive"]["stats"]["deduplicated_size"])


class GitLfs:
    def __init__(self, directory: Path) -> None:
        self._work = directory / "work"
        self._work.mkdir()
        self._run = Tool("git", self._work, HOME=str(directory), GIT_CONFIG_NOSYSTEM="1")
        for command in (
            ("init", "--quiet"),
            ("config", "user.name", "bench"),
            ("config", "user.email", "bench@localhost"),
            ("lfs", "install", "--local"),
            ("lfs", "track", "film"),
        ):
            self._run(*command)

    def keep(self, base: Path) -> int:
        self._commit(base)
        return len(self._objects())

    def new_bytes(self, edit: Path) -> int:
        """The object goes again, so that no edit helps another; git's own few hundred bytes do not count."""
        before = self._objects()
        self._commit(edit)
        new = self._objects() - before
        stored = sum(path.stat().st_size for path in new)
        for path in new:
            path.unlink()
        return stored

    def _commit(self, file: Path) -> None:
        shutil.copyfile(file, self._work / "film")
        self._run("add", ".gitattributes", "film")
        self._run("commit", "--quiet", "--message", file.stem)

    def _objects(self) -> set[Path]:
        return {path for path in (self._work / ".git/lfs/objects").rglob("*") if path.is_file()}


class Tool:
    """A program with the repository's environment, which answers what it printed."""

    def __init__(self, program: str, directory: Path, **environment: str) -> None:
        self._program = program
        self._directory = directory
        kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
        self._environment = {"HOME": str(directory), **kept, **environment}

    def __call__(self, *arguments: str) -> str:
        """Raises CalledProcessError, after showing what the tool said."""
        done = subprocess.run(
            (self._program, *arguments),
            cwd=self._directory,
            env=self._environment,
            capture_output=True,
            check=False,
            timeout=TIMEOUT_S,
            text=True,
        )
        if done.returncode:
            print(done.stderr, file=sys.stderr)
        done.check_returncode()
        return done.stdout


PEERS: Mapping[str, Callable[[Path], Peer]] = {"restic": Restic, "borg": Borg, "git-lfs": GitLfs}
PACKAGES = {"restic": "restic", "borg": "borgbackup", "git-lfs": "git-lfs"}
"""Debian's names."""


def missing(name: str) -> str | None:
    """Why it cannot be measured here."""
    if shutil.which(name):
        return None
    return f"{name} is not on PATH; Debian and Ubuntu have it as the package {PACKAGES[name]}"


def version_of(name: str) -> str:
    said = {"restic": ("restic", "version"), "borg": ("borg", "--version"), "git-lfs": ("git-lfs", "version")}
    done = subprocess.run(said[name], stdout=subprocess.PIPE, check=True, timeout=TIMEOUT_S, text=True)
    return done.stdout.splitlines()[0]

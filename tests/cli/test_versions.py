"""`dits versions`: files judged where no server is, and versions decided about on a real one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from itertools import count, product
from pathlib import Path
from typing import cast

import pytest

from infra.cli import exits
from infra.clock import SystemClock
from tests.cli.conftest import Dits, Said

V1 = '  v1: {status: deprecated, released_at: "2024-01-01T00:00:00Z", successor: v2}\n'
V2 = '  v2: {status: current, released_at: "2025-01-01T00:00:00Z"}\n'
DITS = (sys.executable, "-m", "infra.cli")
OF_OLD = "  {}:\n    status: deprecated\n    released_at: '2024-01-01T00:00:00Z'\n"
SOUND = f"versions:\n{V1}{V2}"
_numbers = count(700)
_words = map("".join, product("qrstu", repeat=4))
"""Suffixes of versions below v2, so that none of them is ever what a rollback falls back to."""


def put(text: str) -> str:
    Path("versions.yaml").write_text(text)
    return "versions.yaml"


def eventually(holds: Callable[[], bool]) -> None:
    """A decision holds a moment after it was recorded (R41)."""
    clock = SystemClock()
    deadline_ms = clock.monotonic_ms() + 10_000
    while not holds():
        assert clock.monotonic_ms() < deadline_ms, "it never came true"
        clock.sleep(0.05)


def topics(said: Said) -> list[str]:
    events = cast("list[dict[str, object]]", said.json["events"])
    return [str(each["topic"]).split(".")[1] for each in events]


@pytest.fixture
def version(dits: Dits, film: str) -> str:
    """A prerelease of its own on the shared server."""
    name = f"v{next(_numbers)}-beta"
    assert dits("versions", "register", name).code == 0
    return name


# ------------------------------------------------------------------ judged by itself
def test_a_sound_file_is_told_by_what_it_says(dits: Dits) -> None:
    said = dits("versions", "check", put(SOUND), "--json")
    assert (said.code, said.err) == (0, "")
    assert (said.json["versions"], said.json["default_version"]) == (["v1", "v2"], "v2")


def test_without_a_file_the_built_in_one_is_checked(dits: Dits) -> None:
    assert dits("versions", "check").out.startswith("built-in can be served: v1, v2; default v2")


def test_without_a_file_the_one_of_the_settings_is_checked(
    dits: Dits, alone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DITS_VERSIONS_FILE", str(alone / "mine.yaml"))
    missing = dits("versions", "check")
    assert (missing.code, "mine.yaml: it is not there" in missing.err) == (exits.REFUSED, True)
    (alone / "mine.yaml").write_text(SOUND)
    assert "mine.yaml can be served" in dits("versions", "check").out


def test_standard_input_can_be_checked(alone: Path) -> None:
    check = [*DITS, "versions", "check", "-"]
    said = subprocess.run(check, input=SOUND, capture_output=True, text=True, check=False)
    assert said.stdout.startswith("stdin can be served"), said.stderr


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "Version registry not initialized"),
        (f"versions:\n{V1}", "No current version available"),
        (f"versions:\n{V2}{V2.replace('v2', 'v3')}", "Multiple current versions detected: v2, v3"),
        (f"versions:\n{V1}  v2: {{status: newest}}\n", "versions.yaml:3:16: v2: status:"),
        ("versions: [", "versions.yaml:"),
        ("a: &x [*x]", "alias"),
    ],
)
def test_a_file_that_no_gateway_would_take_is_refused_in_its_words(
    dits: Dits, text: str, problem: str
) -> None:
    said = dits("versions", "check", put(text))
    assert (said.code, said.out) == (exits.REFUSED, "")
    assert problem in said.err
    assert "[REGISTRY_FILE_INVALID]" in said.err


def test_a_wrong_file_is_one_json_object_for_machines(dits: Dits) -> None:
    told = json.loads(dits("versions", "check", put(""), "--json").err)
    assert told["code"] == "REGISTRY_FILE_INVALID"
    assert "Version registry not initialized" in told["message"]


def test_a_boundary_ahead_at_which_nothing_is_current_is_refused_today(dits: Dits) -> None:
    late = SOUND.replace('"}\n', '", deprecated_at: "2090-01-01T00:00:00Z"}\n')
    assert "No current version available" in dits("versions", "check", put(late)).err


def test_a_warning_fails_only_where_that_is_asked_for(dits: Dits) -> None:
    many = "versions:\n" + "".join(V1.replace("v1", f"v{n}") for n in range(100, 120)) + V1 + V2
    said = dits("versions", "check", put(many))
    assert (said.code, "warning: versions.yaml: 22 versions" in said.err) == (0, True)
    assert dits("versions", "check", put(many), "--strict").code == exits.REFUSED


def test_a_successor_that_is_not_in_the_file_is_a_warning(dits: Dits) -> None:
    said = dits("versions", "check", put(SOUND.replace("successor: v2", "successor: v9")), "--json")
    assert said.json["warnings"] == ["v1: its successor v9 is not in the file"]


# ------------------------------------------------------------------ decided about
def test_a_version_is_registered_listed_and_shown(dits: Dits, version: str) -> None:
    listed = cast("list[dict[str, object]]", dits("versions", "list", "--json").json["versions"])
    assert version in [each["version_id"] for each in listed]
    assert version in dits("versions", "list").out
    shown = dits("versions", "show", version, "--json").json
    assert (shown["status"], shown["opt_in_required"]) == ("prerelease", True)
    assert dits("versions", "show", "v699").code == exits.NOT_FOUND


def test_a_dry_run_says_the_events_and_records_none(dits: Dits, film: str) -> None:
    name = f"v{next(_numbers)}-beta"
    said = dits("versions", "register", name, "--dry-run", "--json")
    assert (said.json["dry_run"], topics(said)) == (True, ["version_registered"])
    assert dits("versions", "show", name).code == exits.NOT_FOUND


def test_a_promotion_and_its_rollback_leave_what_was(dits: Dits, version: str) -> None:
    before = dits("versions", "list", "--json").json["default_version"]
    stable = version.partition("-")[0]
    try:
        promoted = dits("versions", "promote", version, "--json")
        assert topics(promoted)[-2:] == ["version_promoted", "default_version_changed"]
        eventually(lambda: dits("versions", "list", "--json").json["default_version"] == stable)
    finally:
        rolled = dits("versions", "rollback", stable, "--reason", "it was a test", "--json")
    assert topics(rolled)[0] == "version_rolled_back"
    eventually(lambda: dits("versions", "list", "--json").json["default_version"] == before)
    assert "rolled back" in dits("versions", "list").out
    assert "reason=it was a test" in dits("versions", "history", stable).out


def test_a_version_is_announced_browned_out_and_ended(dits: Dits, version: str) -> None:
    dits("versions", "deprecate", version)
    eventually(lambda: dits("versions", "show", version, "--json").json["status"] == "deprecated")
    announced = dits("versions", "deprecate", version, "--sunset-at", "+90d", "--successor", "v2", "--json")
    assert topics(announced) == ["version_terms_set"]
    window = ("--from", "+1h", "--until", "+2h", "--reason", "a last call")
    assert topics(dits("versions", "brownout", version, *window, "--json")) == ["brownout_scheduled"]
    assert "off from 20" in dits("versions", "list").out
    again = dits("versions", "brownout-cancel", version, "--reason", "not today", "--json")
    assert topics(again) == ["brownouts_cancelled"]
    assert topics(dits("versions", "sunset", version, "--yes", "--json"))[0] == "version_status_changed"
    eventually(lambda: dits("versions", "sunset", version, "--yes").code == exits.CONFLICT)


def test_what_ends_for_good_is_asked_about_first(dits: Dits, version: str) -> None:
    unasked = dits("versions", "sunset", version)
    assert (unasked.code, "ends for good" in unasked.err) == (exits.USAGE, True)
    assert dits("versions", "sunset", version, "--dry-run").code == 0
    assert dits("versions", "show", version, "--json").json["status"] == "prerelease"


@pytest.mark.parametrize(("answer", "code"), [("n", exits.INTERRUPTED), ("y", exits.OK)])
def test_an_answer_on_a_terminal_decides(dits: Dits, version: str, answer: str, code: int) -> None:
    ours, theirs = os.openpty()
    with subprocess.Popen([*DITS, "versions", "sunset", version], stdin=theirs, stderr=theirs) as asking:
        os.write(ours, f"{answer}\n".encode())
        assert asking.wait(30) == code
    assert b"ends for good. Nobody used it lately. Go on? [y/N]" in os.read(ours, 4096)
    os.close(ours)
    os.close(theirs)


@pytest.fixture
def registry(dits: Dits, film: str) -> Iterator[str]:
    """The registry as a file in `versions.yaml`; it stands again afterwards."""
    before = dits("versions", "export").out
    assert dits("versions", "export", "versions.yaml").code == 0
    yield Path("versions.yaml").read_text()
    put(before)
    assert dits("versions", "apply", "versions.yaml", "--adopt", "--yes").code == 0


def test_what_is_exported_can_be_checked_and_applied_again(dits: Dits, registry: str) -> None:
    assert dits("versions", "check", "versions.yaml").code == 0
    assert dits("versions", "apply", "versions.yaml").code == 0
    assert topics(dits("versions", "apply", "versions.yaml", "--json")) == []


def test_a_file_that_takes_a_version_away_is_asked_about(dits: Dits, registry: str) -> None:
    name, other = f"v1-{next(_words)}", f"v1-{next(_words)}"
    dits("versions", "apply", put(registry + OF_OLD.format(name) + OF_OLD.format(other)))
    without = dits("versions", "apply", put(registry + OF_OLD.format(other)))
    assert (without.code, f"This ends {name} for good" in without.err) == (exits.USAGE, True)
    tried = dits("versions", "apply", "versions.yaml", "--dry-run", "--json")
    assert topics(tried) == ["loaded", "version_withdrawn"]
    assert topics(dits("versions", "apply", "versions.yaml", "--yes", "--json")) == topics(tried)


def test_a_file_of_yesterday_is_not_applied_again_by_itself(dits: Dits, registry: str) -> None:
    name = f"v1-{next(_words)}"
    dits("versions", "apply", "versions.yaml")
    dits("versions", "apply", put(registry + OF_OLD.format(name)))
    again = dits("versions", "apply", put(registry))
    assert (again.code, "was applied before, and another one since" in again.err) == (exits.CONFLICT, True)
    assert dits("versions", "apply", "versions.yaml", "--adopt", "--yes").code == 0
    assert dits("versions", "show", name).code == exits.NOT_FOUND


def test_a_file_that_contradicts_a_decision_is_drift_until_it_is_adopted(
    dits: Dits, version: str, registry: str
) -> None:
    dits("versions", "apply", "versions.yaml")
    dits("versions", "deprecate", version)
    beginning = f"  {version}:\n    status: prerelease\n"
    put(registry.replace(beginning, f"{beginning}    successor: v2\n"))
    drift = dits("versions", "apply", "versions.yaml")
    assert (drift.code, "[REGISTRY_DRIFT]" in drift.err) == (exits.CONFLICT, True)
    assert "--adopt" in drift.err
    assert dits("versions", "apply", "versions.yaml", "--adopt").code == 0


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("versions: {}", "Version registry not initialized"),
        ("versions:\n  v1: 3\n", "versions.yaml:2:7: v1 is"),
    ],
)
def test_what_a_server_refuses_of_a_file_is_told_with_its_place(
    dits: Dits, film: str, text: str, problem: str
) -> None:
    said = dits("versions", "apply", put(text))
    assert (said.code, problem in said.err) == (exits.REFUSED, True)


# ------------------------------------------------------------------ looked at
def test_everybody_sees_what_is_public(dits: Dits, film: str, version: str, alone: Path) -> None:
    seen = dits("versions", "list", "--public", "--key", "", "--json").json
    assert {"v1", "v2"} <= {
        str(each["version_id"]) for each in cast("list[dict[str, object]]", seen["versions"])
    }


def test_who_uses_a_version_is_listed(dits: Dits, film: str) -> None:
    eventually(lambda: "owner" in [row["name"] for row in dits("versions", "consumers", "v2", "--json").rows])


def test_how_the_file_was_taken_is_told(dits: Dits, film: str) -> None:
    assert dits("versions", "status", "--json").json["state"] == "ok"
    assert "source" in dits("versions", "status").out


def test_the_changelog_says_what_each_version_changed(dits: Dits, film: str) -> None:
    types = {row["type"] for row in dits("versions", "changelog", "--json").rows}
    assert {"registered", "changed"} <= types


def test_without_the_scope_a_decision_is_refused(dits: Dits, film: str) -> None:
    key = dits("keys", "issue", "reader", "--scope", "read").out.strip()
    said = dits("versions", "release", "v2", "--key", key)
    assert (said.code, "admin:versions" in said.err) == (exits.REFUSED, True)

"""What people and machines do with the program, from the first push to the last lock."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import cast

import pytest

from infra.cli import exits
from infra.dev.laptop import Laptop
from tests.cli.conftest import Dits


def put(path: str, content: bytes = b"film") -> None:
    file = Path(path)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)


def test_a_film_is_pushed_logged_shown_and_checked_out(dits: Dits, film: str) -> None:
    put("reel.mov")
    pushed = dits("push", "reel.mov", "-m", "First cut", "--json").json
    assert (pushed["changed"], pushed["bytes_sent"]) == (["reel.mov"], 4)
    (line,) = dits("log", "--json").rows
    assert (line["commit"], line["message"]) == (pushed["commit"], "First cut")
    shown = dits("show", "main", "--json").json
    (change,) = cast("list[dict[str, object]]", shown["changes"])
    assert (change["path"], change["kind"], change["size_bytes"]) == ("reel.mov", "added", 4)
    out = dits("checkout", "main", "there")
    assert (out.code, Path("there/reel.mov").read_bytes()) == (0, b"film")
    assert "1 written" in out.out


def test_nothing_to_commit_is_no_error(dits: Dits, film: str) -> None:
    put("reel.mov")
    dits("push", "reel.mov", "-m", "one")
    again = dits("push", "reel.mov", "-m", "two")
    assert (again.code, again.out.startswith("Nothing to commit")) == (0, True)


def test_inside_a_checkout_repository_branch_and_root_are_known(
    dits: Dits, film: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    put("d/reel.mov")
    dits("push", "d", "-m", "one")
    dits("branch", "trim")
    dits("checkout", "trim", "there")
    monkeypatch.delenv("DITS_REPO")
    monkeypatch.chdir("there/d")
    put("reel.mov", b"trimmed")
    pushed = dits("push", "reel.mov", "-m", "two", "--json").json
    assert pushed["changed"] == ["d/reel.mov"]
    assert [line["message"] for line in dits("log", "--json").rows] == ["two", "one"]
    assert [line["message"] for line in dits("log", "-b", "main", "--json").rows] == ["one"]


def test_what_is_left_out_is_said(dits: Dits, film: str) -> None:
    put("d/reel.mov")
    Path("d/link").symlink_to("reel.mov")
    said = dits("push", "d", "-m", "one")
    assert "left out: d/link (a symbolic link is not stored)" in said.err


def test_branches_and_tags_are_made_listed_and_deleted(dits: Dits, film: str) -> None:
    put("reel.mov")
    commit = dits("push", "reel.mov", "-m", "one", "--json").json["commit"]
    for kind in ("branch", "tag"):
        assert dits(kind, "v1", "--at", "main", "--json").json["commit"] == commit
        assert "v1" in [row["name"] for row in dits(kind, "--json").rows]
        assert dits(kind, "v1", "--delete").code == 0
        assert dits(kind, "v1", "--delete").code == exits.NOT_FOUND


def test_a_locked_path_is_refused_to_others(dits: Dits, film: str, monkeypatch: pytest.MonkeyPatch) -> None:
    put("reel.mov")
    dits("lock", "reel.mov", "--for", "30m")
    assert [row["holder"] for row in dits("locks", "--json").rows] == ["owner"]
    bob = dits("keys", "issue", "bob", "--scope", "write").out.strip()
    monkeypatch.setenv("DITS_API_KEY", bob)
    refused = dits("push", "reel.mov", "-m", "his")
    assert refused.code == exits.CONFLICT
    assert "'reel.mov' is locked by owner" in refused.err
    assert "[LOCK_HELD]: ask the holder" in refused.err
    assert dits("unlock", "reel.mov").code == exits.NOT_FOUND
    assert dits("unlock", "reel.mov", "--force", "--reason", "mine").code == exits.REFUSED
    monkeypatch.delenv("DITS_API_KEY")
    assert dits("unlock", "reel.mov", "--json").json == {"released": ["reel.mov"]}


def test_keys_are_issued_listed_and_revoked(dits: Dits, film: str) -> None:
    issued = dits("keys", "issue", "carol", "--scope", "read", "--for-repo", film, "--json").json
    row = next(each for each in dits("keys", "list", "--json").rows if each["key_id"] == issued["key_id"])
    assert (row["name"], row["scopes"], row["repos"]) == ("carol", ["read"], [film])
    revoked = dits("keys", "revoke", str(issued["consumer"]), str(issued["key_id"]), "--reason", "left")
    assert revoked.code == 0
    assert dits("whoami").code == exits.USAGE
    assert dits("status", "--key", str(issued["key"]), "--json").json["consumer"] is None


@pytest.mark.usefixtures("film")
def test_a_consumer_is_limited_and_its_key_pinned(dits: Dits) -> None:
    issued = dits("keys", "issue", "dora", "--scope", "read", "--version", "v1", "--json").json
    consumer, key_id = str(issued["consumer"]), str(issued["key_id"])
    assert dits("keys", "limit", consumer, "5000").out == f"Limit of {consumer}: 5000 requests a minute\n"
    assert dits("keys", "pin", consumer, key_id, "v2").out == f"Pinned {key_id} to v2\n"
    row = next(each for each in dits("keys", "list", "--json").rows if each["key_id"] == key_id)
    assert (row["version"], row["requests_per_minute"]) == ("v2", 5000)
    assert dits("keys", "pin", consumer, key_id, "none").code == 0
    assert dits("keys", "limit", consumer, "default").code == 0
    assert dits("keys", "limit", consumer, "0").code == exits.USAGE


def test_events_are_one_line_each(dits: Dits, film: str) -> None:
    dits("lock", "a.mov", "b.mov")
    topics = [line["topic"] for line in dits("events", "--json").lines]
    assert topics[-2:] == ["locks.acquired.v1"] * 2
    people = dits("events").out.splitlines()
    assert len(people) == len(topics)
    assert "path=b.mov" in people[-1]


def test_a_replay_goes_on_where_it_was(dits: Dits, film: str) -> None:
    dits("lock", "a.mov")
    first = dits("replay")
    position = first.err.rpartition("--after ")[2].strip()
    dits("lock", "b.mov")
    (line,) = dits("replay", "--after", position).lines
    assert line["event"]["path"] == "b.mov"  # type: ignore[index]


def test_status_says_how_the_server_is(dits: Dits, film: str) -> None:
    said = dits("status", "--json").json
    assert (said["status"], said["api_version"], said["consumer"]) == ("healthy", "v2", "owner")


def test_the_bus_serves_the_same(dits: Dits, film: str) -> None:
    dits("lock", "a.mov", "--bus")
    assert [row["path"] for row in dits("locks", "--bus", "--json").rows] == ["a.mov"]


def test_the_doctor_finds_a_healthy_house_healthy(dits: Dits, film: str) -> None:
    said = dits("doctor", "--json")
    assert said.code == 0
    verdicts = {str(row["check"]): row["verdict"] for row in said.rows}
    assert verdicts["write and read"] == "good"
    assert set(verdicts.values()) <= {"good", "look"}


def test_the_doctor_says_what_to_do_about_a_wrong_key(dits: Dits, film: str) -> None:
    said = dits("doctor", "--key", "dits_nonsense", "--json")
    assert said.code == exits.REFUSED
    key = next(row for row in said.rows if row["check"] == "key")
    assert key["verdict"] == "bad"
    assert "DITS_API_KEY" in str(key["next"])


def test_a_server_that_is_not_there_is_one_line(dits: Dits, alone: Path) -> None:
    said = dits("doctor", "--url", "http://127.0.0.1:9", "--json")
    assert said.code == exits.REFUSED
    assert [row["verdict"] for row in said.rows] == ["bad"]


def test_without_any_address_it_says_where_one_could_be(dits: Dits, alone: Path) -> None:
    said = dits("repos")
    assert said.code == exits.SETTINGS
    assert "dits up" in said.err


def test_the_key_of_one_server_is_not_sent_to_another(dits: Dits, film: str, laptop: Laptop) -> None:
    elsewhere = laptop.url.replace("127.0.0.1", "localhost")
    assert dits("status", "--url", elsewhere, "--json").json["consumer"] is None
    assert dits("status", "--url", laptop.url, "--json").json["consumer"] == "owner"


def test_the_file_with_the_key_is_for_its_owner_alone(laptop: Laptop) -> None:
    file = laptop.data_dir / "client.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert set(json.loads(file.read_text())) >= {"url", "key", "nats_url", "worker_metrics_url"}


def test_the_status_says_where_the_metrics_of_gateway_and_worker_are(
    dits: Dits, film: str, laptop: Laptop
) -> None:
    addresses = [f"{laptop.url}/metrics", laptop.worker_metrics_url]
    assert dits("status", "--json").json["metrics"] == addresses
    assert " and ".join(addresses) in dits("status").out
    elsewhere = laptop.url.replace("127.0.0.1", "localhost")
    assert dits("status", "--url", elsewhere, "--json").json["metrics"] == [f"{elsewhere}/metrics"]


@pytest.mark.parametrize(
    "words",
    [
        ["lock", "a", "--for", "soon"],
        ["unlock", "a", "--force"],
        ["branch", "--delete"],
        ["branch", "x", "--at", "main", "--delete"],
        ["push", "nowhere.mov", "-m", "m"],
        ["locks"],
    ],
)
def test_a_wrong_command_line_is_said_before_anything_is_asked(
    dits: Dits, alone: Path, words: list[str]
) -> None:
    assert dits(*words, "--url", "http://127.0.0.1:9").code == exits.USAGE

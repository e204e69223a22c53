"""Child processes: asked first, ended for good if they do not listen, quoted when they fail."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

import psutil
import pytest

from domain.errors import StartFailedError
from infra.dev.processes import LOG_BYTES_MAX, Child, Launch, end_leftover, wait_until_ready

DEAF = "import signal, time; signal.signal(15, signal.SIG_IGN); print('ready', flush=True); time.sleep(60)"


def child(tmp_path: Path, code: str) -> Child:
    return Child(Launch("a child", (sys.executable, "-c", code), tmp_path / "log", environment={}))


def test_a_child_that_listens_ends_by_the_stop_signal(tmp_path: Path) -> None:
    sleeper = child(tmp_path, "import time; time.sleep(60)")
    assert sleeper.stop(timeout_s=10) == -signal.SIGTERM


def test_a_child_that_does_not_listen_is_ended_for_good(tmp_path: Path) -> None:
    deaf = child(tmp_path, DEAF)
    wait_until_ready(deaf, lambda: "ready" in deaf.last_words(), timeout_s=10)
    assert deaf.stop(timeout_s=0.1) == -signal.SIGKILL


def test_a_child_that_ends_before_it_is_ready_is_quoted(tmp_path: Path) -> None:
    broken = child(tmp_path, "raise SystemExit('the cellar is flooded')")
    with pytest.raises(StartFailedError, match=r"code 1(?s:.*)the cellar is flooded"):
        wait_until_ready(broken, lambda: False, timeout_s=10)


def test_a_child_that_is_never_ready_is_given_up(tmp_path: Path) -> None:
    silent = child(tmp_path, "import time; time.sleep(60)")
    with pytest.raises(StartFailedError, match=r"no answer within 0\.05 s"):
        wait_until_ready(silent, lambda: False, timeout_s=0.05)
    silent.stop(timeout_s=10)


def test_a_pid_that_a_stranger_has_now_is_left_alone(tmp_path: Path) -> None:
    stranger = child(tmp_path, "import time; time.sleep(60)")
    assert not end_leftover(stranger.pid, "another argument", signal.SIGKILL, timeout_s=1)
    assert psutil.pid_exists(stranger.pid)
    stranger.stop(timeout_s=10)


def test_a_long_log_is_set_aside_when_its_process_starts(tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(b"x" * (LOG_BYTES_MAX + 1))
    child(tmp_path, "print('fresh')").wait(timeout_s=10)
    assert (tmp_path / "log").read_text() == "fresh\n"
    assert (tmp_path / "log.1").exists()

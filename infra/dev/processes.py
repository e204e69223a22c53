"""Child processes that do not outlive us: started with a leash, stopped by their own pid.

Promises: a child gets its own session (Ctrl-C in the terminal reaches us alone, so that stopping has an
order), its output goes to a file, and on Linux the kernel stops it when we are killed; elsewhere the next
start finds it by its pid file (`end_leftover`). Nothing is ever ended by name.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil

from domain.errors import StartFailedError
from infra.clock import SystemClock

PR_SET_PDEATHSIG = 1  # linux/prctl.h
LOG_BYTES_MAX = 16 << 20
"""A log larger than this is set aside (one generation) when its process starts."""
POLL_S = 0.01
KILL_WAIT_S = 10.0

_clock = SystemClock()


@dataclass(frozen=True, slots=True)
class Account:
    """The system user a child runs as."""

    uid: int
    gid: int


@dataclass(frozen=True, slots=True)
class Launch:
    """What to run, and how it wants to be asked to stop."""

    name: str
    command: tuple[str, ...]
    log: Path
    environment: Mapping[str, str]
    stop_signal: signal.Signals = signal.SIGTERM
    account: Account | None = None


class Child:
    """A process that we started."""

    def __init__(self, launch: Launch) -> None:
        self.launch = launch
        self._process = _spawn(launch)

    @property
    def pid(self) -> int:
        return self._process.pid

    def exit_code(self) -> int | None:
        """None while it runs; minus the signal's number if a signal ended it."""
        return self._process.poll()

    def wait(self, timeout_s: float) -> int | None:
        """Its exit code, or None if it still runs when the time is up."""
        try:
            return self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            return None

    def ask_to_stop(self) -> None:
        """Send the stop signal and return at once, so that several can stop side by side."""
        if self.exit_code() is None:
            self._process.send_signal(self.launch.stop_signal)

    def stop(self, timeout_s: float) -> int:
        """Ask, wait, and end it and its children for good if it does not listen. Returns its exit code."""
        self.ask_to_stop()
        code = self.wait(timeout_s)
        if code is None:
            os.killpg(self.pid, signal.SIGKILL)  # it leads its own session, so the group is its family
            code = self._process.wait(KILL_WAIT_S)
        return code

    def last_words(self, lines: int = 8) -> str:
        """The end of its log, for the message of a start that failed."""
        text = self.launch.log.read_text(errors="replace")
        return "\n".join(text.splitlines()[-lines:])


def wait_until_ready(child: Child, is_ready: Callable[[], bool], timeout_s: float) -> None:
    """Poll until the child answers. Raises StartFailedError if it ends, or does not answer in time."""
    give_up_ms = _clock.monotonic_ms() + int(timeout_s * 1000)
    while not is_ready():
        code = child.exit_code()
        if code is not None:
            reason = f"it ended with code {code}. Its last words:\n{child.last_words()}"
            raise StartFailedError(server=child.launch.name, reason=reason)
        if _clock.monotonic_ms() > give_up_ms:
            reason = f"no answer within {timeout_s:g} s. Its last words:\n{child.last_words()}"
            raise StartFailedError(server=child.launch.name, reason=reason)
        _clock.sleep(POLL_S)


def end_leftover(pid: int, argument: str, stop_signal: signal.Signals, timeout_s: float) -> bool:
    """End a process of an earlier start. True if there was one.

    `argument` must stand in its command line: a pid alone may have been given to a stranger since.
    """
    try:
        process = psutil.Process(pid)
        if not any(argument in word for word in process.cmdline()):
            return False
        process.send_signal(stop_signal)
        process.wait(timeout_s)
    except psutil.TimeoutExpired:
        psutil.Process(pid).kill()
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return False
    return True


def first_number(path: Path) -> int | None:
    """The pid in a pid file; None if there is no such file or no number in it."""
    try:
        word = path.read_text().split()[0]
    except (FileNotFoundError, IndexError):
        return None
    return int(word) if word.isdecimal() else None


def _spawn(launch: Launch) -> subprocess.Popen[bytes]:
    # PDEATHSIG fires when the *thread* that forked ends (prctl(2)), so only the main thread may fork.
    assert threading.current_thread() is threading.main_thread(), "children are started by the main thread"
    _set_aside(launch.log)
    account = launch.account
    with launch.log.open("ab") as log:
        return subprocess.Popen(  # noqa: S603 -- programs of our own wheels, arguments of our own
            launch.command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env=dict(launch.environment),
            start_new_session=True,
            user=account.uid if account else None,
            group=account.gid if account else None,
            extra_groups=[] if account else None,
            preexec_fn=_leash(launch.stop_signal),  # noqa: PLW1509 -- one system call, no lock, no import
        )


def _leash(stop_signal: signal.Signals) -> Callable[[], None] | None:
    """What the child calls between fork and exec: the libc is loaded here, before the fork."""
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None).prctl
    parent = os.getpid()
    number = int(stop_signal)

    def tie_to_parent() -> None:
        prctl(PR_SET_PDEATHSIG, number)
        if os.getppid() != parent:  # we died between the fork and the line above
            os._exit(1)

    return tie_to_parent


def _set_aside(log: Path) -> None:
    if log.exists() and log.stat().st_size > LOG_BYTES_MAX:
        log.replace(log.with_name(log.name + ".1"))

"""Kills this process at a named place, for the demo and the crash tests; only ``--dev`` wires it."""

from __future__ import annotations

import os
import signal

from domain.errors import SettingsError
from domain.sagas.commit import crash_points


class KillAt:
    """A CrashPoints adapter: SIGKILL at the point, with no clean-up, as a power cut has none."""

    def __init__(self, point: str) -> None:
        if point not in crash_points():
            known = ", ".join(crash_points())
            raise SettingsError(
                problems=f"DITS_CRASH_AT: there is no crash point '{point}'; there are {known}"
            )
        self._point = point

    def reached(self, point: str) -> None:
        if point == self._point:
            os.kill(os.getpid(), signal.SIGKILL)


class NeverKill:
    """What the product runs with."""

    def reached(self, point: str) -> None:
        """Nothing happens here."""

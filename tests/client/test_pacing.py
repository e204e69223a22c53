"""How patient the client is: bounded, growing, and never with what cannot pass."""

from __future__ import annotations

import pytest

from gateway.client.errors import ConnectionLostError, DitsError, ProblemError
from gateway.client.pacing import Pacing, persisting
from tests.client.machine import QuickMachine

LOST = ConnectionLostError(server="dits", reason="reset")


def busy(*, retry_after_s: float | None = None, code: str = "SERVICE_UNAVAILABLE") -> ProblemError:
    return ProblemError(status=503, code=code, message="busy", retry_after_s=retry_after_s)


class Server:
    """Fails so many times, then answers."""

    def __init__(self, *errors: DitsError) -> None:
        self.errors = list(errors)
        self.asked = 0

    def __call__(self) -> str:
        self.asked += 1
        if self.errors:
            raise self.errors.pop(0)
        return "done"


def test_what_passes_is_waited_for() -> None:
    machine = QuickMachine()
    assert persisting(Server(LOST, busy(), LOST), Pacing(), machine) == "done"
    assert machine.slept_s == sorted(machine.slept_s)


UNMENDED = ProblemError(
    status=503, code="SERVICE_UNAVAILABLE", message="", details={"reason": "NO_CURRENT_VERSION"}
)


@pytest.mark.parametrize(
    "error", [ProblemError(status=409, code="X", message="x"), busy(code="LOG_REGRESSED"), UNMENDED]
)
def test_what_does_not_pass_is_not_tried_again(error: DitsError) -> None:
    server = Server(error)
    with pytest.raises(ProblemError):
        persisting(server, Pacing(), QuickMachine())
    assert server.asked == 1


def test_tries_are_bounded() -> None:
    server = Server(*[LOST] * 100)
    with pytest.raises(ConnectionLostError):
        persisting(server, Pacing(tries_max=4), QuickMachine())
    assert server.asked == 4


def test_time_is_bounded() -> None:
    machine = QuickMachine()
    with pytest.raises(ProblemError):
        persisting(Server(*[busy(retry_after_s=10)] * 100), Pacing(tries_max=99, budget_s=25), machine)
    assert sum(machine.slept_s) <= 25


def test_retry_after_is_kept_up_to_a_limit() -> None:
    machine = QuickMachine()
    persisting(Server(busy(retry_after_s=3), busy(retry_after_s=60)), Pacing(), machine)
    assert machine.slept_s == [3, 10]

"""The client of Dits: push, check out, lock and follow versions of films, over HTTP or NATS.

Inside Dits this package is ``gateway.client``; what other programs install is the wheel `dits-client`,
where it is ``dits_client``. Start with `Client`; README.md is the tour. It imports nothing of ours but
the formats.
"""

from .assets import MediaFile, MediaLine, Salvage
from .checkout import CheckedOut, CheckoutOptions
from .client import Client
from .commits import Draft
from .errors import DitsError, ProblemError
from .media import MediaFilter
from .pacing import Pacing
from .progress import Progress
from .push import Pushed, PushOptions
from .results import Change, Commit, Event, EventPage, File, Lock, Ref, Repo, Session

__all__ = [
    "Change",
    "CheckedOut",
    "CheckoutOptions",
    "Client",
    "Commit",
    "DitsError",
    "Draft",
    "Event",
    "EventPage",
    "File",
    "Lock",
    "MediaFile",
    "MediaFilter",
    "MediaLine",
    "Pacing",
    "ProblemError",
    "Progress",
    "PushOptions",
    "Pushed",
    "Ref",
    "Repo",
    "Salvage",
    "Session",
]

"""Salvage: somebody wants what can be played of a damaged file, beside the original (S4.1).

Promises: the original is never touched, and no other file that is there when it is asked; asking is an event,
and so is what becomes of it; a file of a refused commit can be asked for by that commit.
"""

from __future__ import annotations

from collections.abc import Sequence
from posixpath import splitext
from urllib.parse import quote

from domain import branch as branches
from domain.asset import decider as assets
from domain.asset.decider import AskSalvage, Asset, asset_id
from domain.asset.events import SalvageAsked
from domain.errors import AlreadyExistsError, InvalidBodyError, NotFoundError
from domain.event import Recorded
from domain.ids import CommitId, Digest, FilePath, RepoId, branch_id, parse_path, parse_ref
from domain.snapshots import find
from gateway.core import Core
from gateway.findings import salvage_of
from gateway.operation import Answer, AnyOperation, Call, Operation
from gateway.routes.commits import published
from gateway.routes.media import SINCE, named_file
from gateway.wire import v2_media as wire


def ask_salvage(core: Core, call: Call[wire.AskSalvage]) -> Answer:
    """One that is under way is answered with itself."""
    commit, path = _named(core, call)
    wanted = _wanted(call, path, named_file(core, call.repo, commit, path).digest)
    asset = asset_id(call.repo, wanted.recipe)
    _refuse_overwriting(core, wanted, core.log.load(assets.DECIDER, asset).state)
    outcome = core.log.ask(assets.DECIDER.ask(asset, AskSalvage(wanted)), context=call.context)
    told = _asked(outcome.events) or core.log.load(assets.DECIDER, asset).state.asked or wanted
    return Answer(
        salvage_of(Asset(asked=told)),
        outcome.position,
        headers=(("Location", f"/repos/{call.repo_name}/commits/{commit}/media/{quote(path)}"),),
        replayed=outcome.replayed,
    )


def _named(core: Core, call: Call[wire.AskSalvage]) -> tuple[str, FilePath]:
    """The commit and the file. Raises InvalidPathError, NotFoundError."""
    asked, path = call.asked, parse_path(call.asked.path)
    commit = asked.commit or _head(core, call.repo, parse_ref(asked.branch))
    if commit is None:
        raise NotFoundError(thing="branch", name=asked.branch)
    return commit, path


def _wanted(call: Call[wire.AskSalvage], path: FilePath, recipe: Digest) -> SalvageAsked:
    """Raises InvalidPathError, InvalidBodyError."""
    asked, name = call.asked, parse_ref(call.asked.branch)
    target = parse_path(asked.target) if asked.target is not None else beside(path)
    if target == path:
        raise InvalidBodyError(problems=("target: the original stays as it is; name another path",))
    return SalvageAsked(
        repo=call.repo,
        recipe=recipe,
        path=path,
        target=target,
        branch=branch_id(call.repo, name),
        branch_name=name,
        asked_by=call.principal.consumer,
        asked_by_name=call.principal.name,
    )


def beside(path: FilePath) -> FilePath:
    """``a/reel.mov`` -> ``a/reel.salvaged.mov``. Raises InvalidPathError if that is too long."""
    stem, extension = splitext(path)
    return parse_path(f"{stem}.salvaged{extension}")


def _refuse_overwriting(core: Core, wanted: SalvageAsked, asset: Asset) -> None:
    """But for what an earlier salvage of the same content wrote there. Raises AlreadyExistsError."""
    head = _head(core, wanted.repo, wanted.branch_name)
    if head is None or (asset.salvaged is not None and asset.salvaged.target == wanted.target):
        return
    if find(published(core, wanted.repo, head).tree, wanted.target, core.content.tree) is not None:
        raise AlreadyExistsError(thing="file", name=wanted.target)


def _head(core: Core, repo: RepoId, name: str) -> CommitId | None:
    return core.log.load(branches.DECIDER, branch_id(repo, name)).state.commit


def _asked(events: Sequence[Recorded]) -> SalvageAsked | None:
    return next((each.event for each in events if isinstance(each.event, SalvageAsked)), None)


OPERATIONS: tuple[AnyOperation, ...] = (
    Operation(
        "media.salvage",
        "POST",
        "/repos/{repo}/media/salvage",
        "write",
        wire.AskSalvage,
        ask_salvage,
        "Ask for what can be played of a damaged file, as a file beside it; a worker writes and commits it.",
        wire.Salvage,
        success=202,
        takes="json",
        needs_key=True,
        since=SINCE,
    ),
)

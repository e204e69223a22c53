"""Salvage: somebody wants what can be played of a damaged file, beside the original (S4.1).

Promises: the original is never touched, and no other file that is there when it is asked; asking is an event,
and so is what becomes of it; a file of a refused commit can be asked for by that commit. What is intact, or
no media, is refused at once, and so is a branch that is not there.
"""

from __future__ import annotations

from collections.abc import Sequence
from posixpath import splitext
from urllib.parse import quote

from domain import branch as branches
from domain.asset import decider as assets
from domain.asset.decider import AskSalvage, Asset, asset_id
from domain.asset.events import SalvageAsked
from domain.commit import decider as commits
from domain.errors import AlreadyExistsError, InvalidBodyError, NotDamagedError, NotFoundError
from domain.event import Recorded
from domain.format.media.reading import HEAD_BYTES, is_media
from domain.ids import CommitId, Digest, FilePath, RepoId, branch_id, parse_path, parse_ref
from domain.snapshots import find
from domain.successions import opened_source
from gateway.core import Core
from gateway.findings import Content, described, salvage_of
from gateway.operation import Answer, AnyOperation, Call, Operation
from gateway.routes.commits import published
from gateway.routes.media import SINCE, named_file
from gateway.wire import v2_media as wire


def ask_salvage(core: Core, call: Call[wire.AskSalvage]) -> Answer:
    """One that is under way is answered with itself."""
    commit, path = _named(core, call)
    entry = named_file(core, call.repo, commit, path)
    wanted = _wanted(call, path, entry.digest)
    asset = asset_id(call.repo, wanted.recipe)
    known = core.log.load(assets.DECIDER, asset).state
    _refuse_intact(core, call.repo, Content.of(path, entry, known))
    _refuse_new_branch(core, wanted, commit)
    _refuse_overwriting(core, wanted, known)
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


def _refuse_intact(core: Core, repo: RepoId, content: Content) -> None:
    """What nobody looked into may be damaged, if it begins as media. Raises NotDamagedError."""
    if content.is_damaged:
        return
    if content.asset.stored is None:
        head = opened_source(core.log, core.store, repo, content.entry.digest).read(0, HEAD_BYTES)
        if is_media(head):
            return
    elif content.mode == "raw" and content.facts is None:
        return
    raise NotDamagedError(path=content.path, what=described(content))


def _refuse_new_branch(core: Core, wanted: SalvageAsked, commit: str) -> None:
    """But for the one that the commit was made for, whose first commit it may be. Raises NotFoundError."""
    opened = core.log.load(commits.DECIDER, commit).state.opened
    is_its_own = opened is not None and opened.branch == wanted.branch
    if not is_its_own and _head(core, wanted.repo, wanted.branch_name) is None:
        raise NotFoundError(thing="branch", name=wanted.branch_name)


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

"""Branches: names that move. Creating or deleting one retains or releases its manifest in the same append."""

from __future__ import annotations

from domain import branch as branches
from domain import locks, references
from domain.branch import BranchCreated, CreateBranch, DeleteBranch, Head
from domain.decider import Outcome
from domain.errors import ConcurrencyConflictError, NotFoundError, StaleHeadError
from domain.ids import CommitId, FilePath, branch_id, parse_ref
from domain.locks import HonourLocks
from domain.references import MoveHolder, branch_holder
from domain.snapshots import find
from gateway.core import Core
from gateway.operation import Answer, AnyOperation, Call, Nothing, Operation
from gateway.reading import Page as Rows
from gateway.routes.commits import published
from gateway.wire.v2 import Branch, Branches, NameCommit, Onward, Page

TRIES_MAX = 4
"""Of a deletion whose branch moves at the same time."""


def list_branches(core: Core, call: Call[Page]) -> Answer:
    page = call.asked
    seen = core.reading.branches(call.repo, call.after, Rows(page.limit, page.after))
    rows = [Branch(name=row.name, commit=row.commit, manifest=row.manifest.hex()) for row in seen.rows]
    more = rows[-1].name if len(rows) == page.limit else None
    return Answer(Branches(items=rows, page=Onward(next=more)), seen.position)


def get(core: Core, call: Call[Nothing]) -> Answer:
    name, position = parse_ref(call.path["name"]), core.directory.position
    head = core.log.load(branches.DECIDER, branch_id(call.repo, name)).state.head
    if head is None:
        raise NotFoundError(thing="branch", name=name)
    return Answer(_branch(name, head), position, headers=(("ETag", f'"{head.commit}"'),))


def create(core: Core, call: Call[NameCommit]) -> Answer:
    name, repo = parse_ref(call.asked.name), call.repo
    commit = published(core, repo, call.asked.commit)
    head = Head(CommitId(call.asked.commit), commit.manifest)
    branch = branch_id(repo, name)
    outcome = core.log.ask(
        branches.DECIDER.ask(branch, CreateBranch(repo, branch, name, head)),
        references.DECIDER.ask(repo, MoveHolder(repo, branch_holder(branch), None, head.manifest)),
        context=call.context,
    )
    created = next(each.event for each in outcome.events if isinstance(each.event, BranchCreated))
    body = _branch(created.name, Head(created.commit, created.manifest))
    location = (("Location", f"/repos/{call.repo_name}/branches/{name}"),)
    return Answer(body, outcome.position, headers=location, replayed=outcome.replayed)


def delete(core: Core, call: Call[Nothing]) -> Answer:
    name = parse_ref(call.path["name"])
    expected = _if_match(call.headers.get("if-match"))
    for _ in range(TRIES_MAX):
        try:
            outcome = _deleted(core, call, name, expected)
        except StaleHeadError:
            if expected is not None:
                raise
            continue
        return Answer(position=outcome.position, replayed=outcome.replayed)
    raise ConcurrencyConflictError(aggregate=f"branch {name}")


def _deleted(core: Core, call: Call[Nothing], name: str, expected: CommitId | None) -> Outcome:
    repo, branch = call.repo, branch_id(call.repo, name)
    head = core.log.load(branches.DECIDER, branch).state.head
    if head is None:
        # Refused, unless this key deleted it: only the aggregate knows.
        return core.log.ask(branches.DECIDER.ask(branch, DeleteBranch(name, None)), context=call.context)
    return core.log.ask(
        branches.DECIDER.ask(branch, DeleteBranch(name, expected or head.commit)),
        references.DECIDER.ask(repo, MoveHolder(repo, branch_holder(branch), head.manifest, None)),
        locks.DECIDER.ask(repo, HonourLocks(_held_by_others(core, call, head), call.principal.consumer, {})),
        context=call.context,
    )


def _held_by_others(core: Core, call: Call[Nothing], head: Head) -> tuple[FilePath, ...]:
    """Locked paths that the branch holds: deleting it would take them from under their holders (I7)."""
    root = published(core, call.repo, head.commit).tree
    table = core.log.load(locks.DECIDER, call.repo).state.locks
    others = (path for path, lock in table.items() if lock.holder != call.principal.consumer)
    return tuple(path for path in others if find(root, path, core.content.tree) is not None)


def _if_match(header: str | None) -> CommitId | None:
    """RFC 9110: `*` is any head; a weak tag never matches, so it is passed on as what no head is called."""
    if header is None or header.strip() == "*":
        return None
    return CommitId(header.strip().removeprefix('"').removesuffix('"')[:64])


def _branch(name: str, head: Head) -> Branch:
    return Branch(name=name, commit=head.commit, manifest=head.manifest.hex())


PATH = "/repos/{repo}/branches"
ONE = "/repos/{repo}/branches/{name:path}"

OPERATIONS: tuple[AnyOperation, ...] = (
    Operation("branches.list", "GET", PATH, "read", Page, list_branches, "All branches by name.", Branches),
    Operation(
        "branches.create",
        "POST",
        PATH,
        "write",
        NameCommit,
        create,
        "A new branch at a published commit of this repository.",
        Branch,
        success=201,
        takes="json",
        claims_name=True,
    ),
    Operation("branches.get", "GET", ONE, "read", Nothing, get, "One branch and its head.", Branch),
    Operation(
        "branches.delete",
        "DELETE",
        ONE,
        "write",
        Nothing,
        delete,
        "Delete a branch; with If-Match, only while its head is that commit.",
        success=204,
    ),
)

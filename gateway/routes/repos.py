"""Repositories: list, create, look at one, show it to everybody or hide it again."""

from __future__ import annotations

from domain import repository as repositories
from domain.errors import NotFoundError
from domain.ids import parse_name, repo_id
from domain.repository import CreateRepository, RepositoryCreated, ShowRepository
from gateway import auth
from gateway.caller import RepoFacts
from gateway.core import Core
from gateway.operation import Answer, AnyOperation, Call, Nothing, Operation
from gateway.wire.v2 import THE_END, CreateRepo, Repo, Repos, ShowRepo, Visibility


def list_repos(core: Core, call: Call[Nothing]) -> Answer:
    seen = core.directory.visible_to(call.caller)
    return Answer(Repos(items=[_repo(facts) for facts in seen], page=THE_END), core.directory.position)


def create(core: Core, call: Call[CreateRepo]) -> Answer:
    name, owner = parse_name(call.asked.name), call.principal
    repo = repo_id(name)
    auth.refuse_unless_for(owner, repo, "write")
    command = CreateRepository(repo, name, owner.consumer, call.asked.visibility == "public")
    outcome = core.log.ask(repositories.DECIDER.ask(repo, command), context=call.context)
    created = next(each.event for each in outcome.events if isinstance(each.event, RepositoryCreated))
    body = Repo(name=created.name, id=created.repo, visibility=_visibility(created), owner=created.owner)
    location = (("Location", f"/repos/{name}"),)
    return Answer(body, outcome.position, headers=location, replayed=outcome.replayed)


def get(core: Core, call: Call[Nothing]) -> Answer:
    return Answer(_loaded(core, call.repo_name), core.log.end())


def show(core: Core, call: Call[ShowRepo]) -> Answer:
    ask = repositories.DECIDER.ask(call.repo, ShowRepository(call.asked.visibility == "public"))
    outcome = core.log.ask(ask, context=call.context)
    return Answer(_loaded(core, call.repo_name), outcome.position, replayed=outcome.replayed)


def _loaded(core: Core, name: str) -> Repo:
    facts = auth.found_repo(core.log, name)
    if facts is None:
        raise NotFoundError(thing="repository", name=name)
    return _repo(facts)


def _repo(facts: RepoFacts) -> Repo:
    return Repo(name=facts.name, id=facts.repo, visibility=_visibility(facts), owner=facts.owner)


def _visibility(repo: RepoFacts | RepositoryCreated) -> Visibility:
    return "public" if repo.public else "private"


OPERATIONS: tuple[AnyOperation, ...] = (
    Operation(
        "repos.list",
        "GET",
        "/repos",
        "read",
        Nothing,
        list_repos,
        "The repositories that the caller may see; without a key, the public ones.",
        Repos,
    ),
    Operation(
        "repos.create",
        "POST",
        "/repos",
        "write",
        CreateRepo,
        create,
        "Take a name for a new, empty repository.",
        Repo,
        success=201,
        takes="json",
        claims_name=True,
        changes_access=True,
    ),
    Operation("repos.get", "GET", "/repos/{repo}", "read", Nothing, get, "One repository.", Repo),
    Operation(
        "repos.show",
        "PATCH",
        "/repos/{repo}",
        "write",
        ShowRepo,
        show,
        "Show the repository to everybody, or hide it again.",
        Repo,
        takes="json",
        changes_access=True,
    ),
)

"""API keys: issue (shown once), list, revoke, pin to a version; a consumer's limit; and who am I."""

from __future__ import annotations

from collections.abc import Sequence

from domain import consumer as consumers
from domain.api_registry import decider as api_registry
from domain.consumer import ApiKeyIssued, IssueKey, PinVersion, RevokeKey, SetLimit, consumer_id, grants
from domain.errors import ForbiddenError, NotFoundError, VersionNotFoundError
from domain.ids import ConsumerId, KeyId, RepoId, parse_name, repo_id
from gateway import auth
from gateway.caller import Principal
from gateway.core import Core
from gateway.operation import Answer, AnyOperation, Call, Nothing, Operation
from gateway.wire import v2
from gateway.wire.consumers import PinVersion as AskedPin
from gateway.wire.consumers import SetLimit as AskedLimit

KEYS_LISTED_MAX = 10_000


def issue(core: Core, call: Call[v2.IssueKey]) -> Answer:
    _refuse_unless_for_all(call.principal)
    asked, name = call.asked, parse_name(call.asked.name)
    scopes = tuple(dict.fromkeys(asked.scopes))
    repos = _repos(core, asked.repos)
    _refuse_more_than_own(call.principal, scopes)
    _refuse_unknown_version(core, call.principal, asked.version)
    consumer = consumer_id(name)
    text = auth.key_text(consumer, core.ids.token(auth.SECRET_BYTES))
    key_id = KeyId(call.derived("api key"))
    command = IssueKey(consumer, name, key_id, core.keys.of(text), scopes, repos, asked.version)
    outcome = core.log.ask(consumers.DECIDER.ask(consumer, command), context=call.context)
    issued = next(each.event for each in outcome.events if isinstance(each.event, ApiKeyIssued))
    shown = None if outcome.replayed else text
    body = v2.IssuedKey(consumer=issued.consumer, key_id=issued.key_id, key=shown)
    return Answer(body, outcome.position, replayed=outcome.replayed)


def list_keys(core: Core, call: Call[Nothing]) -> Answer:
    _refuse_unless_for_all(call.principal)
    seen = core.reading.keys(call.after, KEYS_LISTED_MAX)
    keys = [
        v2.Key(
            consumer=row.key.consumer,
            name=row.key.name,
            key_id=row.key.key_id,
            scopes=list(row.key.scopes),
            repos=_names(core, row.key.repos),
            version=row.key.version_id,
            requests_per_minute=row.requests_per_minute,
        )
        for row in seen.rows
        if row.key.revoked_at is None
    ]
    return Answer(v2.Keys(items=keys, page=v2.THE_END), seen.position)


def revoke(core: Core, call: Call[v2.RevokeKey]) -> Answer:
    _refuse_unless_for_all(call.principal)
    consumer, key_id = call.hex_id("consumer", "consumer"), KeyId(call.hex_id("key_id", "key"))
    command = RevokeKey(key_id, call.asked.reason)
    outcome = core.log.ask(consumers.DECIDER.ask(consumer, command), context=call.context)
    return Answer(position=outcome.position, replayed=outcome.replayed)


def set_limit(core: Core, call: Call[AskedLimit]) -> Answer:
    _refuse_unless_for_all(call.principal)
    consumer = ConsumerId(call.hex_id("consumer", "consumer"))
    command = SetLimit(consumer, call.asked.requests_per_minute)
    outcome = core.log.ask(consumers.DECIDER.ask(consumer, command), context=call.context)
    return Answer(position=outcome.position, replayed=outcome.replayed)


def pin(core: Core, call: Call[AskedPin]) -> Answer:
    _refuse_unless_for_all(call.principal)
    consumer, key_id = call.hex_id("consumer", "consumer"), KeyId(call.hex_id("key_id", "key"))
    _refuse_unknown_version(core, call.principal, call.asked.version)
    command = PinVersion(key_id, call.asked.version)
    outcome = core.log.ask(consumers.DECIDER.ask(consumer, command), context=call.context)
    return Answer(position=outcome.position, replayed=outcome.replayed)


def whoami(core: Core, call: Call[Nothing]) -> Answer:
    me = call.principal
    body = v2.Whoami(consumer=me.consumer, name=me.name, scopes=list(me.scopes), repos=_names(core, me.repos))
    return Answer(body, core.directory.position)


def _repos(core: Core, names: list[str] | None) -> tuple[RepoId, ...] | None:
    """Raises InvalidNameError, NotFoundError."""
    if names is None:
        return None
    for name in names:
        if auth.found_repo(core.log, parse_name(name)) is None:
            raise NotFoundError(thing="repository", name=name)
    return tuple(repo_id(name) for name in dict.fromkeys(names))


def _names(core: Core, repos: Sequence[RepoId] | None) -> list[str] | None:
    if repos is None:
        return None
    known = core.directory.repos
    return [known[repo].name if repo in known else repo for repo in repos]


def _refuse_unless_for_all(principal: Principal) -> None:
    """Consumers belong to no repository, so a key for some of them administers nobody's keys."""
    if principal.repos is not None:
        raise ForbiddenError(scope="admin:keys for every repository")


def _refuse_unknown_version(core: Core, principal: Principal, version_id: str | None) -> None:
    """What is not released is not there, but for those who may know (R13). Raises VersionNotFoundError."""
    if version_id is None:
        return
    registry = core.log.load(api_registry.DECIDER, api_registry.REGISTRY_ID).state
    version = registry.versions.get(version_id)
    may_know = grants(principal.scopes, "admin:versions")
    if version is None or not (may_know or version.is_released_at(core.clock.now())):
        raise VersionNotFoundError(version_id=version_id)


def _refuse_more_than_own(issuer: Principal, scopes: tuple[str, ...]) -> None:
    """Nobody gives away what they do not have. Raises ForbiddenError."""
    for scope in scopes:
        if not grants(issuer.scopes, scope):
            raise ForbiddenError(scope=scope[:64])


PATH = "/admin/keys"

OPERATIONS: tuple[AnyOperation, ...] = (
    Operation(
        "keys.issue",
        "POST",
        PATH,
        "admin:keys",
        v2.IssueKey,
        issue,
        "A new key for a consumer, shown once; at most what the issuer may do.",
        v2.IssuedKey,
        success=201,
        takes="json",
        claims_name=True,
        changes_access=True,
    ),
    Operation("keys.list", "GET", PATH, "admin:keys", Nothing, list_keys, "Keys that are valid.", v2.Keys),
    Operation(
        "keys.revoke",
        "DELETE",
        PATH + "/{consumer}/{key_id}",
        "admin:keys",
        v2.RevokeKey,
        revoke,
        "End a key, with a reason.",
        success=204,
        changes_access=True,
    ),
    Operation(
        "keys.limit",
        "PUT",
        "/admin/consumers/{consumer}/limit",
        "admin:keys",
        AskedLimit,
        set_limit,
        "How many requests a minute a consumer may make.",
        success=204,
        takes="json",
        changes_access=True,
        since="v2",
    ),
    Operation(
        "keys.pin",
        "PUT",
        PATH + "/{consumer}/{key_id}/version",
        "admin:keys",
        AskedPin,
        pin,
        "Which version of the API a key gets when it names none.",
        success=204,
        takes="json",
        changes_access=True,
        since="v2",
    ),
    Operation("whoami", "GET", "/whoami", None, Nothing, whoami, "Whom this key speaks for.", v2.Whoami),
)

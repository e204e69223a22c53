"""Bearer tokens: only those that the issuer signed for us, never later than they end (V4.3, RFC 8725)."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from joserfc.jwk import RSAKey

from domain.errors import UnauthorizedError, UnavailableError
from domain.ids import repo_id
from gateway.caller import Principal
from gateway.challenges import TOKEN_EXPIRED, TOKEN_INVALID
from gateway.oauth import TOKEN_BYTES_MAX, Tokens, Verdict, Verdicts
from tests.fakes import FakeClock
from tests.issuer import HOUR_S, ISSUER, FakeIssuer, hmac_with_public_key, segment, signed, signing_key


@pytest.fixture
def issuer(clock: FakeClock) -> FakeIssuer:
    return FakeIssuer(clock, [signing_key(each, "first") for each in ("Ed25519", "ES256", "RS256")])


@pytest.fixture
def tokens(issuer: FakeIssuer) -> Tokens:
    return issuer.tokens()


def asked(tokens: Tokens, token: str) -> Principal:
    """As a door does it."""
    return tokens.known(token) or tokens.verified(token)


def refused(tokens: Tokens, token: str) -> str:
    with pytest.raises(UnauthorizedError) as refusal:
        asked(tokens, token)
    return refusal.value.message


# ------------------------------------------------------------------ who is let in
@pytest.mark.parametrize("algorithm", ["RS256", "ES256", "Ed25519", "EdDSA"])
def test_a_token_speaks_for_its_subject(tokens: Tokens, issuer: FakeIssuer, algorithm: str) -> None:
    principal = asked(tokens, issuer.token(algorithm))
    assert (principal.name, principal.kind, principal.scopes, principal.repos) == (
        "ann",
        "token",
        ("read",),
        None,
    )


def test_a_subject_is_one_consumer_whatever_key_signs_and_another_issuers_is_another(
    tokens: Tokens, issuer: FakeIssuer
) -> None:
    ann = asked(tokens, issuer.token()).consumer
    assert asked(tokens, issuer.token("ES256", scope="write")).consumer == ann
    assert asked(tokens, issuer.token(sub="bob")).consumer != ann


@pytest.mark.parametrize(
    ("scope", "scopes"),
    [
        ("openid read write profile", ("read", "write")),
        ("admin:versions admin:Versions admin:", ("admin:versions",)),
        ("admin admin", ("admin",)),
        ("openid profile", ("read",)),
        ("", ("read",)),
        (None, ("read",)),
    ],
)
def test_only_scopes_of_ours_count_and_none_of_them_reads(
    tokens: Tokens, issuer: FakeIssuer, scope: str | None, scopes: tuple[str, ...]
) -> None:
    assert asked(tokens, issuer.token(scope=scope)).scopes == scopes


def test_a_token_may_be_for_some_repositories(tokens: Tokens, issuer: FakeIssuer) -> None:
    some = asked(tokens, issuer.token(dits_repos=["film", "news", "film"]))
    assert some.repos == (repo_id("film"), repo_id("news"))
    assert asked(tokens, issuer.token(dits_repos=[])).repos == ()


def test_an_audience_may_be_one_of_several(tokens: Tokens, issuer: FakeIssuer) -> None:
    assert asked(tokens, issuer.token(aud=["other", ISSUER.audience])).name == "ann"


def test_a_name_is_told_without_control_characters(tokens: Tokens, issuer: FakeIssuer) -> None:
    assert asked(tokens, issuer.token(sub="a\r\nX: y")).name == "a\\r\\nX: y"


# ------------------------------------------------------------------ who is not
WRONG_CLAIMS: list[dict[str, Any]] = [
    {"iss": "https://issuer.example/"},
    {"iss": None},
    {"aud": "other"},
    {"aud": None},
    {"aud": []},
    {"aud": {"dits": 1}},
    {"aud": "ditsy"},
    {"sub": None},
    {"sub": ""},
    {"sub": 7},
    {"sub": "s" * 256},
    {"sub": "\ud800"},
    {"exp": None},
    {"exp": "tomorrow"},
    {"exp": True},
    {"exp": 10**400},
    {"exp": float("nan")},
    {"exp": float("inf")},
    {"nbf": "now"},
    {"iat": None, "nbf": 10**12},
    {"iat": 10**12},
    {"scope": ["read"]},
    {"dits_repos": "film"},
    {"dits_repos": None, "dits_repos ": 1, "exp": []},
    {"dits_repos": [1]},
    {"dits_repos": ["../film"]},
    {"dits_repos": ["a"] * 257},
]


@pytest.mark.parametrize("changed", WRONG_CLAIMS, ids=str)
def test_a_token_that_does_not_say_what_it_must_is_invalid(
    tokens: Tokens, issuer: FakeIssuer, changed: dict[str, Any]
) -> None:
    assert refused(tokens, issuer.token(**changed)) == TOKEN_INVALID


def test_an_unsigned_token_is_invalid(tokens: Tokens, issuer: FakeIssuer) -> None:
    for algorithm in ("none", "None", "", "HS256", "RS512", "PS256", "ES384", "Ed448", None, ["RS256"]):
        header = segment({"alg": algorithm, "kid": "first"})
        assert refused(tokens, f"{header}.{segment(issuer.claims())}.AAAA") == TOKEN_INVALID
    assert refused(tokens, f"{segment({'alg': 'none'})}.{segment(issuer.claims())}.") == TOKEN_INVALID


def test_a_public_key_is_no_secret(tokens: Tokens, issuer: FakeIssuer) -> None:
    key = signing_key("RS256", "first")
    assert isinstance(key, RSAKey)
    for text in (key.as_pem(private=False), issuer.jwks(), json.dumps(key.as_dict(private=False)).encode()):
        assert refused(tokens, hmac_with_public_key(issuer, text)) == TOKEN_INVALID


def test_a_key_is_for_its_own_algorithm(tokens: Tokens, issuer: FakeIssuer) -> None:
    key = signing_key("ES256", "first")
    token = signed({"alg": "RS256", "kid": "first"}, issuer.claims(), key, "ES256")
    assert refused(tokens, token) == TOKEN_INVALID


def test_a_key_that_the_token_brings_along_is_not_looked_at(tokens: Tokens, issuer: FakeIssuer) -> None:
    own = signing_key("Ed25519", "own")
    for more in ({"jwk": own.as_dict(private=False)}, {"jku": "http://own.example"}, {"x5c": ["AAAA"]}):
        token = signed({"alg": "Ed25519", "kid": "own", **more}, issuer.claims(), own, "Ed25519")
        assert refused(tokens, token) == TOKEN_INVALID


def test_what_must_be_understood_is_not_passed_over(tokens: Tokens, issuer: FakeIssuer) -> None:
    key = signing_key("Ed25519", "first")
    header = {"alg": "Ed25519", "kid": "first", "crit": ["b64"], "b64": False}
    assert refused(tokens, signed(header, issuer.claims(), key, "Ed25519")) == TOKEN_INVALID


@pytest.mark.parametrize("payload", [[], 7, None, "text"])
def test_claims_are_an_object(tokens: Tokens, payload: object) -> None:
    key = signing_key("Ed25519", "first")
    assert (
        refused(tokens, signed({"alg": "Ed25519", "kid": "first"}, payload, key, "Ed25519")) == TOKEN_INVALID
    )


def test_deeply_nested_json_is_invalid_and_nothing_worse(tokens: Tokens) -> None:
    """Each quartet is `[[[`, so a header alone nests three thousand lists."""
    for nested in ("W1tb" * 1_000, segment({"alg": "Ed25519"}) + "." + "W1tb" * 1_000):
        assert refused(tokens, f"{nested}.AAAA.AAAA"[:TOKEN_BYTES_MAX]) == TOKEN_INVALID


def test_a_token_has_a_longest_length(tokens: Tokens, issuer: FakeIssuer) -> None:
    claims = len(issuer.token().split(".")[1])
    assert refused(tokens, issuer.token(pad="x" * TOKEN_BYTES_MAX)) == TOKEN_INVALID
    assert asked(tokens, issuer.token(pad="x" * ((TOKEN_BYTES_MAX - claims) * 3 // 4 - 300))).name == "ann"


@pytest.mark.parametrize("token", ["", "garbage", "a.b", "a.b.c.d", "a.b.c d", "a.é.c", ".." * 3, "a.b.c\n"])
def test_what_cannot_be_a_token_is_refused_without_a_thread(tokens: Tokens, token: str) -> None:
    with pytest.raises(UnauthorizedError, match=TOKEN_INVALID):
        tokens.known(token)


@settings(max_examples=300)
@given(st.data())
def test_no_change_of_a_token_is_taken(data: st.DataObject) -> None:
    issuer = FakeIssuer(FakeClock())
    tokens, good = issuer.tokens(), issuer.token()
    place = data.draw(st.integers(0, len(good) - 1))
    put = data.draw(st.text(max_size=3))
    changed = good[:place] + put + good[place + data.draw(st.integers(0, 3)) :]
    if changed != good:
        assert refused(tokens, changed) == TOKEN_INVALID
    assert asked(tokens, good).name == "ann"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
NAMES = st.sampled_from(
    ["iss", "aud", "sub", "exp", "nbf", "iat", "scope", "dits_repos", "alg", "kid", "crit"]
)


@settings(max_examples=300)
@given(header=st.dictionaries(NAMES, JSON, max_size=2), claims=st.dictionaries(NAMES, JSON, max_size=3))
def test_whatever_the_issuer_signs_is_a_principal_or_a_refusal(
    header: dict[str, object], claims: dict[str, object]
) -> None:
    issuer = FakeIssuer(FakeClock())
    key = signing_key("Ed25519", "first")
    told = {"alg": "Ed25519", "kid": "first", **header}
    with suppress(UnauthorizedError):
        principal = asked(issuer.tokens(), signed(told, {**issuer.claims(), **claims}, key, "Ed25519"))
        assert principal.name.isascii()


# ------------------------------------------------------------------ when it ends
def test_an_expired_token_says_so_and_where_to_renew_it(tokens: Tokens, issuer: FakeIssuer) -> None:
    with pytest.raises(UnauthorizedError, match=TOKEN_EXPIRED) as refusal:
        tokens.verified(issuer.token(exp=issuer.clock.now().timestamp() - 31))
    refresh = {"grant_type": "refresh_token", "token_endpoint": ISSUER.token_endpoint}
    assert refusal.value.facts["refresh"] == refresh


@pytest.mark.parametrize("is_known", [True, False], ids=["known before", "never seen"])
@pytest.mark.parametrize(
    ("late_s", "holds"), [(-1, True), (20, True), (29.9, True), (30, False), (99, False)]
)
def test_expiry_is_looked_at_on_every_use(
    tokens: Tokens, issuer: FakeIssuer, late_s: float, *, holds: bool, is_known: bool
) -> None:
    token = issuer.token(exp=issuer.clock.now().timestamp() + 60)
    if is_known:
        asked(tokens, token)
    issuer.clock.advance(timedelta(seconds=60 + late_s))
    if holds:
        assert asked(tokens, token).name == "ann"
    else:
        assert refused(tokens, token) == TOKEN_EXPIRED


def test_clocks_may_be_half_a_minute_apart_at_the_beginning_too(tokens: Tokens, issuer: FakeIssuer) -> None:
    soon = issuer.clock.now().timestamp() + 30
    assert asked(tokens, issuer.token(nbf=soon, iat=soon)).name == "ann"
    assert refused(tokens, issuer.token(nbf=soon + 1)) == TOKEN_INVALID


def test_a_token_of_somebody_else_is_never_called_expired(tokens: Tokens, issuer: FakeIssuer) -> None:
    past = issuer.clock.now().timestamp() - HOUR_S
    assert refused(tokens, issuer.token(exp=past, aud="other")) == TOKEN_INVALID
    assert refused(tokens, issuer.token(exp=past)[:-8] + "AAAAAAAA") == TOKEN_INVALID


# ------------------------------------------------------------------ what is remembered
def test_a_token_is_verified_once_and_known_from_then_on(tokens: Tokens, issuer: FakeIssuer) -> None:
    token = issuer.token()
    assert tokens.known(token) is None
    principal = tokens.verified(token)
    assert tokens.known(token) is principal


def test_a_withdrawn_keys_token_ends_with_the_keys_lifetime(tokens: Tokens, issuer: FakeIssuer) -> None:
    token = issuer.token(exp=issuer.clock.now().timestamp() + 3 * HOUR_S)
    asked(tokens, token)
    issuer.rotate("second")
    issuer.clock.advance(timedelta(seconds=HOUR_S - 1))
    assert asked(tokens, token).name == "ann"
    issuer.clock.advance(timedelta(seconds=1))
    assert refused(tokens, token) == TOKEN_INVALID


def test_only_so_many_tokens_are_remembered_and_those_in_use_stay(tokens: Tokens, issuer: FakeIssuer) -> None:
    verdicts = Verdicts(limit=10)
    verdict = Verdict(tokens.verified(issuer.token()), 0, 0)
    verdicts.keep(b"in use", verdict)
    for number in range(100):
        verdicts.keep(number.to_bytes(8, "big"), verdict)
        assert verdicts.find(b"in use") is verdict
        assert len(verdicts) <= 20
    assert verdicts.find((0).to_bytes(8, "big")) is None


def test_no_token_and_no_key_is_kept_or_shown(tokens: Tokens, issuer: FakeIssuer) -> None:
    token = issuer.token()
    tokens.verified(token)
    assert token not in repr(tokens)
    assert token.split(".")[2] not in repr(tokens)


def test_without_any_key_nobody_can_be_told_apart(tokens: Tokens, issuer: FakeIssuer) -> None:
    issuer.is_away = True
    with pytest.raises(UnavailableError):
        tokens.verified(issuer.token())

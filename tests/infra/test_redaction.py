"""No secret reaches a log line, however it is dressed (seed S5.5, I9)."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.redaction import DEPTH_MAX, REDACTED, Redaction, redacted, redacted_text

CANARY = "Zq7.canary-Secret_0+9/8~"
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJjYW5hcnkifQ.c2lnbmF0dXJl-canary_0"


def line(**facts: object) -> str:
    return json.dumps(Redaction()(None, "info", dict(facts)))


@pytest.mark.parametrize("name", ["authorization", "Api-Key", "X-API-KEY", "PassWord", "TOKEN", "x_api_key"])
@pytest.mark.parametrize("shape", ["flat", "nested", "list", "tuple", "pair", "bytes pair"])
def test_a_secrets_name_hides_its_value_at_any_depth(name: str, shape: str) -> None:
    shapes: dict[str, dict[str, object]] = {
        "flat": {name: CANARY},
        "nested": {"request": {"headers": {name: CANARY}}},
        "list": {"headers": [{name: CANARY}]},
        "tuple": {"headers": ({"a": [{name: (CANARY,)}]},)},
        "pair": {"headers": [(name, CANARY)]},
        "bytes pair": {"headers": [(name.encode(), CANARY.encode())]},
    }
    shown = line(**shapes[shape])
    assert "canary" not in shown
    assert REDACTED in shown


@pytest.mark.parametrize(
    "text",
    [
        f"Bearer {CANARY}=",
        f"bearer  {JWT}",
        "Basic Y2FuYXJ5OmNhbmFyeQ==",
        f"token {JWT} was refused",
        f"GET /files?token={CANARY}&page=2",
        f"https://s3.example.org/b/k?X-Amz-Credential={CANARY}&X-Amz-Signature=canary01",
        "https://s3.example.org/k?AWSAccessKeyId=canary&Signature=canary%3D&Expires=1",
        "postgresql://dits:canary@127.0.0.1/dits",
        "host=127.0.0.1 password=canary dbname=dits",
        "{'x-api-key': 'canary with spaces', 'page': 2}",
        '{"password": "canary"}',
        "[(b'authorization', b'Bearer canary')]",
        "Authorization: Digest-canary",
        "Cookie: session=canary; theme=dark",
        "key dits_Zq7canary0123456789abcdefABCDEF was refused",
        "dits_0b9e2a4e7c6b4d2e_canaryCANARYcanary",
        "AWS4-HMAC-SHA256 Credential=canary/2026, Signature=canary",
    ],
)
def test_a_secret_inside_a_text_is_cut_out(text: str) -> None:
    assert "canary" not in line(said=text).lower().replace("dits_", "")
    assert "canary" not in line(event=text).lower()


@pytest.mark.parametrize(
    "text",
    [
        "dits_log_redactions_total",
        "dits_registry_last_load_timestamp_seconds",
        "a bearer of news",
        "2026-11-22T16:27:38.476130Z",
        "https://dits.example/problems/lock-held",
        "shots/a b: take 2.mov",
        "commits?page=2&after=17",
    ],
)
def test_what_is_no_secret_stays_as_it_was(text: str) -> None:
    expected = text.replace("bearer of", f"bearer {REDACTED}")  # a scheme and a word look like a credential
    assert redacted_text(text) == expected


def test_an_exception_is_shown_without_its_secrets() -> None:
    assert redacted(ValueError(f"no: Bearer {CANARY}")) == f"ValueError: no: Bearer {REDACTED}"


def test_an_object_is_shown_by_its_repr_without_its_secrets() -> None:
    class Request:
        def __repr__(self) -> str:
            return "Request(password='canary')"

    assert redacted({"request": Request()}) == {"request": f"Request(password={REDACTED})"}


def test_a_mapping_that_holds_itself_ends() -> None:
    loop: dict[str, object] = {}
    loop["again"] = loop
    assert json.dumps(redacted(loop)).count("again") == DEPTH_MAX


def test_a_long_text_is_cut() -> None:
    assert len(redacted_text("x y" * 100_000)) < 10_000


def test_how_many_fields_held_a_secret_is_counted() -> None:
    counted: list[int] = []
    processor = Redaction(counted.append)
    processor(None, "info", {"token": CANARY, "said": "password=x", "path": "a.mov"})
    processor(None, "info", {"path": "a.mov"})
    assert counted == [2]


@given(st.text(alphabet="abcdefXYZ0189-._~+/", min_size=8, max_size=60))
def test_no_b64token_survives_after_bearer(token: str) -> None:
    """RFC 6750: the sample's pattern stopped at the first dot and leaked a JWT's payload."""
    assert redacted_text(f"sent Bearer {token} to us") == f"sent Bearer {REDACTED} to us"


plain = st.none() | st.booleans() | st.integers() | st.text(max_size=20)
nested = st.recursive(
    plain,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(nested)
def test_redaction_changes_nothing_more_the_second_time(value: object) -> None:
    once = redacted(value)
    assert redacted(once) == once

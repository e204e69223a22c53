"""Refusals that are remembered: what is kept comes back, and losing it does no harm."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from domain.errors import (
    AlreadyExistsError,
    DitsError,
    Fact,
    MalformedBodyError,
    UnavailableError,
)
from gateway.answers import Answers, BucketAnswers, MemoryAnswers, Refusal, Scope, refusal_of
from tests.fakes import FakeClock
from tests.gateway.conftest import Tell
from tests.gateway.house import House

SCOPE = Scope("ann", "repos.create", "key")
FACTS = st.text(max_size=10) | st.integers(0, 2**62) | st.booleans() | st.tuples(st.text(max_size=5))
REFUSALS = st.builds(
    Refusal,
    st.binary(min_size=32, max_size=32),
    st.just("ALREADY_EXISTS"),
    st.text(max_size=50),
    st.lists(st.tuples(st.text(max_size=5), FACTS), max_size=3).map(tuple),
)


class DictBucket:
    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}

    def get(self, name: str) -> bytes | None:
        return self.kept.get(name)

    def put(self, name: str, answer: bytes) -> None:
        self.kept[name] = answer


@given(REFUSALS)
def test_what_is_kept_comes_back(refusal: Refusal) -> None:
    adapters: tuple[Answers, ...] = (BucketAnswers(DictBucket()), MemoryAnswers(FakeClock()))
    for answers in adapters:
        assert answers.recall(SCOPE) is None
        answers.keep(SCOPE, refusal)
        assert answers.recall(SCOPE) == refusal
        assert answers.recall(Scope("bob", "repos.create", "key")) is None


def test_what_another_version_kept_is_passed_over() -> None:
    bucket = DictBucket()
    BucketAnswers(bucket).keep(SCOPE, Refusal(b"", "NOT_FOUND", "m", ()))
    bucket.kept = dict.fromkeys(bucket.kept, b'{"other": 1}')
    assert BucketAnswers(bucket).recall(SCOPE) is None


def test_a_refusal_is_forgotten_after_a_day() -> None:
    clock = FakeClock()
    answers, refusal = MemoryAnswers(clock), Refusal(b"", "NOT_FOUND", "m", ())
    answers.keep(SCOPE, refusal)
    clock.advance(timedelta(hours=23, minutes=59))
    assert answers.recall(SCOPE) == refusal
    clock.advance(timedelta(minutes=2))
    assert answers.recall(SCOPE) is None


def test_only_what_the_domain_decided_is_remembered() -> None:
    facts: dict[str, Fact] = {"thing": "repository", "name": "film"}
    assert refusal_of(AlreadyExistsError(**facts), b"") is not None
    for passing in (
        UnavailableError(dependency="x"),
        MalformedBodyError(expected="", reason=""),
        DitsError(),
    ):
        assert refusal_of(passing, b"") is None


class AwayAnswers:
    """A bucket that does not answer."""

    def recall(self, scope: Scope) -> Refusal | None:
        raise UnavailableError(dependency="the bucket")

    def keep(self, scope: Scope, refusal: Refusal) -> None:
        raise UnavailableError(dependency="the bucket")


def test_without_the_bucket_commands_go_on(tell: Tell) -> None:
    async def story(h: House) -> None:
        object.__setattr__(h.core, "answers", AwayAnswers())
        sent = {"Idempotency-Key": "k"}
        ann = h.key("ann", "write")
        assert (await h.ask("POST", "/repos", key=ann, body={"name": "a"}, headers=sent)).status_code == 201
        for _ in range(2):
            again = await h.ask(
                "POST", "/repos", key=ann, body={"name": "a"}, headers={"Idempotency-Key": "x"}
            )
            assert again.json()["code"] == "ALREADY_EXISTS"

    tell(story)

"""Any commands in any order: a commit's steps grow in order, shrink in reverse, and it ends once (I2)."""

from __future__ import annotations

from functools import reduce

from hypothesis import given
from hypothesis import strategies as st

from domain.commit import decider as commits
from domain.commit.decider import (
    Commit,
    CommitCommand,
    CompensateStep,
    EndCompensation,
    FailCommit,
    OpenCommit,
    PublishCommit,
    RebaseCommit,
    RecordChecked,
    RecordManifest,
    RecordVerified,
)
from domain.commit.events import Step
from domain.errors import ConcurrencyConflictError
from domain.sagas.commit import STEPS
from tests.domain.examples import named, opening

ORDER = tuple(rule.step for rule in STEPS)
steps = st.sampled_from(ORDER)
manifests = st.sampled_from((named("one"), named("two")))
commands: st.SearchStrategy[CommitCommand] = st.one_of(
    st.just(OpenCommit(opening())),
    st.just(RecordVerified(1, 1)),
    st.builds(lambda manifest: RecordManifest(manifest, None, (), None), manifests),
    st.builds(lambda manifest: RecordChecked(manifest, ()), manifests),
    st.builds(PublishCommit, manifests),
    st.builds(RebaseCommit, st.integers(1, 3)),
    st.builds(lambda step: FailCommit(step, "X", "no", ()), steps),
    st.builds(lambda step: CompensateStep(step, "it"), steps),
    st.just(EndCompensation()),
)
PHASES = {
    "absent": {"absent", "open"},
    "open": {"open", "published", "failed"},
    "failed": {"failed", "compensated"},
    "published": {"published"},
    "compensated": {"compensated"},
}


def asked(state: Commit, command: CommitCommand) -> Commit:
    try:
        return reduce(commits.DECIDER.evolve, commits.DECIDER.decide(state, command), state)
    except ConcurrencyConflictError:
        return state


def moves_as_allowed(before: tuple[Step, ...], after: tuple[Step, ...], phase: str) -> bool:
    if phase in {"failed", "compensated"}:
        return after in {before, before[:-1]}
    return after == before or after[:-1] == before or after == ("verify",)


@given(st.lists(commands, max_size=60))
def test_steps_grow_in_order_and_shrink_in_reverse(history: list[CommitCommand]) -> None:
    state = Commit()
    for command in history:
        after = asked(state, command)
        assert after.done == ORDER[: len(after.done)]
        assert after.phase in PHASES[state.phase]
        assert moves_as_allowed(state.done, after.done, after.phase)
        assert (after.phase == "published") == (after.done == ORDER)
        assert after.phase != "compensated" or after.done == ()
        state = after


@given(st.lists(commands, max_size=60))
def test_asking_twice_is_asking_once(history: list[CommitCommand]) -> None:
    state = Commit()
    for command in history:
        state = asked(state, command)
        assert asked(state, command) == state

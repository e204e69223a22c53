"""A commit: from the request to the published head, or back (house: The commit saga).

Promises: every step is one event; a step that is already recorded decides nothing, so two runners do no
harm; before the pivot a commit can fail and is compensated in reverse order, after it only `done` is left.

``events`` are the facts, ``decider`` the state and the answers; ``domain.sagas.commit`` says what comes next.
"""

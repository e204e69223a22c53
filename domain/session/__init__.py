"""An upload session: what a client sends before it commits, by chunks or as whole files (seed S2.1).

Promises: the confirmed offset of a file never decreases; a newer writer of a file fences the older one (its
token is the session's version when it began); recipes and trees are recorded here, before the pivot, in
parts of at most 8,192 names; a session ends once, by an event, and takes nothing afterwards.

``events`` are the facts, ``commands`` the questions and the state they are asked of, ``decider`` the answers.
"""

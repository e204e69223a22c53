"""The versions of the API, as one aggregate: "exactly one current" is decided here and nowhere else (R15).

``events`` are the facts, ``registry`` what they say at any moment, ``evolving`` how they add up; ``declared``
is a registry as a file says it, ``applying`` how a file becomes facts, ``deciding`` what operators ask,
``observing`` what announced times bring; ``decider`` puts them together.
"""

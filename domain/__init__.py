"""The map of Dits' domain: what is true about films, commits and locks, with no I/O at all.

Read in this order:

- ``ids``, ``errors``, ``position``: the words everything else is written in;
- ``event``, ``decider``, ``idempotency``: what a fact is, how a command becomes facts, and facts only once;
- one module or folder an aggregate: ``repository``, ``consumer``, ``session``, ``commit``, ``branch``,
  ``tag``, ``locks``, ``references``, ``api_registry``, ``readmodel``, ``alerts``, ``incidents``,
  ``circuits``; each holds its events, commands, state, ``decide`` and ``evolve``, and ends in a ``DECIDER``;
- ``catalogue``: the one list of deciders, from which topics, docs and schemas follow;
- ``sagas/``: what happens after a command was accepted, as pure functions;
- ``format/``: the bytes that are stored (shared with the client's wheel); ``snapshots``: trees compared,
  changed and rebased;
- ``ports``, ``counting``: what the domain asks of the world, and how it is told in numbers.

A new event is one class, named in its module's union. Nothing else has to be touched.
"""

"""Everything that touches the world: settings, logs, metrics, the adapters, the command line.

- ``settings``, ``logs``, ``redaction``, ``metrics``, ``clock``: plain tools, above nothing but the domain;
- ``eventlog/``, ``postgres/``, ``objects/``: one adapter package for each server;
- ``dev/``: those servers embedded, for a laptop and for tests;
- ``compose``: the only module that knows concrete classes; ``cli/``: the program on top of it.
"""

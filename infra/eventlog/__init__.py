"""The one source of truth on NATS JetStream, and its likeness in memory (`docs/eventlog.md`).

Read in this order: ``message`` (the bytes), ``append`` and ``reader`` (what is done with them), ``appender``
(how an append lands), ``application`` (load and ask), ``feed`` and ``bulk`` (how all of it is read again),
``opening`` (how a process gets hold of it). ``leases``, ``timers`` and ``answers`` live beside the log.
"""

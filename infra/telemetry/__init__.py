"""Telemetry sent to an operator's collector over OTLP: spans and metrics, each by a thread of its own.

Promises: nothing in here is on a request's way but one append to a bounded queue; a collector that refuses,
hangs or is gone costs a user nothing (seed S10.2, S10.3; docs/decisions/0097-telemetry.md).
"""

"""Puts the concrete classes together: the only package that knows them all.

Promises: every process of Dits is made here from settings alone. ``ground`` is what all of them stand on,
``gateway`` and ``workers`` are the two kinds of process.
"""

from infra.compose.gateway import gateway as gateway
from infra.compose.gateway import key_digests as key_digests
from infra.compose.gateway import tokens as tokens
from infra.compose.ground import Ground as Ground
from infra.compose.ground import ground as ground
from infra.compose.ground import log_address as log_address
from infra.compose.ground import start_logs as start_logs
from infra.compose.telemetry import worker_telemetry as worker_telemetry
from infra.compose.workers import rebuilder as rebuilder
from infra.compose.workers import workers as workers

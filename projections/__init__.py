"""The read models: what PostgreSQL answers, every row of it a fold of the log (I5).

One read model a file or folder: its tables, its handlers, its queries. `ALL` is the one list. Read in this
order: ``projection`` (what a read model is), ``builds`` (the schemas they live in), ``applying`` and
``parked`` (how a batch gets in, poison and all), ``reading`` (how it is asked), then any read model.
"""

from projections.api_versions.queries import API_VERSIONS
from projections.branches import BRANCHES
from projections.commits import COMMITS
from projections.consumers import CONSUMERS
from projections.locks import LOCKS
from projections.projection import Projection
from projections.refcounts.queries import REFCOUNTS
from projections.repositories import REPOSITORIES
from projections.sessions import SESSIONS
from projections.tags import TAGS
from projections.tiers import TIERS

ALL: tuple[Projection, ...] = (
    CONSUMERS,
    REPOSITORIES,
    BRANCHES,
    TAGS,
    COMMITS,
    LOCKS,
    SESSIONS,
    TIERS,
    REFCOUNTS,
    API_VERSIONS,
)

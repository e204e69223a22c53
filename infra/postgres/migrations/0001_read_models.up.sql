-- Which schemas of read models were made, and which of them answers.
CREATE TABLE dits.projection_schemas (
    schema TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    version INTEGER NOT NULL,
    build INTEGER NOT NULL,
    made_at TIMESTAMPTZ NOT NULL,
    retired_at TIMESTAMPTZ,
    -- The row stays: a name that came again could answer a reader that still means the old one.
    is_dropped BOOLEAN NOT NULL DEFAULT FALSE,
    UNIQUE (name, version, build)
);

CREATE TABLE dits.live_projections (
    name TEXT NOT NULL,
    version INTEGER NOT NULL,
    schema TEXT NOT NULL REFERENCES dits.projection_schemas,
    incarnation TEXT,
    sequence BIGINT,
    digest BYTEA,
    PRIMARY KEY (name, version),
    CHECK ((incarnation IS NULL) = (sequence IS NULL) AND (sequence IS NULL) = (digest IS NULL))
);

-- Events that a read model could not take, and what came after them in the same aggregate.
CREATE TABLE dits.parked_events (
    schema TEXT NOT NULL REFERENCES dits.projection_schemas,
    aggregate TEXT NOT NULL,
    version BIGINT NOT NULL,
    incarnation TEXT NOT NULL,
    sequence BIGINT NOT NULL,
    digest BYTEA NOT NULL,
    index INTEGER NOT NULL,
    topic TEXT NOT NULL,
    code TEXT NOT NULL,
    reason TEXT NOT NULL,
    PRIMARY KEY (schema, aggregate, version)
);

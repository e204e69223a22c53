-- The second durable copy of the log. It is no read model: no rebuild and no drop touches it.
CREATE TABLE dits.event_archive (
    sequence BIGINT PRIMARY KEY,
    incarnation TEXT NOT NULL,
    digest BYTEA NOT NULL,
    subject TEXT NOT NULL,
    payload BYTEA NOT NULL,
    headers JSONB NOT NULL,
    stored_at TIMESTAMPTZ NOT NULL,
    append_id BYTEA NOT NULL,
    correlation_id TEXT NOT NULL,
    repo TEXT NOT NULL
);
-- Payloads are packed digests: trying to compress them costs time and gains nothing.
ALTER TABLE dits.event_archive ALTER COLUMN payload SET STORAGE EXTERNAL;
CREATE INDEX event_archive_by_subject ON dits.event_archive (subject, sequence);
CREATE INDEX event_archive_by_repo ON dits.event_archive (repo, sequence) WHERE repo <> '';

-- Up to where the archive was last compared with the log.
CREATE TABLE dits.archive_audit (
    only_row BOOLEAN PRIMARY KEY DEFAULT TRUE CHECK (only_row),
    incarnation TEXT NOT NULL,
    sequence BIGINT NOT NULL,
    digest BYTEA NOT NULL,
    audited_at TIMESTAMPTZ NOT NULL
);

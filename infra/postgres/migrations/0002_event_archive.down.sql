DROP TABLE dits.archive_audit;
DROP TABLE dits.event_archive;

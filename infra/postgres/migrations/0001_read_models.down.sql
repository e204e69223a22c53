DROP TABLE dits.parked_events;
DROP TABLE dits.live_projections;
DROP TABLE dits.projection_schemas;

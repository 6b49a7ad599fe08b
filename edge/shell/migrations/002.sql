-- Open alarms, by id.
CREATE TABLE alarms (
    id TEXT PRIMARY KEY, kind TEXT NOT NULL, device TEXT NOT NULL, at REAL NOT NULL, data TEXT NOT NULL,
    cleared_at REAL, acknowledged_by TEXT
);
-- The latest time that was known to be right.
CREATE TABLE clock (id TEXT PRIMARY KEY, wall REAL NOT NULL);

-- Irrigation runs, also those that were skipped or missed: each occurrence once, and for good. A program's run is
-- "<program>:<local date>:<slot>", a person's "<user>:<local date>:<command>". slot: when it was due (Unix s); ended: NULL while it
-- is not over; latest_*: until when it must have ended.
CREATE TABLE runs (
    id TEXT PRIMARY KEY, program TEXT, user TEXT, cause TEXT NOT NULL, slot REAL NOT NULL, started REAL, ended REAL,
    outcome TEXT, why TEXT NOT NULL, paused INTEGER NOT NULL, latest_wall REAL NOT NULL, latest_mono REAL,
    latest_boot TEXT, at REAL NOT NULL
);
-- The zones of a run, "<run>/<n>" in their order; planned by time or by volume. litres NULL: nothing counted them.
CREATE TABLE zones (
    id TEXT PRIMARY KEY, run TEXT NOT NULL, valve TEXT NOT NULL, planned_s REAL, planned_l REAL, done_s REAL NOT NULL,
    litres REAL, started REAL, ended REAL, outcome TEXT, why TEXT NOT NULL
);
CREATE INDEX zones_of_runs ON zones (run);
CREATE INDEX open_runs ON runs (ended) WHERE ended IS NULL;
-- What valves, pumps and switches were on in the last 24 h of powered operation: charges as JSON, [[when, seconds], ...]
-- by the clock that `operated` has; on_mono and off_mono of that boot, as of outputs, off_wall when it was last stopped.
CREATE TABLE budgets (
    id TEXT PRIMARY KEY, charges TEXT NOT NULL, boot TEXT NOT NULL, on_mono REAL, off_mono REAL, off_wall REAL
);
-- For how long (s) the controller has run under a clock that was confirmed.
CREATE TABLE operated (id TEXT PRIMARY KEY, seconds REAL NOT NULL);
-- What safety keeps shut until a person says otherwise, by "<kind>/<id>".
CREATE TABLE blocks (id TEXT PRIMARY KEY, kind TEXT NOT NULL, at REAL NOT NULL, data TEXT NOT NULL);
-- The normal flow of each valve as learned, and from how many runs.
CREATE TABLE flows (id TEXT PRIMARY KEY, l_min REAL NOT NULL, runs INTEGER NOT NULL, wall REAL NOT NULL);
-- Single facts of the field by name, such as when it last rained (Unix s), or until when a person put watering off.
CREATE TABLE field (id TEXT PRIMARY KEY, value REAL NOT NULL, user TEXT, wall REAL NOT NULL);

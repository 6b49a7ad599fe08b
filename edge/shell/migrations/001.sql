-- Times: Unix seconds (wall), seconds since boot (mono) and the boot they belong to.
CREATE TABLE overrides (
    id TEXT PRIMARY KEY, level INTEGER NOT NULL, until_wall REAL, until_mono REAL, until_boot TEXT,
    user TEXT NOT NULL, command TEXT NOT NULL, at REAL NOT NULL
);
-- What each output was last told (at wall), and when in that boot it was last switched on and off.
CREATE TABLE outputs (
    id TEXT PRIMARY KEY, "on" INTEGER NOT NULL, boot TEXT NOT NULL, on_mono REAL, off_mono REAL, wall REAL NOT NULL
);
-- Command ids (user/id) that may not be used again yet.
CREATE TABLE commands (id TEXT PRIMARY KEY, until_wall REAL NOT NULL, until_mono REAL NOT NULL, until_boot TEXT NOT NULL);
-- The life that each meter's counter is in.
CREATE TABLE meters (id TEXT PRIMARY KEY, life INTEGER NOT NULL, energy_kwh REAL NOT NULL, wall REAL NOT NULL);
-- Who did what: only ever appended to, the oldest rows go.
CREATE TABLE audit (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT, at REAL NOT NULL, user TEXT, device TEXT, command TEXT,
    outcome TEXT NOT NULL, details TEXT NOT NULL
);

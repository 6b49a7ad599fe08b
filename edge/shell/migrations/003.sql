-- Lights that nobody may move but who locked them: the circuits that were on ("a,c") stay on.
CREATE TABLE lockouts (
    id TEXT PRIMARY KEY, circuits TEXT NOT NULL, user TEXT NOT NULL, note TEXT NOT NULL, at REAL NOT NULL
);
-- How long each circuit has burnt, up to wall.
CREATE TABLE hours (id TEXT PRIMARY KEY, on_s REAL NOT NULL, wall REAL NOT NULL);
-- Programs that were changed, in the form of the configuration file, as JSON.
CREATE TABLE programs (
    id TEXT PRIMARY KEY, rev INTEGER NOT NULL, body TEXT NOT NULL, user TEXT NOT NULL, at REAL NOT NULL
);
-- What the cabinet's own switches say, and since when.
CREATE TABLE inputs (id TEXT PRIMARY KEY, "on" INTEGER NOT NULL, at REAL NOT NULL);

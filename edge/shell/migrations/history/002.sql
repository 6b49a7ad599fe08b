-- Where rows lie by sequence, by the local hour in which they were read (Unix s at which it began): an hour has a mark
-- for each stretch of rows that follow each other.
CREATE TABLE marks (hour INTEGER NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL, PRIMARY KEY (hour, first))
    WITHOUT ROWID;
-- Which rows have marks: ranges of sequences as a JSON list of [first, last].
CREATE TABLE marked (id INTEGER PRIMARY KEY CHECK (id = 1), sequences TEXT NOT NULL);
-- What is to be worked out anew. span: 1 an hour, 2 a day, 3 a month; start: Unix s at which it began.
CREATE TABLE stale (span INTEGER NOT NULL, start INTEGER NOT NULL, layout INTEGER NOT NULL,
    PRIMARY KEY (span, start, layout)) WITHOUT ROWID;
-- Of each value of a layout, how many readings there were, the least, their sum and the most: packed as rows are. No
-- reading: it stands for 0, and the other three are absent.
CREATE TABLE rollups (layout INTEGER NOT NULL, span INTEGER NOT NULL, start INTEGER NOT NULL, readings INTEGER NOT NULL,
    body BLOB NOT NULL, PRIMARY KEY (layout, span, start)) WITHOUT ROWID;
-- What a meter counted in an hour between its first and its last reading there (kWh, of it estimated, seconds of which
-- nobody can say), and these two readings: Unix ms, life, counter, power. See edge/core/energy.py.
CREATE TABLE energy (
    device TEXT NOT NULL, hour INTEGER NOT NULL, readings INTEGER NOT NULL,
    first_at INTEGER NOT NULL, first_life INTEGER NOT NULL, first_kwh REAL NOT NULL, first_w REAL,
    last_at INTEGER NOT NULL, last_life INTEGER NOT NULL, last_kwh REAL NOT NULL, last_w REAL,
    kwh REAL NOT NULL, interpolated_kwh REAL NOT NULL, unmeasured_s REAL NOT NULL, PRIMARY KEY (device, hour)
) WITHOUT ROWID;

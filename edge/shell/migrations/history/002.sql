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
-- What a meter's counter showed in an hour, first and last (Unix ms, kWh, W), in parts of one life each within which it
-- did not leap: what flowed is the difference, and what flowed between parts is worked out by edge/core/energy.py.
CREATE TABLE energy (
    device TEXT NOT NULL, hour INTEGER NOT NULL, part INTEGER NOT NULL, readings INTEGER NOT NULL, life INTEGER NOT NULL,
    first_at INTEGER NOT NULL, first_kwh REAL NOT NULL, first_w REAL, last_at INTEGER NOT NULL, last_kwh REAL NOT NULL,
    last_w REAL, PRIMARY KEY (device, hour, part)
) WITHOUT ROWID;

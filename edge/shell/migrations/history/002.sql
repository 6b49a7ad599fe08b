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
-- What a meter's counter showed in an hour: a JSON list of parts of one life each, within which it did not leap, as
-- [readings, life, first and last of them: Unix ms, kWh, W]. What flowed is a difference; see edge/core/energy.py.
CREATE TABLE energy (device TEXT NOT NULL, hour INTEGER NOT NULL, parts TEXT NOT NULL, PRIMARY KEY (device, hour))
    WITHOUT ROWID;

-- Which values the body of a row holds: names as a JSON list, in their order.
CREATE TABLE layouts (id INTEGER PRIMARY KEY, device TEXT NOT NULL, names TEXT NOT NULL, UNIQUE (device, names));
-- One device's reading each. at: Unix ms when it was read. quality: 0 good, 1 suspect. body: see edge/core/packing.py.
-- Sequences only grow, have gaps, and are never used again. No other index: each would cost a page a device and minute.
CREATE TABLE rows (
    sequence INTEGER PRIMARY KEY, at INTEGER NOT NULL, layout INTEGER NOT NULL, quality INTEGER NOT NULL,
    life INTEGER NOT NULL, body BLOB NOT NULL
);
-- Rows read while nobody vouched for the clock: nobody is sent them before their time is known.
CREATE TABLE held (sequence INTEGER PRIMARY KEY, boot TEXT NOT NULL, mono REAL NOT NULL);
-- What each consumer has: ranges of sequences as a JSON list of [first, last]. How many rows left before it had them, and
-- how many it would not take, since the beginning.
CREATE TABLE consumers (
    id TEXT PRIMARY KEY, acknowledged TEXT NOT NULL, dropped INTEGER NOT NULL, set_aside INTEGER NOT NULL
);
-- Rows that a consumer would not take, and why.
CREATE TABLE set_aside (
    consumer TEXT NOT NULL, sequence INTEGER NOT NULL, at REAL NOT NULL, why TEXT NOT NULL,
    PRIMARY KEY (consumer, sequence)
) WITHOUT ROWID;

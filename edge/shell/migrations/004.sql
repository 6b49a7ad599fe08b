-- How many pulses each counting contact has given, and whether that was kept by a stop in good order.
CREATE TABLE pulses (
    id TEXT PRIMARY KEY, life INTEGER NOT NULL, count INTEGER NOT NULL, per_unit REAL NOT NULL, clean INTEGER NOT NULL,
    wall REAL NOT NULL
);

-- Up to where sequences of the history may have been given out: a history that is begun anew goes on behind it.
CREATE TABLE sequences (id TEXT PRIMARY KEY, reserved INTEGER NOT NULL);
-- Paper bills as people entered them, by "<meter>/<first day of the billing period>".
CREATE TABLE bills (id TEXT PRIMARY KEY, kwh REAL, amount REAL, user TEXT NOT NULL, at REAL NOT NULL);
-- What an alarm that counts stood at when a person last acknowledged it.
CREATE TABLE seen (id TEXT PRIMARY KEY, count INTEGER NOT NULL);

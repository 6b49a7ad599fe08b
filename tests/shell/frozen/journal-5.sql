BEGIN TRANSACTION;
CREATE TABLE alarms (
    id TEXT PRIMARY KEY, kind TEXT NOT NULL, device TEXT NOT NULL, at REAL NOT NULL, data TEXT NOT NULL,
    cleared_at REAL, acknowledged_by TEXT
);
INSERT INTO "alarms" VALUES('device-silent:meter:pump-house','device-silent','meter/pump-house',1794990000.0,'{"why":"no answer"}',NULL,'head');
CREATE TABLE audit (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT, at REAL NOT NULL, user TEXT, device TEXT, command TEXT,
    outcome TEXT NOT NULL, details TEXT NOT NULL
);
INSERT INTO "audit" VALUES(1,1795000000.0,'head','light/main-road','c-81','accepted','{"action":"on"}');
CREATE TABLE clock (id TEXT PRIMARY KEY, wall REAL NOT NULL);
INSERT INTO "clock" VALUES('known',1795000000.0);
CREATE TABLE commands (id TEXT PRIMARY KEY, until_wall REAL NOT NULL, until_mono REAL NOT NULL, until_boot TEXT NOT NULL);
INSERT INTO "commands" VALUES('head/c-81',1795086400.0,90400.0,'5f1c');
CREATE TABLE hours (id TEXT PRIMARY KEY, on_s REAL NOT NULL, wall REAL NOT NULL);
INSERT INTO "hours" VALUES('light/main-road/a',360000.5,1795000000.0);
CREATE TABLE inputs (id TEXT PRIMARY KEY, "on" INTEGER NOT NULL, at REAL NOT NULL);
INSERT INTO "inputs" VALUES('input/road-hand',1,1794990000.0);
CREATE TABLE lockouts (
    id TEXT PRIMARY KEY, circuits TEXT NOT NULL, user TEXT NOT NULL, note TEXT NOT NULL, at REAL NOT NULL
);
INSERT INTO "lockouts" VALUES('light/main-road','a,c','technician','thay bóng',1794990000.0);
CREATE TABLE meters (id TEXT PRIMARY KEY, life INTEGER NOT NULL, energy_kwh REAL NOT NULL, wall REAL NOT NULL);
INSERT INTO "meters" VALUES('meter/cabinet-1',2,5188.85,1794999000.0);
CREATE TABLE outputs (
    id TEXT PRIMARY KEY, "on" INTEGER NOT NULL, boot TEXT NOT NULL, on_mono REAL, off_mono REAL, wall REAL NOT NULL
);
INSERT INTO "outputs" VALUES('light/main-road/a',1,'5f1c',3000.0,NULL,1795000000.0);
CREATE TABLE overrides (
    id TEXT PRIMARY KEY, level INTEGER NOT NULL, until_wall REAL, until_mono REAL, until_boot TEXT,
    user TEXT NOT NULL, command TEXT NOT NULL, at REAL NOT NULL
);
INSERT INTO "overrides" VALUES('light/main-road',33,1795010000.0,14000.0,'5f1c','head','c-81',1795000000.0);
CREATE TABLE programs (
    id TEXT PRIMARY KEY, rev INTEGER NOT NULL, body TEXT NOT NULL, user TEXT NOT NULL, at REAL NOT NULL
);
INSERT INTO "programs" VALUES('street',3,'{"kind":"light"}','head',1794990000.0);
CREATE TABLE pulses (
    id TEXT PRIMARY KEY, life INTEGER NOT NULL, count INTEGER NOT NULL, per_unit REAL NOT NULL, clean INTEGER NOT NULL,
    wall REAL NOT NULL
);
INSERT INTO "pulses" VALUES('input/main-flow',1,48210,450.0,1,1795000000.0);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('audit',1);
CREATE TABLE bills (id TEXT PRIMARY KEY, kwh REAL, amount REAL, user TEXT NOT NULL, at REAL NOT NULL);
INSERT INTO "bills" VALUES('meter/cabinet-1/2026-10-01',1234.5,2500000.0,'head',1794990000.0);
CREATE TABLE seen (id TEXT PRIMARY KEY, count INTEGER NOT NULL);
INSERT INTO "seen" VALUES('rows-set-aside/sink/telemetry',4);
CREATE TABLE sequences (id TEXT PRIMARY KEY, reserved INTEGER NOT NULL);
INSERT INTO "sequences" VALUES('history',20000);
COMMIT;
PRAGMA user_version = 5;

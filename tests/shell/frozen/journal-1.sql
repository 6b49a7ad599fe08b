BEGIN TRANSACTION;
CREATE TABLE audit (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT, at REAL NOT NULL, user TEXT, device TEXT, command TEXT,
    outcome TEXT NOT NULL, details TEXT NOT NULL
);
INSERT INTO "audit" VALUES(1,1795000000.0,'head','light/main-road','c-81','accepted','{"action":"on"}');
CREATE TABLE commands (id TEXT PRIMARY KEY, until_wall REAL NOT NULL, until_mono REAL NOT NULL, until_boot TEXT NOT NULL);
INSERT INTO "commands" VALUES('head/c-81',1795086400.0,90400.0,'5f1c');
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
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('audit',1);
COMMIT;
PRAGMA user_version = 1;

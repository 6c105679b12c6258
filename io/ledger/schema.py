"""The tables of a ledger file, version by version, and the views for people with an SQLite shell (docs/ledger.md)."""

from __future__ import annotations

APPLICATION_ID = 0x536C7477
"""`Sltw` in the header of the file (SQLite, PRAGMA application_id)."""

FORMAT = 2
"""The version of these tables; it stands in PRAGMA user_version."""

TERMS_SINCE = 2
"""The format that brought the table `term`."""

BODIES = 1 << 20
"""Bodies of one entry: number = entry × BODIES + place, place 0 is the input."""

_FIRST = """
CREATE TABLE meta (
    key TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- What happened, in order. Nothing here is ever changed or deleted.
CREATE TABLE entry (
    seq INTEGER PRIMARY KEY CHECK (seq > 0),
    time INTEGER NOT NULL,                         -- milliseconds since 1970, never less than the entry before
    clock INTEGER CHECK (clock < time),            -- what the clock said, where it had stepped back
    kind TEXT NOT NULL,
    input BLOB NOT NULL CHECK (length(input) = 32),    -- SHA-256 of the body in place 0
    changes TEXT NOT NULL CHECK (json_valid(changes)), -- [[reference, version, SHA-256 of the body or null], …]
    prev BLOB NOT NULL CHECK (length(prev) = 32),
    hash BLOB NOT NULL CHECK (length(hash) = 32)
) STRICT;

CREATE TRIGGER entry_order BEFORE INSERT ON entry
WHEN NEW.seq <> ifnull((SELECT max(seq) FROM entry), 0) + 1
  OR NEW.time < ifnull((SELECT time FROM entry ORDER BY seq DESC LIMIT 1), NEW.time)
BEGIN SELECT RAISE(ABORT, 'entries follow each other'); END;
CREATE TRIGGER entry_stays BEFORE UPDATE ON entry BEGIN SELECT RAISE(ABORT, 'entries are never changed'); END;
CREATE TRIGGER entry_kept BEFORE DELETE ON entry BEGIN SELECT RAISE(ABORT, 'entries are never deleted'); END;

-- What the entries speak of: inputs and resources, as JSON. Only an erasure changes them.
CREATE TABLE body (
    number INTEGER PRIMARY KEY,
    content BLOB NOT NULL
) STRICT;

-- The current state of every resource there ever was; body is null where it was deleted.
CREATE TABLE resource (
    type TEXT NOT NULL,
    id TEXT NOT NULL,
    version INTEGER NOT NULL CHECK (version > 0),
    body INTEGER,
    origin INTEGER NOT NULL,                       -- the entry that first wrote it
    PRIMARY KEY (type, id)
) STRICT, WITHOUT ROWID;

-- The time taken or opened by Slots, in minutes since 1970. `long` parts those over a day from the rest.
CREATE TABLE claim (
    schedule TEXT NOT NULL,
    long INTEGER NOT NULL CHECK (long = (end - start > 1440)),
    start INTEGER NOT NULL,
    slot TEXT NOT NULL,
    end INTEGER NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('busy', 'busy-tentative', 'busy-unavailable', 'free')),
    tolerance INTEGER NOT NULL CHECK (tolerance > 0),
    scope TEXT,                                    -- serviceType as JSON; null concerns every service
    until INTEGER,                                 -- end of the hold, in milliseconds
    services TEXT,                                 -- ids of the services it counts as a booking of
    guard TEXT,                                    -- the Appointment, where an operation has judged the time
    PRIMARY KEY (schedule, long, start, slot),
    CHECK (start < end)
) STRICT, WITHOUT ROWID;

-- A second opinion on what the operations have judged: claims without scope, which concern everyone, never exceed
-- min(their own tolerance, those of all that run at one minute).
CREATE TRIGGER claim_capacity BEFORE INSERT ON claim
WHEN NEW.guard IS NOT NULL AND NEW.scope IS NULL AND NEW.status <> 'free' AND (
    EXISTS (
        SELECT 1 FROM claim WHERE schedule = NEW.schedule AND long = 0
        AND start > NEW.start - 1440 AND start < NEW.end AND end > NEW.start
    )
    OR EXISTS (SELECT 1 FROM claim WHERE schedule = NEW.schedule AND long = 1 AND start < NEW.end AND end > NEW.start)
)
BEGIN
    SELECT RAISE(ABORT, 'capacity') FROM (
        SELECT NEW.start AS minute
        UNION
        SELECT start FROM claim
        WHERE schedule = NEW.schedule AND long IN (0, 1) AND start > NEW.start AND start < NEW.end
    ) AS at
    WHERE (
        SELECT count(*) > 0 AND count(*) >= min(NEW.tolerance, min(c.tolerance)) FROM (
            SELECT * FROM claim
            WHERE schedule = NEW.schedule AND long = 0 AND start > at.minute - 1441 AND start <= at.minute
            UNION ALL
            SELECT * FROM claim WHERE schedule = NEW.schedule AND long = 1 AND start <= at.minute
        ) AS c
        WHERE c.end > at.minute AND c.scope IS NULL AND c.status <> 'free' AND c.guard IS NOT NEW.guard
    );
END;

-- Slots that count but cannot be used (specification, model 9), times in milliseconds.
CREATE TABLE unusable (
    schedule TEXT NOT NULL,
    slot TEXT NOT NULL,
    start INTEGER,
    end INTEGER,
    until INTEGER,
    PRIMARY KEY (schedule, slot)
) STRICT, WITHOUT ROWID;

CREATE TABLE slot_use (
    slot TEXT NOT NULL,
    appointment TEXT NOT NULL,
    PRIMARY KEY (slot, appointment)
) STRICT, WITHOUT ROWID;

CREATE TABLE identifier (
    name TEXT NOT NULL,                            -- [system, value] as JSON
    appointment TEXT NOT NULL,
    PRIMARY KEY (name, appointment)
) STRICT, WITHOUT ROWID;

CREATE TABLE hold (
    until INTEGER NOT NULL,
    appointment TEXT NOT NULL,
    PRIMARY KEY (until, appointment)
) STRICT, WITHOUT ROWID;

-- What was last loaded as each resource: loading it again changes nothing, whatever became of it since.
CREATE TABLE loaded (
    type TEXT NOT NULL,
    id TEXT NOT NULL,
    digest BLOB NOT NULL,
    PRIMARY KEY (type, id)
) STRICT, WITHOUT ROWID;

CREATE VIEW resources AS
SELECT type, id, version, json(body.content) AS resource
FROM resource JOIN body ON body.number = resource.body;

CREATE VIEW schedules AS
SELECT id, json_extract(resource, '$.actor[0].reference') AS actor,
       json_extract(resource, '$.actor[0].display') AS name,
       ifnull(json_extract(resource, '$.active'), 1) AS active
FROM resources WHERE type = 'Schedule';

CREATE VIEW slots AS
SELECT id, substr(json_extract(resource, '$.schedule.reference'), 10) AS schedule,
       json_extract(resource, '$.status') AS status,
       json_extract(resource, '$.start') AS start, json_extract(resource, '$.end') AS end
FROM resources WHERE type = 'Slot';

CREATE VIEW appointments AS
SELECT id, json_extract(resource, '$.status') AS status,
       json_extract(resource, '$.start') AS start, json_extract(resource, '$.end') AS end,
       (SELECT json_extract(p.value, '$.actor.reference') FROM json_each(resource, '$.participant') AS p
        WHERE json_extract(p.value, '$.actor.reference') LIKE 'Patient/%') AS patient
FROM resources WHERE type = 'Appointment';

CREATE VIEW taken AS
SELECT schedule, datetime(start * 60, 'unixepoch') || 'Z' AS start, datetime(end * 60, 'unixepoch') || 'Z' AS end,
       status, tolerance AS capacity, slot,
       (SELECT min(appointment) FROM slot_use WHERE slot_use.slot = claim.slot) AS appointment
FROM claim WHERE status <> 'free';

CREATE VIEW log AS
SELECT seq, strftime('%Y-%m-%dT%H:%M:%fZ', time / 1000.0, 'unixepoch') AS time, kind,
       (SELECT json_extract(content, '$.who') FROM body WHERE number = seq * 1048576) AS who,
       (SELECT group_concat(json_extract(c.value, '$[0]'), ' ') FROM json_each(changes) AS c) AS changed
FROM entry;
"""

_SECOND = """
-- What resources are found by: identifiers, actors, days, and the schedules of Slots that have no claim.
CREATE TABLE term (
    type TEXT NOT NULL,
    name TEXT NOT NULL,                            -- identifier=value, actor=Type/id, start=day, idle=schedule
    id TEXT NOT NULL,
    PRIMARY KEY (type, name, id)
) STRICT, WITHOUT ROWID;
"""

MIGRATIONS: tuple[str, ...] = (_FIRST, _SECOND)
"""What leads from each version to the next; number 0 makes a new file."""

-- The audit log: rows that a hash chain connects, in the order of commits. Instants are Unix milliseconds. Every page is read by seq: an index
-- on another column would cost each write more than it saves the reader.
CREATE TABLE audit_log (
    seq            INTEGER PRIMARY KEY,  -- without gaps
    at             INTEGER NOT NULL,
    actor_kind     TEXT NOT NULL,
    actor_id       TEXT,
    actor_role     TEXT NOT NULL,
    action         TEXT NOT NULL,
    target         TEXT,
    outcome        TEXT NOT NULL,
    code           TEXT,
    request_id     TEXT,
    client_address TEXT,
    count          INTEGER NOT NULL CHECK (count > 0),
    previous_hash  BLOB NOT NULL,        -- SHA-256, see docs/AUDIT.md
    hash           BLOB NOT NULL
) STRICT;

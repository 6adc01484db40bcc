-- API keys, and the partner that created a stream. Instants are Unix milliseconds.

CREATE TABLE api_keys (
    seq          INTEGER PRIMARY KEY AUTOINCREMENT, -- order of creation: what lists follow
    id           TEXT NOT NULL UNIQUE,
    name         TEXT NOT NULL,
    role         TEXT NOT NULL CHECK (role = 'reader' OR role = 'partner' OR role = 'worker' OR role = 'operator'),
    owner        TEXT CHECK ((owner IS NULL) = (role <> 'partner')),
    prefix       TEXT NOT NULL,                     -- the beginning of the key's text
    hash         BLOB NOT NULL UNIQUE CHECK (length(hash) = 32), -- SHA-256 of the secret
    created_at   INTEGER NOT NULL,
    expires_at   INTEGER,
    revoked_at   INTEGER,
    last_used_at INTEGER,                           -- to the minute
    rotated_from TEXT                               -- id of the key that it replaces
) STRICT;

-- A stream without a row was created by an operator, by an anonymous caller or by a contract.
CREATE TABLE stream_owners (
    stream TEXT PRIMARY KEY,
    owner  TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- API keys, and the partner that created a stream.

CREATE TABLE api_keys (
    seq          BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, -- order of creation: what lists follow
    id           TEXT COLLATE "C" NOT NULL UNIQUE,
    name         TEXT NOT NULL,
    role         TEXT COLLATE "C" NOT NULL CHECK (role IN ('reader', 'partner', 'worker', 'operator')),
    owner        TEXT COLLATE "C",
    prefix       TEXT COLLATE "C" NOT NULL,                       -- the beginning of the key's text
    hash         BYTEA NOT NULL UNIQUE CHECK (length(hash) = 32), -- SHA-256 of the secret
    created_at   TIMESTAMPTZ NOT NULL,
    expires_at   TIMESTAMPTZ,
    revoked_at   TIMESTAMPTZ,
    last_used_at TIMESTAMPTZ,                                     -- to the minute
    rotated_from TEXT COLLATE "C",                                -- id of the key that it replaces
    CONSTRAINT api_keys_owner_iff_partner CHECK ((owner IS NULL) = (role <> 'partner'))
);

-- A stream without a row was created by an operator, by an anonymous caller or by a contract.
CREATE TABLE stream_owners (
    stream TEXT COLLATE "C" PRIMARY KEY,
    owner  TEXT COLLATE "C" NOT NULL
);

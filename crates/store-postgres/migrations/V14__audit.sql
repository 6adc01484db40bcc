-- The audit log: rows that a hash chain connects, in the order of commits. Every page is read by seq: an index on another column would cost
-- each write more than it saves the reader.
CREATE TABLE audit_log (
    seq            BIGINT PRIMARY KEY, -- without gaps
    at             TIMESTAMPTZ NOT NULL,
    actor_kind     TEXT COLLATE "C" NOT NULL,
    actor_id       TEXT,
    actor_role     TEXT COLLATE "C" NOT NULL,
    action         TEXT COLLATE "C" NOT NULL,
    target         TEXT,
    outcome        TEXT COLLATE "C" NOT NULL,
    code           TEXT COLLATE "C",
    request_id     TEXT,
    client_address TEXT,
    count          BIGINT NOT NULL CHECK (count > 0),
    previous_hash  BYTEA NOT NULL,     -- SHA-256, see docs/AUDIT.md
    hash           BYTEA NOT NULL
);

CREATE TYPE audit_entry AS (
    at             TIMESTAMPTZ,
    actor_kind     TEXT,
    actor_id       TEXT,
    actor_role     TEXT,
    action         TEXT,
    target         TEXT,
    outcome        TEXT,
    code           TEXT,
    request_id     TEXT,
    client_address TEXT,
    count          BIGINT,
    encoded        BYTEA               -- the canonical encoding of the row after its number
);

-- Numbers rows, connects them with the newest one and inserts them; returns how many. NULL is no row. The lock makes one order for all
-- servers: it is the last that a transaction takes, and held until its commit is visible. The database does this and not the server, so that
-- no network round trip passes under the lock.
CREATE FUNCTION append_audit(entries audit_entry[]) RETURNS BIGINT LANGUAGE plpgsql AS $$
DECLARE
    entry     audit_entry;
    number    BIGINT;
    digits    TEXT;
    last_hash BYTEA;
    seqs      BIGINT[];
    hashes    BYTEA[];
BEGIN
    IF entries IS NULL THEN
        RETURN 0;
    END IF;
    PERFORM pg_advisory_xact_lock(1181513080, 3); -- "Flux", audit
    -- A separate statement sees what was committed while this transaction waited for the lock.
    SELECT seq, hash INTO number, last_hash FROM audit_log ORDER BY seq DESC LIMIT 1;
    number := coalesce(number, 0);
    last_hash := coalesce(last_hash, decode(repeat('00', 32), 'hex'));
    hashes := ARRAY[last_hash];
    FOREACH entry IN ARRAY entries LOOP
        number := number + 1;
        digits := number::text;
        last_hash := sha256(
            last_hash || convert_to('15:fluxora-audit-1,' || length(digits) || ':' || digits || ',', 'UTF8') || entry.encoded
        );
        seqs := seqs || number;
        hashes := hashes || last_hash;
    END LOOP;
    INSERT INTO audit_log (
        seq, at, actor_kind, actor_id, actor_role, action, target, outcome, code, request_id, client_address, count,
        previous_hash, hash
    ) SELECT
        seqs[place], at, actor_kind, actor_id, actor_role, action, target, outcome, code, request_id, client_address, count,
        hashes[place], hashes[place + 1]
    FROM unnest(entries) WITH ORDINALITY AS entry (
        at, actor_kind, actor_id, actor_role, action, target, outcome, code, request_id, client_address, count, encoded, place
    );
    RETURN array_length(seqs, 1);
END
$$;

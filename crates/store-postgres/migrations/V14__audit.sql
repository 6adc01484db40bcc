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

-- A field of the canonical encoding: a netstring, or -, for NULL.
CREATE FUNCTION audit_field(value TEXT) RETURNS TEXT LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
    $$ SELECT coalesce(octet_length(value)::text || ':' || value || ',', '-,') $$;

-- Numbers a row and connects it with the newest one. The lock makes one order for all servers: it is the last that a transaction takes, and
-- held until its commit is visible. The database does this and not the server, so that no network round trip passes under the lock.
CREATE FUNCTION chain_audit_row() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    newest RECORD;
BEGIN
    IF NEW.hash IS NOT NULL THEN
        RETURN NEW; -- copied from another database with its place in the chain
    END IF;
    PERFORM pg_advisory_xact_lock(1181513080, 3); -- "Flux", audit
    -- A separate statement sees what was committed while this transaction waited for the lock, and what it has written itself.
    SELECT seq, hash INTO newest FROM audit_log ORDER BY seq DESC LIMIT 1;
    NEW.seq := coalesce(newest.seq, 0) + 1;
    NEW.previous_hash := coalesce(newest.hash, decode(repeat('00', 32), 'hex'));
    NEW.hash := sha256(NEW.previous_hash || convert_to(
        audit_field('fluxora-audit-1')
            || audit_field(NEW.seq::text)
            || audit_field((extract(epoch FROM NEW.at) * 1000)::bigint::text)
            || audit_field(NEW.actor_kind)
            || audit_field(NEW.actor_id)
            || audit_field(NEW.actor_role)
            || audit_field(NEW.action)
            || audit_field(NEW.target)
            || audit_field(NEW.outcome)
            || audit_field(NEW.code)
            || audit_field(NEW.request_id)
            || audit_field(NEW.client_address)
            || audit_field(NEW.count::text),
        'UTF8'
    ));
    RETURN NEW;
END
$$;

CREATE TRIGGER audit_log_is_a_chain BEFORE INSERT ON audit_log FOR EACH ROW EXECUTE FUNCTION chain_audit_row();

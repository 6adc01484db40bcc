-- Positions of the event log without gaps. An identity column leaves a gap where a transaction that drew numbers is undone, and up to
-- 32 numbers after a crash of the server. A transaction that inserts events holds the lock that numbers them until its commit is visible, so the
-- numbering can go on after the newest committed event. Gaps that earlier versions left stay: a position never changes.
--
-- setval needs a privilege that an application's role may lack: the function runs with its owner's.
CREATE OR REPLACE FUNCTION number_events_in_commit_order() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    numbering CONSTANT regclass := pg_get_serial_sequence('stream_events', 'seq');
    newest BIGINT;
BEGIN
    PERFORM pg_advisory_xact_lock(1181513080, 2); -- "Flux", events
    -- A separate statement sees what was committed while this transaction waited for the lock, and what it has written itself.
    SELECT max(seq) INTO newest FROM stream_events;
    IF newest IS DISTINCT FROM pg_sequence_last_value(numbering) THEN
        PERFORM setval(numbering, coalesce(newest, 1), newest IS NOT NULL);
    END IF;
    RETURN NULL;
END
$$;

-- An event is identified by its position on chain: at one position lies one event. Version 0.1.0 identified events by their ids and
-- stored an event twice if two sources gave it two ids. Of the events at one position, the one with the lowest id (compared byte by
-- byte) stays; the others are moved here with everything that was stored of them, and no stream is made of them. The streams that
-- were made of both are corrected by `fluxora-server reindex`; `reindex --verify` names the events and the streams.
CREATE TABLE repeated_contract_events (
    number          INTEGER PRIMARY KEY,
    kept            TEXT NOT NULL, -- id of the event that stays at the position
    id              TEXT NOT NULL,
    ledger          INTEGER NOT NULL,
    tx_index        INTEGER NOT NULL,
    operation_index INTEGER NOT NULL,
    event_index     INTEGER NOT NULL,
    contract_id     TEXT NOT NULL,
    topic           TEXT NOT NULL,
    tx_hash         TEXT NOT NULL,
    happened_at     INTEGER NOT NULL,
    payload         TEXT NOT NULL,
    class           TEXT NOT NULL,
    stream          ANY,
    other           ANY
) STRICT;
INSERT INTO repeated_contract_events (number, kept, id, ledger, tx_index, operation_index, event_index, contract_id, topic, tx_hash,
    happened_at, payload, class, stream, other)
SELECT row_number() OVER (ORDER BY ledger, tx_index, operation_index, event_index, id), kept, id, ledger, tx_index, operation_index,
    event_index, contract_id, topic, tx_hash, happened_at, payload, class, stream, other
FROM (
    SELECT *, first_value(id) OVER (PARTITION BY ledger, tx_index, operation_index, event_index ORDER BY id) AS kept
    FROM contract_events
)
WHERE id <> kept;
DELETE FROM contract_events WHERE id IN (SELECT id FROM repeated_contract_events);
UPDATE chain_state SET
    events = events - (SELECT count(*) FROM repeated_contract_events),
    pending = pending - (SELECT count(*) FROM repeated_contract_events WHERE ledger > coalesce(last_safe, -1)),
    unknown_events = unknown_events - (SELECT count(*) FROM repeated_contract_events WHERE class = 'unknown'),
    unreadable_events = unreadable_events - (SELECT count(*) FROM repeated_contract_events WHERE class = 'unreadable')
WHERE EXISTS (SELECT 1 FROM repeated_contract_events);

-- Under the name that statements of version 0.1.0 use.
DROP INDEX contract_events_in_order;
CREATE UNIQUE INDEX contract_events_in_order ON contract_events (ledger, tx_index, operation_index, event_index);

-- The chain: its ledgers, the events of its contracts, and the streams they make.

-- What ledgers, and places within them, are counted in: a u32.
CREATE DOMAIN ledger_number AS BIGINT CHECK (VALUE BETWEEN 0 AND 4294967295);

-- What a contract calls its streams by: a u64.
CREATE DOMAIN stream_number AS NUMERIC(20, 0) CHECK (VALUE BETWEEN 0 AND 18446744073709551615);

-- What only a stream of the chain has. `chain` is what the contract knows beyond terms and status.
ALTER TABLE streams
    ADD COLUMN kind              TEXT COLLATE "C" CHECK (kind IN ('linear', 'cliff_only', 'cliff_slope')),
    ADD COLUMN checkpoint_amount amount,
    ADD COLUMN checkpoint_at     unix_time,
    ADD COLUMN chain             JSONB CHECK (jsonb_typeof(chain) = 'object'),
    ADD CONSTRAINT streams_of_the_chain_have_what_others_have_not CHECK (
        (kind IS NULL) = (origin = 'api')
        AND (checkpoint_amount IS NULL) = (origin = 'api')
        AND (checkpoint_at IS NULL) = (origin = 'api')
        AND (chain IS NULL) = (origin = 'api')
    ),
    -- On chain, what the members of a pool and what keepers take out may exceed the deposit.
    DROP CONSTRAINT streams_withdrawn_is_part_of_the_deposit,
    ADD CONSTRAINT streams_withdrawn_is_part_of_the_deposit CHECK (origin <> 'api' OR withdrawn BETWEEN 0 AND deposit),
    -- On chain both are what a pusher says of its ledgers.
    DROP CONSTRAINT streams_updated_after_created,
    ADD CONSTRAINT streams_updated_after_created CHECK (origin <> 'api' OR updated_at >= created_at);

-- What was told of a stream outlives its row: a stream whose ledgers are not part of the chain any more goes, and what was told of
-- it stays.
ALTER TABLE stream_events DROP CONSTRAINT stream_events_stream_fkey;
COMMENT ON COLUMN stream_events.stream IS 'of streams, or of removed_streams';

-- Streams that were removed by a reorg. Should one come back, it takes its place again and its history goes on.
CREATE TABLE removed_streams (
    seq    BIGINT PRIMARY KEY, -- its place among streams: an identity, so nobody else gets it
    id     TEXT COLLATE "C" NOT NULL UNIQUE,
    events BIGINT NOT NULL CHECK (events BETWEEN 1 AND 4294967295)
);

-- Each ledger that was told of. The hash is the ledger's, never an event's.
CREATE TABLE ledgers (
    sequence      ledger_number PRIMARY KEY,
    hash          TEXT COLLATE "C" NOT NULL,
    previous_hash TEXT COLLATE "C",
    closed_at     TIMESTAMPTZ
);

-- What contracts emitted, as it came, for ever: what streams are built from. Only a reorg removes any.
CREATE TABLE contract_events (
    id              TEXT COLLATE "C" PRIMARY KEY,
    ledger          ledger_number NOT NULL, -- of ledgers; not declared, or each insert would look it up
    tx_index        ledger_number NOT NULL,
    operation_index ledger_number NOT NULL,
    event_index     ledger_number NOT NULL,
    contract_id     TEXT COLLATE "C" NOT NULL,
    topic           TEXT COLLATE "C" NOT NULL,
    tx_hash         TEXT COLLATE "C" NOT NULL,
    happened_at     TIMESTAMPTZ NOT NULL,
    -- JSON, not JSONB: it keeps the text to the letter, spaces, order and repeated names included, and can still be asked for its
    -- parts (payload->'value').
    payload         JSON NOT NULL CHECK (json_typeof(payload) = 'object'),
    class           TEXT COLLATE "C" NOT NULL CHECK (class IN ('stream', 'protocol', 'transfer', 'unknown', 'unreadable')),
    -- The contract's numbers of the streams it is about.
    stream          stream_number,
    other           stream_number,
    CONSTRAINT contract_events_have_no_second_stream_without_a_first CHECK (other IS NULL OR stream IS NOT NULL)
);

CREATE INDEX contract_events_in_order ON contract_events (ledger, tx_index, operation_index, event_index);
CREATE INDEX contract_events_by_stream ON contract_events (stream, contract_id) WHERE stream IS NOT NULL;
CREATE INDEX contract_events_by_other ON contract_events (other, contract_id) WHERE other IS NOT NULL;

-- How the chain stands: one row. Whoever changes the chain holds it from the first look to the commit, so of two that bring a
-- batch the second sees what the first has made of it.
CREATE TABLE chain_state (
    one               BIGINT PRIMARY KEY CHECK (one = 1),
    tip_ledger        ledger_number,
    tip_hash          TEXT COLLATE "C",
    last_safe         ledger_number CHECK (last_safe <= tip_ledger),
    final_ledger      ledger_number,
    events            BIGINT NOT NULL CHECK (events >= 0),
    pending           BIGINT NOT NULL,
    unknown_events    BIGINT NOT NULL,
    unreadable_events BIGINT NOT NULL,
    synced_at         TIMESTAMPTZ,
    refused_at        TIMESTAMPTZ,
    refused_fork      ledger_number,
    CONSTRAINT chain_state_tip_has_a_hash CHECK ((tip_hash IS NULL) = (tip_ledger IS NULL)),
    CONSTRAINT chain_state_refusal_has_a_fork CHECK ((refused_fork IS NULL) = (refused_at IS NULL)),
    CONSTRAINT chain_state_counts_are_parts_of_all CHECK (
        pending BETWEEN 0 AND events AND unknown_events BETWEEN 0 AND events AND unreadable_events BETWEEN 0 AND events
    )
);
INSERT INTO chain_state (one, events, pending, unknown_events, unreadable_events) VALUES (1, 0, 0, 0, 0);

-- Every reorg and every rewind. A reorg has the two hashes that contradict each other, a rewind has a reason.
CREATE TABLE reorgs (
    number          BIGINT PRIMARY KEY CHECK (number > 0), -- without a hole: not an identity, which leaves one where a write failed
    at              TIMESTAMPTZ NOT NULL,
    fork_ledger     ledger_number NOT NULL,
    depth           ledger_number NOT NULL,
    tip_before      ledger_number,
    events_removed  BIGINT NOT NULL CHECK (events_removed >= 0),
    streams_rebuilt BIGINT NOT NULL CHECK (streams_rebuilt >= 0),
    existing_hash   TEXT COLLATE "C",
    incoming_hash   TEXT COLLATE "C",
    reason          TEXT,
    CONSTRAINT reorgs_have_two_hashes_or_a_reason CHECK (
        (incoming_hash IS NULL) = (existing_hash IS NULL) AND (reason IS NULL) <> (existing_hash IS NULL)
    )
);

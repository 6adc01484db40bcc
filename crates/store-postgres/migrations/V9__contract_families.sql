-- Streams of vesting contracts beside those of contract version 9, and counts of events by contract.
--
-- A vesting stream has family 'vesting'. Its amounts are integers of its token's smallest unit and are in `chain`, so that deposit,
-- rate, withdrawn, kind and the checkpoint are NULL. API streams and streams of contract version 9 have no family, and their
-- rows stay the same: servers of the version before keep writing them.
SET LOCAL statement_timeout = 0;
ALTER TABLE streams
    ADD COLUMN family TEXT COLLATE "C",
    ALTER COLUMN deposit DROP NOT NULL,
    ALTER COLUMN rate DROP NOT NULL,
    ALTER COLUMN withdrawn DROP NOT NULL,
    DROP CONSTRAINT streams_status_check,
    ADD CONSTRAINT streams_status_check
        CHECK (status IN ('scheduled', 'active', 'paused', 'completed', 'cancelled', 'depleted')),
    DROP CONSTRAINT streams_chain_columns_iff_chain,
    ADD CONSTRAINT streams_chain_columns_iff_chain CHECK (
        (chain IS NULL) = (origin = 'api')
        AND (kind IS NULL) = (origin = 'api' OR family IS NOT NULL)
        AND (checkpoint_amount IS NULL) = (kind IS NULL)
        AND (checkpoint_at IS NULL) = (kind IS NULL)
    ),
    ADD CONSTRAINT streams_family_requires_chain CHECK (family IS NULL OR (family = 'vesting' AND origin = 'chain')),
    ADD CONSTRAINT streams_stroops_iff_no_family CHECK (
        (deposit IS NULL) = (family IS NOT NULL)
        AND (rate IS NULL) = (family IS NOT NULL)
        AND (withdrawn IS NULL) = (family IS NOT NULL)
    );

-- Counts of stored contract events by contract. They follow from contract_events and streams; a rebuild of everything counts
-- them again.
CREATE TABLE contracts (
    contract_id       TEXT COLLATE "C" PRIMARY KEY,
    events            BIGINT NOT NULL DEFAULT 0,
    unknown_events    BIGINT NOT NULL DEFAULT 0,
    unreadable_events BIGINT NOT NULL DEFAULT 0,
    transfer_events   BIGINT NOT NULL DEFAULT 0,
    anomalies         BIGINT NOT NULL DEFAULT 0, -- of its streams
    version           TEXT COLLATE "C",          -- the latest that an event showed; versions are in the order of their words
    first_ledger      ledger_number,             -- of the first unknown or unreadable event
    first_topic       TEXT COLLATE "C",
    CONSTRAINT contracts_first_topic_iff_first_ledger CHECK ((first_topic IS NULL) = (first_ledger IS NULL))
);
INSERT INTO contracts (contract_id, events, unknown_events, unreadable_events, transfer_events, version)
SELECT contract_id, count(*), count(*) FILTER (WHERE class = 'unknown'), count(*) FILTER (WHERE class = 'unreadable'),
    count(*) FILTER (WHERE class = 'transfer'), max('v9') FILTER (WHERE class IN ('stream', 'protocol'))
FROM contract_events GROUP BY contract_id;
UPDATE contracts SET (first_ledger, first_topic) = (first.ledger, first.topic)
FROM (
    SELECT DISTINCT ON (contract_id) contract_id, ledger, topic FROM contract_events
    WHERE class IN ('unknown', 'unreadable') ORDER BY contract_id, ledger, topic
) AS first WHERE first.contract_id = contracts.contract_id;

-- Emergency stops are read from these events whenever they are shown.
CREATE INDEX contract_events_of_halts ON contract_events (ledger, tx_index, operation_index, event_index, id)
    WHERE topic IN ('halt_operator_set', 'contract_halted', 'contract_resumed');

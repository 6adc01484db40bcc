-- Finds the streams that began from a stream since a ledger. Under the name of the index that it replaces.
SET LOCAL statement_timeout = 0;
DROP INDEX contract_events_by_other;
CREATE INDEX contract_events_by_other ON contract_events (other, contract_id, ledger) WHERE other IS NOT NULL;

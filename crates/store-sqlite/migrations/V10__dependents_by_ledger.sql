-- Finds the events of one contract's stream however many contracts use its number, and the streams that began from a stream since a
-- ledger. Under the names of the indexes that they replace.
DROP INDEX contract_events_by_stream;
DROP INDEX contract_events_by_other;
CREATE INDEX contract_events_by_stream ON contract_events (stream, contract_id) WHERE stream IS NOT NULL;
CREATE INDEX contract_events_by_other ON contract_events (other, contract_id, ledger) WHERE other IS NOT NULL;

-- The call in which an event was emitted: a JSON object with contract, function, arguments and source. NULL where it is not known.
ALTER TABLE contract_events ADD COLUMN invocation TEXT;
-- Events that were set aside have the same columns.
ALTER TABLE repeated_contract_events ADD COLUMN invocation TEXT;

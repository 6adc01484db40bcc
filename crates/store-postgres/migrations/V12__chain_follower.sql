-- The ledgers that were read whole for a contract and verified: ranges from-to, in order, separated by commas.
CREATE TABLE contract_coverage (
    contract_id TEXT COLLATE "C" PRIMARY KEY,
    ledgers     TEXT COLLATE "C" NOT NULL CHECK (ledgers <> '')
);

-- What proves events of a ledger. They go with their ledger.
CREATE TABLE ledger_proofs (
    ledger    ledger_number PRIMARY KEY,
    header    BYTEA NOT NULL,            -- XDR of LedgerHeader
    results   BYTEA NOT NULL,            -- XDR of TransactionResultSet
    preimages TEXT COLLATE "C" NOT NULL, -- JSON: XDR of InvokeHostFunctionSuccessPreImage in base64, by the position of the transaction
    events    TEXT COLLATE "C" NOT NULL  -- the proven events: transaction.event, in order, separated by commas
);

-- Which process does what only one may do, by the clock of the database server. A batch that is written under a lease names the
-- token.
CREATE TABLE leases (
    name       TEXT COLLATE "C" PRIMARY KEY,
    holder     TEXT COLLATE "C" NOT NULL,
    token      BIGINT NOT NULL CHECK (token > 0), -- counts the holders
    expires_at TIMESTAMPTZ NOT NULL
);

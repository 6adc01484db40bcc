-- The ledgers that were read whole for a contract and verified: ranges from-to, in order, separated by commas.
CREATE TABLE contract_coverage (
    contract_id TEXT PRIMARY KEY,
    ledgers     TEXT NOT NULL CHECK (ledgers <> '')
) STRICT;

-- What proves events of a ledger. They go with their ledger.
CREATE TABLE ledger_proofs (
    ledger    INTEGER PRIMARY KEY,
    header    BLOB NOT NULL, -- XDR of LedgerHeader
    results   BLOB NOT NULL, -- XDR of TransactionResultSet
    preimages TEXT NOT NULL, -- JSON: XDR of InvokeHostFunctionSuccessPreImage in base64, by the position of the transaction
    events    TEXT NOT NULL  -- the proven events: transaction.event, in order, separated by commas
) STRICT;

-- Which process does what only one may do. A batch that is written under a lease names the token.
CREATE TABLE leases (
    name       TEXT PRIMARY KEY,
    holder     TEXT NOT NULL,
    token      INTEGER NOT NULL CHECK (token > 0), -- counts the holders
    expires_at INTEGER NOT NULL
) STRICT;

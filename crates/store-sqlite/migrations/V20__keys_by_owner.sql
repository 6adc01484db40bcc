-- The keys of a partner are listed.
CREATE INDEX api_keys_by_owner ON api_keys (owner);

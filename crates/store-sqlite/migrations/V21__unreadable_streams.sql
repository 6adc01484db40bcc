-- Streams whose row could not be decoded when they were last counted: they are in no sum. The parties are as the row has them.
CREATE TABLE treasury_unreadable (
    stream    INTEGER PRIMARY KEY, -- seq of streams
    sender    TEXT NOT NULL,
    recipient TEXT NOT NULL
) STRICT;
CREATE INDEX treasury_unreadable_of_sender ON treasury_unreadable (sender);
CREATE INDEX treasury_unreadable_of_recipient ON treasury_unreadable (recipient);

-- Where every stream was counted, those without a contribution were not readable: they are counted again.
INSERT OR IGNORE INTO treasury_marks (stream) SELECT seq FROM streams
    WHERE (SELECT counted IS NULL FROM treasury_progress)
      AND NOT EXISTS (SELECT 1 FROM treasury_contributions WHERE stream = streams.seq);

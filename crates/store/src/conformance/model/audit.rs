use std::sync::Arc;

use async_trait::async_trait;
use fluxora_audit::{Entry, Head, Row};
use jiff::Timestamp;

use super::{Contents, Model};
use crate::audit::{AUDIT_EXPIRED_AT_ONCE, Effect, entry_of, expiry};
use crate::{AuditPage, AuditQuery, AuditStore, Sequence, Store, StoreError};

impl Model {
    /// Leaves the row of a write that was done.
    pub(super) fn record<E: Effect>(&self, contents: &mut Contents, done: E) -> E {
        contents.audit_entries(entry_of(self.entry.as_ref(), &done));
        done
    }
}

impl Contents {
    fn audit_entries<'e>(&mut self, entries: impl IntoIterator<Item = &'e Entry>) {
        for entry in entries {
            let head = self.audit.last().map_or(Head::EMPTY, Row::head);
            self.audit.push(Row::seal(head, entry));
        }
    }
}

#[async_trait]
impl AuditStore for Model {
    fn audited(&self, entry: Entry) -> Box<dyn Store> {
        Box::new(Self { contents: Arc::clone(&self.contents), entry: Some(Arc::new(entry)) })
    }

    async fn append_audit(&self, entries: Vec<Entry>) -> Result<(), StoreError> {
        self.contents().audit_entries(&entries);
        Ok(())
    }

    async fn audit_page(&self, query: &AuditQuery) -> Result<AuditPage, StoreError> {
        let contents = self.contents();
        let number = |row: Option<&Row>| row.map_or(0, |row| row.seq);
        let lowest = query.window(number(contents.audit.last()));
        let in_window = contents.audit.iter().rev().filter(|row| row.seq >= lowest);
        let limit = usize::try_from(query.limit).unwrap().max(1);
        let rows = in_window.filter(|row| query.matches(row)).take(limit + 1).cloned().collect();
        Ok(query.page(rows, lowest, number(contents.audit.first())))
    }

    async fn audit_rows(&self, Sequence(after): Sequence, limit: u32) -> Result<Vec<Row>, StoreError> {
        let contents = self.contents();
        let rows = contents.audit.iter().filter(|row| row.seq > after);
        Ok(rows.take(usize::try_from(limit).unwrap()).cloned().collect())
    }

    async fn expire_audit(&self, before: Timestamp, now: Timestamp) -> Result<u64, StoreError> {
        let mut contents = self.contents();
        let old = contents.audit.iter().take_while(|row| row.at < before).count();
        for step in (0..old).step_by(usize::try_from(AUDIT_EXPIRED_AT_ONCE).unwrap()) {
            let end = old.min(step + usize::try_from(AUDIT_EXPIRED_AT_ONCE).unwrap());
            let deleted: Vec<_> = contents.audit.drain(..end - step).collect();
            // Not from the last kept row: there may be none.
            let newest = contents.audit.last().or(deleted.last()).map_or(Head::EMPTY, Row::head);
            let record = expiry(deleted.last().unwrap().head(), now);
            contents.audit.push(Row::seal(newest, &record));
        }
        Ok(u64::try_from(old).unwrap())
    }
}

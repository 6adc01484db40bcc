use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Mutex, MutexGuard};

use async_trait::async_trait;

use crate::StoreError;
use crate::copy::{CopyStore, Put, Record, RecordKey, Section};

/// Records by section and key: the model of a [`CopyStore`].
#[derive(Debug, Default)]
pub struct Records(Mutex<BTreeMap<(Section, RecordKey), Record>>);

impl Records {
    fn contents(&self) -> MutexGuard<'_, BTreeMap<(Section, RecordKey), Record>> {
        self.0.lock().unwrap()
    }
}

#[async_trait]
impl CopyStore for Records {
    async fn count(&self, section: Section) -> Result<u64, StoreError> {
        let count = self.contents().keys().filter(|(of, _)| *of == section).count();
        Ok(u64::try_from(count).unwrap())
    }

    async fn records(
        &self,
        section: Section,
        after: Option<&RecordKey>,
        limit: u32,
    ) -> Result<Vec<Record>, StoreError> {
        let from = after.map_or(Bound::Unbounded, |place| Bound::Excluded((section, place.clone())));
        let contents = self.contents();
        let of_section = contents.range((from, Bound::Unbounded)).filter(|((of, _), _)| *of == section);
        Ok(of_section.take(usize::try_from(limit).unwrap()).map(|(_, record)| record.clone()).collect())
    }

    async fn put(&self, records: Vec<Record>) -> Result<Put, StoreError> {
        let mut contents = self.contents();
        for record in &records {
            let place = (record.section(), record.key());
            if contents
                .get(&place)
                .is_some_and(|there| there.canonical().unwrap() != record.canonical().unwrap())
            {
                return Ok(Put::Taken(place.1));
            }
            let has = |event: &fluxora_stream::StreamEvent| {
                contents.values().any(|there| match there {
                    Record::Stream(_, stream) => stream.id() == event.stream,
                    Record::Removed(removed) => removed.id == event.stream,
                    _ => false,
                })
            };
            if let Record::Event(_, event) = record
                && !has(event)
            {
                return Ok(Put::Orphan(place.1));
            }
        }
        contents.extend(records.into_iter().map(|record| ((record.section(), record.key()), record)));
        Ok(Put::Done)
    }
}

//! Ingestion that breaks off between any two of its steps leaves nothing behind.

use fluxora_store::conformance::{Failing, a_chain_and_a_fork};

use super::*;

/// Every row of every table, as text.
pub(super) async fn everything(store: &SqliteStore) -> String {
    let dump = |connection: &Connection| {
        let tables = "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name";
        let mut statement = connection.prepare(tables).unwrap();
        let names: Vec<String> =
            statement.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap();
        let mut text = String::new();
        for name in names {
            let mut rows = connection.prepare(&format!("SELECT * FROM {name} ORDER BY 1")).unwrap();
            let columns = rows.column_count();
            let mut rows = rows.query([]).unwrap();
            while let Some(row) = rows.next().unwrap() {
                let values = (0..columns).map(|column| row.get_ref(column).unwrap());
                text.push_str(&format!("{name} {:?}\n", values.collect::<Vec<_>>()));
            }
        }
        Ok(text)
    };
    store.writer.run(dump).await.unwrap()
}

#[tokio::test]
async fn ingestion_that_breaks_off_at_any_step_leaves_everything_as_it_was() {
    let store = SqliteStore::open(&Location::Memory, Options::default()).unwrap();
    let now = Timestamp::UNIX_EPOCH;
    let [chain, fork] = a_chain_and_a_fork();
    store.ingest(chain, Rules::default(), now).await.unwrap().unwrap();
    let before = everything(&store).await;
    let mut steps = 0;
    loop {
        let batch = Arc::clone(&fork);
        let unit = move |connection: &Connection| {
            let mut transaction = Failing::after(steps, Chain(connection));
            chain::run(steps::ingest(&mut transaction, &batch, Rules::default(), now))
        };
        let Err(error) = store.writer.run(unit).await else { break };
        assert!(error.to_string().contains("broken off"), "{error}");
        assert!(everything(&store).await == before, "something stays of the first {steps} steps");
        steps += 1;
    }
    assert!(steps > 10, "a fork takes more than {steps} steps");
    let reorg = store.chain_state().await.unwrap().last_reorg.unwrap();
    assert_eq!((reorg.events_removed, reorg.streams_rebuilt), (2, 2), "the whole of it happens in the end");
}

use super::*;
use crate::Location;
use crate::open;
use crate::probe;
use commit::Batch;

type Answer = oneshot::Receiver<Result<(), StoreError>>;

struct Fixture {
    commit: GroupCommit,
    outages: Arc<OutageTracker>,
}

impl Fixture {
    fn new() -> Self {
        let options = Options::default();
        let opened = open::writer(&Location::Memory, options.lock_wait).unwrap();
        let outages = Arc::new(OutageTracker::default());
        let commit = GroupCommit::new(opened, options, Arc::clone(&outages), Arc::default(), Arc::default());
        Self { commit, outages }
    }

    /// Commits as the thread does and returns the result of each unit.
    fn commit(&self, units: Vec<(Box<dyn Unit>, Answer)>) -> Vec<Result<(), StoreError>> {
        let (mut batch, answers): (Batch, Vec<_>) = units.into_iter().unzip();
        if let Err(fault) = self.commit.commit(&mut batch) {
            self.commit.answer(&mut batch, Some(&fault));
        }
        assert!(batch.is_empty(), "everybody is answered");
        answers.into_iter().map(|mut answer| answer.try_recv().unwrap()).collect()
    }

    fn proofs(&self) -> i64 {
        let sql = "SELECT count(*) FROM write_proofs";
        self.commit.connection().query_row(sql, [], |row| row.get(0)).unwrap()
    }
}

fn unit(work: impl FnMut(&Connection) -> Result<(), StoreError> + Send + 'static) -> (Box<dyn Unit>, Answer) {
    let (reply, answer) = oneshot::channel();
    (Box::new(Job { work, result: None, reply }), answer)
}

fn defect(_: &Connection) -> Result<(), StoreError> {
    Err(StoreError::Internal { reason: "meant to".to_owned(), source: None })
}

fn is_unavailable(answer: &Result<(), StoreError>) -> bool {
    matches!(answer, Err(StoreError::Unavailable { .. }))
}

#[test]
fn a_read_only_database_refuses_every_unit_and_recovers() {
    let fixture = Fixture::new();
    fixture.commit.connection().pragma_update(None, "query_only", true).unwrap();
    let answers = fixture.commit(vec![unit(probe::write), unit(probe::write)]);
    assert!(answers.iter().all(is_unavailable), "{answers:?}");
    assert_ne!(fixture.outages.doubt(), None);
    fixture.commit.connection().pragma_update(None, "query_only", false).unwrap();
    assert!(fixture.commit(vec![unit(probe::write)])[0].is_ok());
    assert_eq!(fixture.proofs(), 1);
}

#[test]
fn a_disk_that_fills_up_within_a_batch_fails_every_unit_of_it() {
    let fixture = Fixture::new();
    let connection = fixture.commit.connection();
    let pages: i64 = connection.pragma_query_value(None, "page_count", |row| row.get(0)).unwrap();
    connection.pragma_update(None, "max_page_count", pages + 20).unwrap();
    let answers = fixture.commit(vec![unit(probe::write), unit(probe::write), unit(probe::clear)]);
    assert!(answers.iter().all(is_unavailable), "{answers:?}");
    assert_eq!(fixture.proofs(), 0);
    assert_ne!(fixture.outages.doubt(), None);
    assert!(fixture.commit(vec![unit(probe::write)])[0].is_ok(), "there is room for one");
}

#[test]
fn an_open_transaction_is_rolled_back_before_the_next() {
    let fixture = Fixture::new();
    fixture.commit.connection().execute_batch("BEGIN; INSERT INTO write_proofs VALUES (x'00')").unwrap();
    assert!(fixture.commit(vec![unit(probe::write)])[0].is_ok());
    assert_eq!(fixture.proofs(), 1, "what was left open was undone");
}

#[test]
fn a_unit_that_fails_by_a_defect_is_no_outage() {
    let fixture = Fixture::new();
    let answers = fixture.commit(vec![unit(probe::write), unit(defect), unit(probe::write)]);
    assert!(answers[0].is_ok() && answers[2].is_ok(), "{answers:?}");
    assert!(matches!(answers[1], Err(StoreError::Internal { .. })), "{answers:?}");
    assert_eq!((fixture.proofs(), fixture.outages.doubt()), (2, None));
}

/// A unit that ends the transaction is a defect; the other units of its batch must not be acknowledged.
#[test]
fn a_batch_whose_transaction_ends_early_is_not_acknowledged() {
    let fixture = Fixture::new();
    let ends =
        |connection: &Connection| connection.execute_batch("ROLLBACK").map_err(|_| StoreError::Overloaded);
    let answers = fixture.commit(vec![unit(probe::write), unit(ends)]);
    assert!(answers.iter().all(Result::is_err), "{answers:?}");
    assert_eq!(fixture.proofs(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_check_does_not_queue_behind_a_batch_that_is_being_committed() {
    let opened = open::writer(&Location::Memory, Options::default().lock_wait).unwrap();
    let writer = Arc::new(Writer::start(opened, Options::default()).unwrap());
    let (begun, has_begun) = oneshot::channel();
    let (end, ends) = std::sync::mpsc::channel::<()>();
    let mut begun = Some(begun);
    let long = tokio::spawn({
        let writer = Arc::clone(&writer);
        async move {
            let work = move |_: &Connection| {
                begun.take().map(|begun| begun.send(()));
                ends.recv().ok();
                Ok(())
            };
            writer.run(work).await
        }
    });
    has_begun.await.unwrap();
    writer.check().await.unwrap();
    assert!(!long.is_finished());
    end.send(()).unwrap();
    long.await.unwrap().unwrap();
    writer.check().await.unwrap();
}

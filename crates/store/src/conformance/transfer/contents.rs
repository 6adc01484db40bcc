use fluxora_stream::{Stream, StreamEvent, TermsDraft};

use crate::conformance::fixtures::*;
use crate::transfer::{KeptAnswer, Place, Record, Section, Transfer};
use crate::{KeyedAnswer, Position};

/// Streams of every status an API stream can have, with their histories and kept answers. Places have gaps, and the events of
/// different streams are mixed.
pub(super) fn contents() -> [Vec<Record>; 3] {
    let lives: Vec<_> = (1..=23).map(life).collect();
    let streams = (1..).zip(&lives);
    let streams = streams.map(|(n, (stream, _))| Record::Stream(streams_place(n), stream.clone()));
    let longest = lives.iter().map(|(_, events)| events.len()).max().unwrap();
    let in_turn =
        (0..longest).flat_map(|number| lives.iter().filter_map(move |(_, events)| events.get(number)));
    let events = (1..).zip(in_turn).map(|(n, event)| Record::Event(Position(n * 3), event.clone()));
    let mut answers: Vec<_> = (1..=11).map(answer).collect();
    answers.sort_by_key(Record::place);
    [streams.collect(), events.collect(), answers]
}

/// Every third place, and then one beyond what 32 bits count.
pub(super) fn streams_place(n: u64) -> Position {
    Position(if n == 23 { 1 << 40 } else { 2 + 3 * n })
}

fn life(n: u64) -> (Stream, Vec<StreamEvent>) {
    let made = t(i64::try_from(n).unwrap());
    let draft = TermsDraft {
        deposit: Some(if n.is_multiple_of(2) { "100.000" } else { "100" }.parse().unwrap()),
        start: Some(second(if n.is_multiple_of(3) { 50 } else { 10 })),
        cliff: n.is_multiple_of(5).then(|| second(60)),
        ..draft()
    };
    let (mut stream, event) = Stream::create(stream_id(n), draft.settle(made).unwrap(), made);
    let mut events = vec![event];
    let later = match n % 4 {
        0 => stream.catch_up(t(70)),
        1 => stream.catch_up(t(500)),
        2 => stream.cancel(t(65)).unwrap(),
        _ => stream.catch_up(made),
    };
    stream = later.stream;
    events.extend(later.events);
    (stream, events)
}

/// Keys in no order, with characters that sort otherwise in most languages.
pub(super) fn answer(n: u64) -> Record {
    let key = format!("{}-{n}", ["a", "B", "_", "Z", "z", "~"][usize::try_from(n % 6).unwrap()]);
    Record::Answer(kept(keyed(n, &key, "{\"the\":\"request\"}", t(5)).keyed.unwrap()))
}

fn kept(KeyedAnswer { scope, key, request, answer, at }: KeyedAnswer) -> KeptAnswer {
    KeptAnswer { scope: scope.to_owned(), key, request, answer, at }
}

/// Puts everything there.
pub(super) async fn fill(store: &impl Transfer) {
    for records in contents() {
        assert_eq!(store.put(records).await.unwrap(), crate::transfer::Put::Done);
    }
}

/// Everything that is there, a few at a time.
pub(super) async fn all(store: &impl Transfer) -> Vec<String> {
    let mut found = Vec::new();
    for section in Section::ALL {
        let mut last: Option<Place> = None;
        loop {
            let records = store.records(section, last.as_ref(), 7).await.unwrap();
            let Some(end) = records.last() else { break };
            last = Some(end.place());
            found.extend(records.iter().map(Record::canonical));
        }
    }
    found
}

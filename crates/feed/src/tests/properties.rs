//! Random histories: a subscriber gets every matching event after its start once and in order, whatever the tail keeps.

use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::subscription::{Step, Subscription};

#[derive(Clone, Debug)]
enum Act {
    /// Events are committed.
    Commit(u64),
    /// The reader reads so many of them.
    Advance(u64),
    /// The reader begins again at the end of the log, or forgets everything.
    Restart,
    Clear,
    /// The subscriber does so many steps.
    Step(u8),
    /// The filter's addresses are known for what is read from then on.
    KnowParties(bool),
    /// The client loses its connection and comes back with the last position it was sent.
    Reconnect,
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        (1..12_u64).prop_map(Act::Commit),
        (1..12_u64).prop_map(Act::Advance),
        Just(Act::Restart),
        Just(Act::Clear),
        (1..6_u8).prop_map(Act::Step),
        any::<bool>().prop_map(Act::KnowParties),
        Just(Act::Reconnect),
    ]
}

fn filter() -> impl Strategy<Value = EventFilter> {
    let none = EventFilter::default();
    prop_oneof![
        Just(none.clone()),
        Just(updates()),
        Just(EventFilter { stream: Some(stream(1)), ..none.clone() }),
        Just(EventFilter { sender: Some(address(2)), ..none.clone() }),
        Just(EventFilter { sender: Some(address(1)), kinds: updates().kinds, ..none }),
    ]
}

/// The log and the reader of one history.
struct World {
    head: u64,
    read: u64,
    tail: Tail,
    knows_parties: bool,
}

impl World {
    fn advance(&mut self, most: u64) {
        let upto = self.head.min(self.read + most);
        let known = |n| self.knows_parties.then(|| parties(n));
        self.tail.append((self.read + 1..=upto).map(|n| event(n, known(n))), Sequence(upto));
        self.read = upto;
    }
}

/// A client: what it has received, and its present subscription.
struct Client {
    subscription: Subscription,
    received: Vec<u64>,
    last: u64,
}

impl Client {
    fn subscribe(after: u64, filter: EventFilter) -> Subscription {
        Subscription::new(Sequence(after), filter, 3, Duration::MAX, Duration::MAX)
    }

    /// One step; whether it waits.
    fn step(&mut self, world: &World) -> bool {
        match self.subscription.next(Duration::ZERO, &world.tail, false) {
            Step::Events(events) => self.receive(&events),
            Step::Read => {
                // A page of the store, whose window is five positions.
                let Sequence(after) = self.subscription.cursor;
                let filter = &self.subscription.filter;
                let upto = world.head.min(after + 5);
                let within = (after + 1..=upto).map(|n| event(n, Some(parties(n))));
                let events: Vec<_> =
                    within.filter(|event| event.matches(filter) == Some(true)).take(3).collect();
                let next =
                    events.last().filter(|_| events.len() == 3).map_or(Sequence(upto), |last| last.sequence);
                self.subscription.replayed(&events, next, Sequence(world.head));
                self.receive(&events);
            }
            Step::Wait { .. } => return true,
            other => panic!("{other:?}"),
        }
        false
    }

    fn receive(&mut self, events: &[Arc<FeedEvent>]) {
        self.received.extend(events.iter().map(|event| event.sequence.0));
        self.last = self.received.last().copied().unwrap_or(self.last);
    }
}

proptest! {
    #[test]
    fn nothing_is_missed_and_nothing_comes_twice(
        start in 0..5_u64,
        filter in filter(),
        acts in prop::collection::vec(act(), 0..60),
    ) {
        let mut world = World { head: 5, read: 0, tail: Tail::bounded(4, 1 << 20), knows_parties: false };
        let subscription = Client::subscribe(start, filter.clone());
        let mut client = Client { subscription, received: Vec::new(), last: start };
        for act in acts {
            match act {
                Act::Commit(events) => world.head += events,
                Act::Advance(events) => world.advance(events),
                Act::Restart => {
                    world.read = world.head;
                    world.tail.restart(Sequence(world.head));
                }
                Act::Clear => world.tail.clear(),
                Act::Step(steps) => (0..steps).for_each(|_| _ = client.step(&world)),
                Act::KnowParties(known) => world.knows_parties = known,
                Act::Reconnect => client.subscription = Client::subscribe(client.last, filter.clone()),
            }
            client.subscription.woken();
        }
        // The reader reads the rest, and the subscriber goes on until it waits.
        world.read = world.head;
        world.tail.restart(Sequence(world.head));
        client.subscription.woken();
        let waits = (0..1_000).any(|_| client.step(&world));
        prop_assert!(waits);
        let expect: Vec<_> = (start + 1..=world.head)
            .filter(|&n| event(n, Some(parties(n))).matches(&filter) == Some(true))
            .collect();
        prop_assert_eq!(client.received, expect);
        prop_assert_eq!(client.subscription.cursor, Sequence(world.head));
    }
}

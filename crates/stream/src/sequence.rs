/// A position in an append-only order: 1, 2, 3 and so on.
///
/// Of a stream event it is the position in the event log (order of commit); of a stream it is the order of creation. The default, 0,
/// lies before the first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sequence(pub u64);

use std::fmt;

use fluxora_stream::Sequence;
use uuid::Uuid;

macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Uuid);

        impl $name {
            /// An id from its UUID.
            pub const fn new(id: Uuid) -> Self {
                Self(id)
            }

            /// The UUID.
            pub const fn uuid(self) -> Uuid {
                self.0
            }

            /// Reads an id as [`Display`](fmt::Display) writes it; `None` for any other text.
            pub fn parse(text: &str) -> Option<Self> {
                let id = Uuid::try_parse(text).ok()?;
                let mut buffer = Uuid::encode_buffer();
                (*id.hyphenated().encode_lower(&mut buffer) == *text).then_some(Self(id))
            }
        }

        impl fmt::Display for $name {
            /// A UUID in lower case with hyphens.
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.hyphenated().fmt(f)
            }
        }
    };
}

uuid_id! {
    /// The identity of an endpoint.
    EndpointId
}
uuid_id! {
    /// The identity of a delivery: the same on every attempt.
    DeliveryId
}
uuid_id! {
    /// The identity of a replay job.
    ReplayId
}

/// Odd multipliers: multiplication by one is a permutation of the 128-bit numbers.
const MULTIPLIERS: [u128; 2] =
    [0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835, 0xda94_2042_e4dd_58b5_2545_f491_4f6c_dd1d];

impl DeliveryId {
    /// The id of the delivery of one event to one endpoint. It depends on nothing else, so a fan-out that is repeated
    /// gives the same id.
    ///
    /// A UUID of version 8. Two deliveries of one endpoint have different ids; those of different endpoints are as distinct as
    /// the random bits of the endpoints' ids.
    pub fn of(endpoint: EndpointId, Sequence(sequence): Sequence) -> Self {
        let mut mixed = endpoint.0.as_u128().wrapping_add(u128::from(sequence).wrapping_mul(MULTIPLIERS[0]));
        for multiplier in MULTIPLIERS {
            mixed ^= mixed >> 59;
            mixed = mixed.wrapping_mul(multiplier);
        }
        mixed ^= mixed >> 67;
        Self(uuid::Builder::from_custom_bytes(mixed.to_be_bytes()).into_uuid())
    }
}

impl DeliveryId {
    /// The id of another delivery of the event that `original` delivers, made by one replay. `nonce` names the replay, so that its repetition
    /// gives the same id, and another replay another one.
    pub fn replayed(original: Self, nonce: Uuid) -> Self {
        let mut mixed = original.0.as_u128() ^ nonce.as_u128().rotate_left(61);
        for multiplier in MULTIPLIERS {
            mixed ^= mixed >> 59;
            mixed = mixed.wrapping_mul(multiplier);
        }
        mixed ^= mixed >> 67;
        Self(uuid::Builder::from_custom_bytes(mixed.to_be_bytes()).into_uuid())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn endpoint(n: u128) -> EndpointId {
        EndpointId::new(Uuid::from_u128(0x0193_0000_0000_7000_8000_0000_0000_0000 + n))
    }

    #[test]
    fn an_id_reads_back_from_its_text_and_from_no_other() {
        let id = endpoint(10);
        assert_eq!(EndpointId::parse(&id.to_string()), Some(id));
        let text = id.to_string();
        for other in [text.to_uppercase(), text.replace('-', ""), format!("{text} "), String::new()] {
            assert_eq!(EndpointId::parse(&other), None, "{other}");
        }
    }

    #[test]
    fn a_replay_gives_each_delivery_a_new_id_and_its_repetition_the_same() {
        let originals = || (1..=100).map(|sequence| DeliveryId::of(endpoint(1), Sequence(sequence)));
        let replayed = || {
            let nonces = (0..100).map(|n| endpoint(n).uuid());
            nonces.flat_map(|nonce| originals().map(move |original| DeliveryId::replayed(original, nonce)))
        };
        let distinct: HashSet<_> = originals().chain(replayed()).collect();
        assert_eq!(distinct.len(), 10_100);
        assert!(replayed().all(|id| id.0.get_version_num() == 8 && distinct.contains(&id)));
    }

    #[test]
    fn deliveries_have_distinct_ids_that_depend_on_endpoint_and_event_alone() {
        let ids = || {
            (0..50)
                .flat_map(|n| (1..=200).map(move |sequence| DeliveryId::of(endpoint(n), Sequence(sequence))))
        };
        let distinct: HashSet<_> = ids().collect();
        assert_eq!(distinct.len(), 10_000);
        assert!(ids().all(|id| id.0.get_version_num() == 8 && distinct.contains(&id)));
    }
}

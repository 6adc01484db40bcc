use std::collections::BTreeMap;

use crate::Policy;

/// How many more deliveries of each partner may be in flight.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OwnerSlots {
    free: BTreeMap<String, u32>,
}

impl OwnerSlots {
    /// The slots that are left, given how many deliveries of each partner are in flight.
    pub fn new(in_flight: BTreeMap<String, u32>, policy: &Policy) -> Self {
        let most = u32::from(policy.max_in_flight_per_owner.max(1));
        let free = in_flight.into_iter().map(|(owner, taken)| (owner, most.saturating_sub(taken)));
        Self { free: free.collect() }
    }

    /// How many of `wanted` deliveries of an owner may be claimed. The operator's endpoints, and partners that it does not know, have no
    /// limit.
    pub fn allow(&self, owner: Option<&str>, wanted: u32) -> u32 {
        let free = owner.and_then(|owner| self.free.get(owner));
        free.map_or(wanted, |free| wanted.min(*free))
    }

    /// Takes slots for deliveries that were claimed.
    pub fn take(&mut self, owner: Option<&str>, claimed: u32) {
        if let Some(free) = owner.and_then(|owner| self.free.get_mut(owner)) {
            *free = free.saturating_sub(claimed);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_operator_has_no_limit() {
        let policy = Policy { max_in_flight_per_owner: 1, ..Policy::default() };
        let mut slots = OwnerSlots::new(BTreeMap::from([("acme".to_owned(), 1)]), &policy);
        slots.take(None, 500);
        assert_eq!((slots.allow(None, 500), slots.allow(Some("acme"), 500)), (500, 0));
    }

    proptest! {
        #[test]
        fn no_partner_has_more_in_flight_than_the_policy_says_and_none_takes_from_another(
            most in 1_u16..200,
            taken in prop::collection::vec(0_u32..250, 1..4),
            claims in prop::collection::vec((0_usize..4, 0_u32..100), 0..20),
        ) {
            let policy = Policy { max_in_flight_per_owner: most, ..Policy::default() };
            let name = |n: usize| format!("partner {n}");
            let mut in_flight: BTreeMap<_, _> = taken.iter().copied().enumerate().map(|(n, taken)| (name(n), taken)).collect();
            let mut slots = OwnerSlots::new(in_flight.clone(), &policy);
            for (n, wanted) in claims.into_iter().filter(|(n, _)| *n < taken.len()) {
                let owner = name(n);
                let before = in_flight[&owner];
                let allowed = slots.allow(Some(&owner), wanted);
                prop_assert_eq!(allowed, wanted.min(u32::from(most).saturating_sub(before)));
                slots.take(Some(&owner), allowed);
                in_flight.insert(owner, before + allowed);
            }
        }
    }
}

use fluxora_stream::{AccountId, ContractId};

/// The seed of a simulation. Everything random in it is a hash of the seed and a label.
#[derive(Clone, Debug)]
pub(crate) struct Seed(u64);

impl Seed {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// 32 bytes that look random. They are no cryptographic hash: nothing of a simulation is secret or verified.
    pub(crate) fn hash(&self, label: &str) -> [u8; 32] {
        let mut state = label.bytes().fold(mixed(self.0), |state, byte| mixed(state ^ u64::from(byte)));
        let mut hash = [0; 32];
        for word in hash.chunks_exact_mut(8) {
            state = mixed(state);
            word.copy_from_slice(&state.to_be_bytes());
        }
        hash
    }

    /// [`hash`](Self::hash) in hex.
    pub(crate) fn hex(&self, label: &str) -> String {
        self.hash(label).iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// A number from `from` to `to`, both included.
    pub(crate) fn draw(&self, label: &str, from: u64, to: u64) -> u64 {
        let [a, b, c, d, e, f, g, h, ..] = self.hash(label);
        let span = to.saturating_sub(from).saturating_add(1);
        let drawn = u64::from_be_bytes([a, b, c, d, e, f, g, h]).checked_rem(span).unwrap_or(0);
        from.saturating_add(drawn)
    }

    pub(crate) fn account(&self, label: &str) -> AccountId {
        AccountId::from_public_key(self.hash(label))
    }

    pub(crate) fn contract(&self, label: &str) -> ContractId {
        ContractId::from_hash(self.hash(label))
    }
}

/// One step of SplitMix64: a permutation of the 64-bit numbers.
const fn mixed(state: u64) -> u64 {
    let sum = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let first = (sum ^ (sum >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let second = (first ^ (first >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    second ^ (second >> 31)
}

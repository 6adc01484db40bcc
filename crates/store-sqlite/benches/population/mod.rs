//! Streams as they come in life: random UUIDv7 ids, many senders, every status.

use std::path::{Path, PathBuf};

use fluxora_store::CreateStream;
use fluxora_stream::{AccountId, Stream, TermsDraft, UnixTime};
use jiff::Timestamp;
use uuid::{Builder, Uuid};

/// 2026-01-01T00:00:00Z
const START: i64 = 1_767_225_600;

/// Where the databases of benches lie: on the disk of the target directory.
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("fluxora-bench")
}

/// The instant at which stream `n` is made: one a second.
pub fn made_at(n: u64) -> Timestamp {
    Timestamp::from_second(START + i64::try_from(n).unwrap()).unwrap()
}

pub fn uuid(n: u64) -> Uuid {
    let mut random = [0; 10];
    random[..8].copy_from_slice(&scatter(n).to_be_bytes());
    let millis = made_at(n).as_millisecond().try_into().unwrap();
    Builder::from_unix_timestamp_millis(millis, &random).into_uuid()
}

pub const SENDER: u64 = 1;
const RECIPIENT: u64 = 2;

/// The `n`th of the accounts on that side of a stream.
pub fn account(side: u64, n: u64) -> AccountId {
    let mut key = [0; 32];
    for (i, part) in (0..).zip(key.chunks_mut(8)) {
        part.copy_from_slice(&scatter(side << 32 | n << 2 | i).to_be_bytes());
    }
    AccountId::from_public_key(key)
}

/// Stream `n`, paid by one of `senders`: one in four starts only later.
pub fn create(n: u64, senders: u64) -> CreateStream {
    let now = made_at(n);
    let later = n.is_multiple_of(4).then(|| UnixTime::of(now).saturating_add(1 << 30));
    let draft = TermsDraft {
        sender: Some(account(SENDER, scatter(n) % senders)),
        recipient: Some(account(RECIPIENT, scatter(n + 1) % (senders * 20))),
        deposit: Some("1000000.0000000".parse().unwrap()),
        rate: Some("0.0050000".parse().unwrap()),
        start: later,
        ..TermsDraft::default()
    };
    let (stream, event) = Stream::create(uuid(n), &draft.settle(now).unwrap(), now);
    CreateStream { stream, event, keyed: None, owner: None }
}

/// SplitMix64: the same numbers in every run, and no order in them.
pub fn scatter(n: u64) -> u64 {
    let mut z = n.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

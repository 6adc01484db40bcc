use fluxora_auth::{ApiKey, Grant, KeyHash, KeyId, KeyName};
use jiff::Timestamp;

use super::fixtures::*;
use crate::{CreateStream, Created, KeyQuery, KeyRotated, KeyStore, Store, StoredKey, StreamStore};

fn key_id(n: u64) -> KeyId {
    KeyId::new(uuid(900_000 + n))
}

fn hash(n: u64) -> KeyHash {
    let mut hash = [0xfe; 32];
    hash[..8].copy_from_slice(&n.to_be_bytes());
    KeyHash(hash)
}

/// A partner's key for even numbers; the other roles take turns.
fn key(n: u64) -> ApiKey {
    let grant = match n % 6 {
        0 | 2 | 4 => Grant::Partner { owner: "acme".parse().unwrap() },
        1 => Grant::Reader,
        3 => Grant::Worker,
        _ => Grant::Operator,
    };
    ApiKey {
        id: key_id(n),
        name: format!("schlüssel {n}").parse().unwrap(),
        grant,
        prefix: format!("flx_{n:08x}"),
        created_at: t(0),
        expires_at: None,
        revoked_at: None,
        last_used_at: None,
        rotated_from: None,
    }
}

async fn create_key(store: &impl KeyStore, n: u64, expires_at: Option<Timestamp>) -> StoredKey {
    store.create_key(ApiKey { expires_at, ..key(n) }, hash(n)).await.unwrap()
}

async fn read_key(store: &impl KeyStore, n: u64) -> ApiKey {
    store.key(key_id(n)).await.unwrap().unwrap().key
}

async fn rotate(store: &impl KeyStore, old: u64, new: u64, now: i64, overlap_ends: i64) -> KeyRotated {
    let name: KeyName = "a placeholder".parse().unwrap();
    let new_key = ApiKey { name, created_at: t(now), rotated_from: Some(key_id(old)), ..key(new) };
    store.rotate_key(new_key, hash(new), t(overlap_ends)).await.unwrap()
}

/// Keys of every role and state, for copies.
pub(super) async fn live_through_keys(store: &impl KeyStore) {
    for n in 1..=9 {
        create_key(store, n, (n % 2 == 0).then(|| t(500))).await;
    }
    store.revoke_key(key_id(3), t(40)).await.unwrap();
    rotate(store, 2, 10, 50, 60).await;
    store.record_key_uses(vec![(key_id(1), t(70)), (key_id(10), t(71))]).await.unwrap();
}

/// Also after it has expired.
pub async fn an_api_key_is_found_by_its_hash_and_by_its_id(store: &impl Store) {
    assert!(!store.has_keys().await.unwrap());
    for n in 1..=6 {
        let stored = create_key(store, n, (n == 2).then(|| t(1))).await;
        assert_eq!((&stored.key.name, &stored.key.grant), (&key(n).name, &key(n).grant));
        assert_eq!(store.key_by_hash(&hash(n)).await.unwrap().as_ref(), Some(&stored));
        assert_eq!(store.key(key_id(n)).await.unwrap().as_ref(), Some(&stored));
    }
    assert_eq!(read_key(store, 2).await.expires_at, Some(t(1)));
    assert!(store.has_keys().await.unwrap());
    assert_eq!(store.key_by_hash(&hash(7)).await.unwrap(), None);
    assert_eq!(store.key(key_id(7)).await.unwrap(), None);
    // No two keys have one secret.
    assert!(store.create_key(key(7), hash(1)).await.is_err());
}

/// Revoking twice is revoking once.
pub async fn a_revoked_key_keeps_its_first_revocation(store: &impl Store) {
    create_key(store, 1, None).await;
    create_key(store, 2, None).await;
    for now in [5, 9] {
        let revoked = store.revoke_key(key_id(1), t(now)).await.unwrap().unwrap();
        assert_eq!(revoked.key.revoked_at, Some(t(5)));
    }
    assert_eq!(read_key(store, 2).await.revoked_at, None);
    assert_eq!(store.revoke_key(key_id(7), t(5)).await.unwrap(), None);
}

/// The new key has the name, grant and expiry of the old one.
pub async fn a_rotated_key_ends_with_the_overlap(store: &impl Store) {
    let old = create_key(store, 2, Some(t(500))).await.key;
    let KeyRotated::Done(new) = rotate(store, 2, 12, 10, 70).await else { panic!("it is active") };
    let expect = ApiKey {
        id: key_id(12),
        rotated_from: Some(key_id(2)),
        created_at: t(10),
        prefix: key(12).prefix,
        ..old
    };
    assert_eq!(new.key, expect);
    assert_eq!(read_key(store, 2).await.expires_at, Some(t(70)));
    assert_eq!(store.key_by_hash(&hash(12)).await.unwrap().unwrap().key, expect);
    // An overlap does not lengthen the life of a key.
    assert!(matches!(rotate(store, 12, 13, 20, 900).await, KeyRotated::Done(_)));
    assert_eq!(read_key(store, 12).await.expires_at, Some(t(500)));
    // A key without an end gets one.
    create_key(store, 1, None).await;
    let KeyRotated::Done(new) = rotate(store, 1, 14, 20, 20).await else { panic!("it is active") };
    assert_eq!((read_key(store, 1).await.expires_at, new.key.expires_at), (Some(t(20)), None));
}

/// Nothing is written.
pub async fn a_key_that_has_ended_is_not_rotated(store: &impl Store) {
    create_key(store, 1, Some(t(10))).await;
    create_key(store, 2, None).await;
    store.revoke_key(key_id(2), t(5)).await.unwrap();
    for old in [1, 2] {
        assert_eq!(rotate(store, old, 9, 10, 20).await, KeyRotated::Ended);
    }
    assert_eq!(rotate(store, 7, 9, 10, 20).await, KeyRotated::NotFound);
    assert_eq!(store.key(key_id(9)).await.unwrap(), None);
    assert_eq!(read_key(store, 1).await.expires_at, Some(t(10)));
}

/// Pages follow each other, and keys that are created in between move none of them.
pub async fn keys_are_listed_newest_first(store: &impl Store) {
    for n in 1..=7 {
        create_key(store, n, None).await;
    }
    let list = async |query: KeyQuery| {
        let page = store.list_keys(&query).await.unwrap();
        let ids: Vec<_> = page.keys.iter().map(|stored| stored.key.id).collect();
        (ids, page.next)
    };
    let (first, next) = list(KeyQuery { limit: 4, ..KeyQuery::default() }).await;
    assert_eq!(first, [7, 6, 5, 4].map(key_id));
    create_key(store, 8, None).await;
    let (rest, end) = list(KeyQuery { limit: 4, before: next, owner: None }).await;
    assert_eq!((rest, end), (Vec::from([3, 2, 1].map(key_id)), None));
    let of_partner = KeyQuery { owner: Some("acme".parse().unwrap()), limit: 9, before: None };
    assert_eq!(list(of_partner).await.0, [8, 6, 4, 2].map(key_id));
}

/// Uses arrive from several servers in any order.
pub async fn a_later_use_of_a_key_is_kept(store: &impl Store) {
    create_key(store, 1, None).await;
    create_key(store, 2, None).await;
    for (at, expect) in [(50, 50), (40, 50), (60, 60)] {
        store.record_key_uses(vec![(key_id(1), t(at)), (key_id(7), t(at))]).await.unwrap();
        assert_eq!(read_key(store, 1).await.last_used_at, Some(t(expect)));
    }
    store.record_key_uses(Vec::new()).await.unwrap();
    assert_eq!(read_key(store, 2).await.last_used_at, None);
}

/// The newest key stays, so that a database that has used keys is known for it.
pub async fn retention_deletes_ended_keys_and_leaves_the_newest(store: &impl Store) {
    create_key(store, 1, Some(t(10))).await;
    create_key(store, 2, None).await;
    create_key(store, 3, None).await;
    create_key(store, 4, None).await;
    store.revoke_key(key_id(2), t(20)).await.unwrap();
    store.revoke_key(key_id(4), t(20)).await.unwrap();
    assert_eq!(store.delete_ended_keys(t(10)).await.unwrap(), 0);
    assert_eq!(store.delete_ended_keys(t(11)).await.unwrap(), 1);
    assert_eq!(store.delete_ended_keys(t(21)).await.unwrap(), 1);
    assert_eq!(store.delete_ended_keys(t(1_000)).await.unwrap(), 0);
    let left = store.list_keys(&KeyQuery { limit: 9, ..KeyQuery::default() }).await.unwrap().keys;
    assert_eq!(left.iter().map(|stored| stored.key.id).collect::<Vec<_>>(), [4, 3].map(key_id));
}

/// A stream that no partner created has none. A repeated request does not change the owner.
pub async fn the_owner_of_a_stream_is_stored_with_it(store: &impl StreamStore) {
    let owned =
        |create: CreateStream, owner: &str| CreateStream { owner: Some(owner.parse().unwrap()), ..create };
    assert_eq!(store.create_stream(owned(keyed(1, "k", "r", t0()), "acme")).await.unwrap(), Created::Done);
    let again = store.create_stream(owned(keyed(2, "k", "r", t0()), "other")).await.unwrap();
    assert!(matches!(again, Created::Replayed(_)), "{again:?}");
    assert_eq!(store.create_stream(create(3, &draft(), t0())).await.unwrap(), Created::Done);
    assert_eq!(store.stream_owner(&stream_id(1)).await.unwrap().as_deref(), Some("acme"));
    for n in 2..=4 {
        assert_eq!(store.stream_owner(&stream_id(n)).await.unwrap(), None, "{n}");
    }
}

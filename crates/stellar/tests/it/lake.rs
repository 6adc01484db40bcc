//! Ledgers from a data lake.

use std::num::NonZeroU32;
use std::path::Path;
use std::sync::Arc;

use fluxora_stellar::testing::{Chain, Fault, FileServer, NETWORK_PASSPHRASE, Shape, write_lake};
use fluxora_stellar::{
    Advice, HttpClient, HttpLimits, LakeLayout, LakeSource, LedgerCloseMeta, LedgerSource, SourceError, fetch,
};

use crate::samples::{invocation, paused, watched};

fn ledgers() -> Vec<LedgerCloseMeta> {
    let mut chain = Chain::new(Shape::V2, "lake");
    (2..40)
        .map(|ledger| chain.close(ledger, u64::from(ledger) * 5, &[invocation(Some(vec![paused(1)]))]))
        .collect()
}

fn layout(ledgers: u32, batches: u32) -> LakeLayout {
    LakeLayout {
        ledgers_per_batch: NonZeroU32::new(ledgers).unwrap(),
        batches_per_partition: NonZeroU32::new(batches).unwrap(),
    }
}

fn open(location: &str) -> Result<LakeSource, SourceError> {
    LakeSource::new(location, HttpClient::new(HttpLimits::default()).unwrap())
}

fn open_folder(folder: &Path) -> LakeSource {
    open(folder.to_str().unwrap()).unwrap()
}

/// Every ledger from this one to the last one of the lake.
async fn all(lake: &LakeSource, from: u32) -> Vec<u32> {
    let mut taken = Vec::new();
    loop {
        let next = from + u32::try_from(taken.len()).unwrap();
        let page = fetch(lake, next, 100, &Arc::new(watched())).await.unwrap();
        if page.ledgers.is_empty() {
            return taken;
        }
        taken.extend(page.ledgers.iter().map(|verified| verified.ledger.sequence));
    }
}

#[tokio::test]
async fn every_ledger_is_read_from_every_layout_and_either_ending() {
    for (layout, ending) in [
        (layout(1, 1), "zst"),
        (layout(1, 10), "zstd"),
        (layout(8, 1), "zst"),
        (layout(8, 2), "zstd"),
        (layout(20, 10), "zst"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        write_lake(folder.path(), &ledgers(), layout, ending);
        let lake = open_folder(folder.path());
        assert_eq!(all(&lake, 2).await, (2..40).collect::<Vec<_>>(), "{layout:?}");
        assert_eq!(
            all(&lake, 21).await,
            (21..40).collect::<Vec<_>>(),
            "from the middle of a file: {layout:?}"
        );
        assert_eq!(lake.network().await.unwrap().as_deref(), Some(NETWORK_PASSPHRASE));
    }
}

#[tokio::test]
async fn a_lake_is_read_over_http_as_it_is_from_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    write_lake(folder.path(), &ledgers(), layout(1, 64), "zstd");
    let server = FileServer::start(folder.path().to_owned()).await;
    let lake = open(&server.url()).unwrap();
    assert_eq!(all(&lake, 30).await, (30..40).collect::<Vec<_>>());
    server.fail_always(Some(Fault::RetryAfter(503, 9)));
    let error = lake.ledgers(10, 1).await.unwrap_err();
    assert!(matches!(error.advice(), Advice::Wait(Some(_))), "{error:?}");
    server.fail_always(Some(Fault::Truncated));
    assert_eq!(lake.ledgers(10, 1).await.unwrap_err().advice(), Advice::Rotate);
    server.fail_always(Some(Fault::Html(200)));
    assert_eq!(lake.ledgers(10, 1).await.unwrap_err().advice(), Advice::Rotate);
}

#[tokio::test]
async fn the_file_of_the_public_lake_is_read_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("FCD285FF--53312000-53375999");
    std::fs::create_dir_all(&file).unwrap();
    let bytes = include_bytes!("../../fixtures/FCD285FF--53312000.xdr.zstd");
    std::fs::write(file.join("FCD285FF--53312000.xdr.zstd"), bytes).unwrap();
    let lake = open_folder(folder.path());
    assert_eq!(lake.network().await.unwrap(), None, "there is no configuration");
    assert_eq!(all(&lake, 53_312_000).await, [53_312_000]);
}

#[tokio::test]
async fn a_missing_file_is_a_ledger_that_is_not_there_yet() {
    let folder = tempfile::tempdir().unwrap();
    write_lake(folder.path(), &ledgers(), layout(8, 1), "zst");
    let lake = open_folder(folder.path());
    let page = lake.ledgers(1000, 10).await.unwrap();
    assert!(page.ledgers.is_empty() && page.latest.is_none());
}

#[tokio::test]
async fn a_file_that_lacks_the_ledger_has_others_or_is_broken_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    write_lake(folder.path(), &ledgers(), layout(8, 1), "zst");
    let lake = open_folder(folder.path());
    let last = folder.path().join(format!("{}.xdr.zst", layout(8, 1).key(39)));
    let other = folder.path().join(format!("{}.xdr.zst", layout(8, 1).key(20)));

    std::fs::copy(&last, &other).unwrap();
    let error = lake.ledgers(20, 10).await.unwrap_err();
    assert!(matches!(error, SourceError::Misplaced { expected: 20, found: 32 }), "{error:?}");
    std::fs::copy(&other, &last).unwrap();
    std::fs::copy(folder.path().join(format!("{}.xdr.zst", layout(8, 1).key(8))), &last).unwrap();
    let error = lake.ledgers(39, 10).await.unwrap_err();
    assert!(matches!(error, SourceError::Malformed { .. }), "{error:?}");
    for bytes in [&b""[..], b"{}", &std::fs::read(&other).unwrap()[..50]] {
        std::fs::write(&last, bytes).unwrap();
        let error = lake.ledgers(39, 10).await.unwrap_err();
        assert!(matches!(error, SourceError::Malformed { .. }), "{error:?}");
    }
}

#[tokio::test]
async fn a_configuration_that_is_false_is_an_error_until_it_is_another() {
    let folder = tempfile::tempdir().unwrap();
    write_lake(folder.path(), &ledgers(), layout(8, 1), "zst");
    let file = folder.path().join(".config.json");
    let right = std::fs::read(&file).unwrap();
    let lake = open_folder(folder.path());
    for json in ["", "{}", r#"{"ledgersPerBatch":0,"batchesPerPartition":1}"#, r#"{"ledgersPerBatch":"a"}"#] {
        std::fs::write(&file, json).unwrap();
        let error = lake.network().await.unwrap_err();
        assert!(matches!(error, SourceError::Malformed { .. }), "{json}: {error:?}");
        assert!(lake.ledgers(2, 1).await.is_err(), "{json}");
    }
    std::fs::write(&file, right).unwrap();
    assert_eq!(lake.network().await.unwrap().as_deref(), Some(NETWORK_PASSPHRASE));
    assert_eq!(all(&lake, 2).await.len(), 38);
}

#[test]
fn a_location_that_is_none_is_refused() {
    for location in ["s3://bucket/ledgers", "https://", "http://localhost/lake?key=1"] {
        assert!(matches!(open(location), Err(SourceError::Setting { .. })), "{location}");
    }
}

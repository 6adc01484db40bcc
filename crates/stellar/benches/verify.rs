//! How fast whole ledgers are decoded and verified on one core.

#![expect(clippy::expect_used, reason = "a bench that cannot be set up must fail")]

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use fluxora_stellar::testing::{from_xdr, to_xdr, unzstd};
use fluxora_stellar::{WatchList, decode_ledger, verify};
use stellar_xdr::LedgerCloseMetaBatch;

/// A full ledger of the public network: 163 transactions, 372 KB.
fn pubnet_ledger(c: &mut Criterion) {
    let compressed = include_bytes!("../fixtures/FCD285FF--53312000.xdr.zstd");
    let batch = from_xdr::<LedgerCloseMetaBatch>(&unzstd(compressed));
    let xdr = to_xdr(batch.ledger_close_metas.first().expect("the batch has one ledger"));
    let watched =
        WatchList::new(["CA3D5KRYM6CB7OWQ6TWYRR3Z4T7GNZLKERYNZGGA5SOAOPIFY6YQGAXE"]).expect("a contract");
    let mut group = c.benchmark_group("pubnet ledger");
    group.throughput(Throughput::Elements(1));
    group.bench_function("decode", |b| b.iter(|| decode_ledger(black_box(&xdr))));
    group.bench_function("decode and verify", |b| {
        b.iter(|| verify(&decode_ledger(black_box(&xdr)).expect("it decodes"), &watched).expect("it holds"));
    });
    group.bench_function("decompress", |b| b.iter(|| unzstd(black_box(compressed))));
    group.finish();
}

criterion_group!(benches, pubnet_ledger);
criterion_main!(benches);

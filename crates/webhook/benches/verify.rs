//! Verifying a delivery beside the least that could be done: `ring::hmac::verify` over the body alone.
//!
//! The promise is at most 1.2 times that, at 1 KiB and at 64 KiB:
//! `cargo bench -p fluxora-webhook --features http --bench verify`. Criterion measures one after the other, which a busy
//! machine spoils; so the ratios are taken again from interleaved calls, the fastest of each, and held to the promise.
#![allow(clippy::unwrap_used, reason = "a bench may stop where it fails")]
#![allow(clippy::print_stdout, clippy::float_arithmetic, reason = "it measures and prints")]
#![allow(clippy::disallowed_methods, reason = "what measures a duration owns the clock")]

use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion, Throughput};
use fluxora_webhook::{Delivery, HeaderFields, Secret, Signer, UnixSeconds, Verifier};
use ring::hmac;

const SECRET: &str = "whsec_dGVzdC1zZWNyZXQtMzItYnl0ZXMtbG9uZy0wMDAx";
const NOW: UnixSeconds = UnixSeconds::new(1_700_000_000);
const SIZES: [usize; 2] = [1_024, 65_536];
const MOST: f64 = 1.2;

/// What is compared, by name; the bare one first.
type Calls<'a> = Vec<(&'static str, Box<dyn Fn() + 'a>)>;

/// One delivery, ready to be verified in every way.
struct Prepared {
    body: Vec<u8>,
    pairs: Vec<(&'static str, String)>,
    verifier: Verifier,
    key: hmac::Key,
    tag: hmac::Tag,
    #[cfg(feature = "http")]
    map: http::HeaderMap,
}

impl Prepared {
    fn new(body_bytes: usize) -> Self {
        let body = vec![b'x'; body_bytes];
        let secret = Secret::new(SECRET).unwrap();
        let delivery = Delivery::new("dlv_0192f0c1", "stream.updated", &body).unwrap();
        let signed = Signer::new(&secret).sign(&delivery, NOW).unwrap();
        // What a client and a reverse proxy put on a request, beside the delivery's own headers.
        let usual = [
            ("host", "example.com"),
            ("user-agent", "Fluxora-Webhooks/0.1.0"),
            ("content-type", "application/json"),
            ("content-length", "1024"),
            ("accept-encoding", "identity"),
            ("x-fluxora-attempt", "1"),
        ];
        let pairs: Vec<(&str, String)> =
            usual.into_iter().chain(signed.iter()).map(|(name, value)| (name, value.to_owned())).collect();
        #[cfg(feature = "http")]
        let map = pairs
            .iter()
            .map(|(name, value)| (http::HeaderName::from_static(name), value.parse().unwrap()))
            .collect();
        let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes());
        let tag = hmac::sign(&key, &body);
        Self {
            pairs,
            verifier: Verifier::new(&secret),
            key,
            tag,
            #[cfg(feature = "http")]
            map,
            body,
        }
    }

    fn calls(&self) -> Calls<'_> {
        let Self { body, pairs, verifier, key, tag, .. } = self;
        #[cfg_attr(not(feature = "http"), expect(unused_mut, reason = "one call fewer"))]
        let mut calls: Calls<'_> = vec![
            (
                "bare_ring",
                Box::new(move || hmac::verify(key, black_box(body), black_box(tag.as_ref())).unwrap()),
            ),
            (
                "pairs",
                Box::new(move || {
                    black_box(verifier.verify(black_box(pairs), black_box(body), NOW)).unwrap();
                }),
            ),
            (
                "fields",
                Box::new(move || {
                    let fields: HeaderFields =
                        black_box(pairs).iter().map(|(name, value)| (*name, value.as_bytes())).collect();
                    black_box(verifier.verify(&fields, black_box(body), NOW)).unwrap();
                }),
            ),
        ];
        #[cfg(feature = "http")]
        calls.push((
            "http",
            Box::new(|| {
                black_box(self.verifier.verify(black_box(&self.map), black_box(&self.body), NOW)).unwrap();
            }),
        ));
        calls
    }
}

fn measure(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("verify");
    for body_bytes in SIZES {
        let prepared = Prepared::new(body_bytes);
        group.throughput(Throughput::Bytes(u64::try_from(body_bytes).unwrap()));
        for (name, call) in prepared.calls() {
            group.bench_function(BenchmarkId::new(name, body_bytes), |bencher| bencher.iter(&call));
        }
    }
    group.finish();
}

/// The fastest of many short series of each call, taken in turn.
fn fastest(calls: &Calls<'_>, rounds: u32, series: u32) -> Vec<Duration> {
    let mut fastest = vec![Duration::MAX; calls.len()];
    for _ in 0..rounds {
        for ((_, call), fastest) in calls.iter().zip(&mut fastest) {
            let start = Instant::now();
            for _ in 0..series {
                call();
            }
            *fastest = start.elapsed().min(*fastest);
        }
    }
    fastest
}

fn hold_the_promise() {
    for (body_bytes, series) in SIZES.into_iter().zip([100, 10]) {
        let prepared = Prepared::new(body_bytes);
        let calls = prepared.calls();
        let fastest = fastest(&calls, 3_000, series);
        for ((name, _), duration) in calls.iter().zip(&fastest) {
            let ratio = duration.as_secs_f64() / fastest.first().unwrap().as_secs_f64();
            println!(
                "{body_bytes:>6} bytes, {name:<9} {:>8.0?} a call, {ratio:.3} of bare ring",
                *duration / series
            );
            assert!(
                ratio <= MOST,
                "{name} takes {ratio:.3} times as long as ring alone at {body_bytes} bytes"
            );
        }
    }
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    measure(&mut criterion);
    criterion.final_summary();
    if std::env::args().any(|argument| argument == "--bench") {
        hold_the_promise();
    }
}

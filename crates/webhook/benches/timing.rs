//! Does the time of a refusal depend on where the signature is wrong? Welch's t-test over two classes of deliveries, as
//! dudect does it, with a naive comparison as control: the method has to see what it is meant to see.
//!
//! `cargo bench -p fluxora-webhook --bench timing`. |t| above 4.5 on a quiet machine means a leak.
#![allow(clippy::unwrap_used, reason = "a bench may stop where it fails")]
#![allow(clippy::print_stdout, clippy::float_arithmetic, reason = "it measures and prints")]
#![allow(clippy::disallowed_methods, reason = "what measures a duration owns the clock")]
#![allow(clippy::as_conversions, clippy::indexing_slicing, reason = "statistics over small numbers")]

use std::hint::black_box;
use std::time::Instant;

use fluxora_webhook::{Delivery, Secret, Signer, UnixSeconds, Verifier};

const NOW: UnixSeconds = UnixSeconds::new(1_700_000_000);
const SAMPLES: usize = 60_000;
/// Calls per sample, so that a sample is longer than the clock's grain.
const CALLS: usize = 8;

type Delivered = Vec<(&'static str, String)>;

/// The headers of a genuine delivery with one digit of its signature changed.
fn wrong_at(position: usize, body: &[u8], signer: &Signer) -> Delivered {
    let delivery = Delivery::new("dlv_01", "stream.updated", body).unwrap();
    let signed = signer.sign(&delivery, NOW).unwrap();
    let mut headers: Delivered = signed.iter().map(|(name, value)| (name, value.to_owned())).collect();
    let signature = &mut headers[2].1;
    let other = if signature.as_bytes()[position] == b'0' { "1" } else { "0" };
    signature.replace_range(position..=position, other);
    headers
}

/// Samples of both classes, taken in an order that no period of the machine can match.
fn sample(mut early: impl FnMut(), mut late: impl FnMut()) -> [Vec<f64>; 2] {
    let mut samples = [Vec::with_capacity(SAMPLES), Vec::with_capacity(SAMPLES)];
    let mut random: u64 = 0x9e37_79b9_7f4a_7c15;
    for _ in 0..SAMPLES * 2 {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        let class = (random >> 33 & 1) as usize;
        let start = Instant::now();
        for _ in 0..CALLS {
            if class == 0 { early() } else { late() }
        }
        samples[class].push(start.elapsed().as_nanos() as f64 / CALLS as f64);
    }
    samples
}

/// Mean and variance of a mean, without the slowest tenth: interruptions are not the code's.
fn summary(mut samples: Vec<f64>) -> (f64, f64) {
    samples.sort_by(f64::total_cmp);
    samples.truncate(samples.len() * 9 / 10);
    let count = samples.len() as f64;
    let mean = samples.iter().sum::<f64>() / count;
    let variance = samples.iter().map(|sample| (sample - mean).powi(2)).sum::<f64>() / (count - 1.0);
    (mean, variance / count)
}

fn report(name: &str, early: impl FnMut(), late: impl FnMut()) {
    let [early, late] = sample(early, late).map(summary);
    let t = (early.0 - late.0) / (early.1 + late.1).sqrt();
    println!("{name:<44} {:>8.1} ns {:>8.1} ns   t = {t:>8.2}", early.0, late.0);
}

/// The comparison not to write: it stops at the first difference.
fn naive(left: &[u8], right: &[u8]) -> bool {
    left.iter().zip(right).all(|(left, right)| black_box(left) == black_box(right))
}

fn main() {
    let (secret, other) = (Secret::new("topsecret").unwrap(), Secret::new("other").unwrap());
    let signer = Signer::new(&secret);
    let body = vec![b'x'; 64];
    let (first, last) = (wrong_at(0, &body, &signer), wrong_at(63, &body, &signer));
    let verifier = Verifier::new(&secret);
    let three = Verifier::new(&secret).with_secret(&other).unwrap().with_secret(&other).unwrap();
    let third = Verifier::new(&other).with_secret(&other).unwrap().with_secret(&secret).unwrap();
    let refuse = |verifier: &Verifier, headers: &Delivered| {
        black_box(verifier.verify(black_box(headers), black_box(&body), NOW)).unwrap_err();
    };

    println!("{:<44} {:>11} {:>11}", "", "first digit", "last digit");
    report("wrong signature", || refuse(&verifier, &first), || refuse(&verifier, &last));
    report("wrong signature, three secrets", || refuse(&three, &first), || refuse(&three, &last));
    let (expected, early, late) = (&body, [b"y", &body[1..]].concat(), [&body[1..], b"y"].concat());
    report(
        "control: naive comparison",
        || _ = black_box(naive(black_box(expected), black_box(&early))),
        || _ = black_box(naive(black_box(expected), black_box(&late))),
    );
    println!("{:<44} {:>11} {:>11}", "", "1st secret", "3rd secret");
    report("last digit wrong under one of three secrets", || refuse(&three, &last), || refuse(&third, &last));
}

//! Parse and format against `rust_decimal` and bare `bigdecimal`, and what hostile input costs.
#![allow(clippy::unwrap_used, missing_docs, reason = "a bench may stop at a fault")]

use std::fmt::{Display, Write};
use std::hint::black_box;
use std::str::FromStr;
use std::time::Duration;

use bigdecimal::BigDecimal;
use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main};
use fluxora_decimal::Amount;
use rust_decimal::Decimal;

/// A whole number, a deposit, a rate, one more than a `u64` of stroops, and the longest that `rust_decimal` holds.
const TYPICAL: [&str; 5] =
    ["100", "1000000.0000000", "0.0000116", "9223372036854.7758079", "792281625142643375935.4395033"];

/// What no 96 bits hold.
const LONG: &str = "17014118346046923173168730371588.4105727";

fn parse(criterion: &mut Criterion) {
    for text in TYPICAL {
        let mut group = criterion.benchmark_group(format!("parse/{text}"));
        parse_as::<Amount>(&mut group, "fluxora-decimal", text);
        parse_as::<Decimal>(&mut group, "rust_decimal", text);
        parse_as::<BigDecimal>(&mut group, "bigdecimal", text);
    }
    let mut group = criterion.benchmark_group(format!("parse/{LONG}"));
    parse_as::<Amount>(&mut group, "fluxora-decimal", LONG);
    parse_as::<BigDecimal>(&mut group, "bigdecimal", LONG);
}

fn parse_as<T: FromStr>(group: &mut BenchmarkGroup<'_, WallTime>, name: &str, text: &str)
where
    T::Err: std::fmt::Debug,
{
    group.bench_function(name, |bencher| bencher.iter(|| T::from_str(black_box(text)).unwrap()));
}

fn format(criterion: &mut Criterion) {
    for text in TYPICAL {
        let mut group = criterion.benchmark_group(format!("format/{text}"));
        format_as::<Amount>(&mut group, "fluxora-decimal", text);
        format_as::<Decimal>(&mut group, "rust_decimal", text);
        format_as::<BigDecimal>(&mut group, "bigdecimal", text);
    }
    let mut group = criterion.benchmark_group(format!("format/{LONG}"));
    format_as::<Amount>(&mut group, "fluxora-decimal", LONG);
    format_as::<BigDecimal>(&mut group, "bigdecimal", LONG);
}

fn format_as<T: FromStr + Display>(group: &mut BenchmarkGroup<'_, WallTime>, name: &str, text: &str)
where
    T::Err: std::fmt::Debug,
{
    let value = T::from_str(text).unwrap();
    let mut out = String::with_capacity(64);
    group.bench_function(name, |bencher| {
        bencher.iter(|| {
            out.clear();
            write!(out, "{}", black_box(&value)).unwrap();
            black_box(out.len())
        });
    });
}

fn hostile(criterion: &mut Criterion) {
    let mebibyte = 1 << 20;
    let texts = [
        ("a mebibyte of digits", "9".repeat(mebibyte)),
        ("a mebibyte of zeros", "0".repeat(mebibyte)),
        ("a mebibyte of decimals", format!("0.{}", "1".repeat(mebibyte))),
        ("a mebibyte of letters", "x".repeat(mebibyte)),
        ("64 digits", "9".repeat(64)),
        ("1e20000000", "1e20000000".to_owned()),
    ];
    let mut group = criterion.benchmark_group("refuse");
    for (name, text) in &texts {
        group.throughput(Throughput::Bytes(u64::try_from(text.len()).unwrap()));
        group.bench_function(*name, |bencher| bencher.iter(|| Amount::parse(black_box(text)).unwrap_err()));
    }
    let huge = BigDecimal::new(1.into(), -20_000_000);
    group.bench_function("BigDecimal 1e20000000", |bencher| {
        bencher.iter(|| Amount::try_from(black_box(&huge)).unwrap_err());
    });
}

criterion_group! {
    name = benches;
    config = Criterion::default().warm_up_time(Duration::from_millis(300)).measurement_time(Duration::from_secs(1));
    targets = parse, format, hostile
}
criterion_main!(benches);

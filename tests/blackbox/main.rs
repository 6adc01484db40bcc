//! Black-box tests: each starts the real server, talks HTTP to it, and believes nothing but its answers, its log and its file.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a test that cannot go on fails"
)]

mod access;
mod architecture;
mod as_of;
mod audit;
mod bad_input;
mod balance;
mod binary;
mod boot;
mod clients;
mod compat;
mod copy;
mod cors;
mod crash;
mod demo;
mod deployment;
mod disk;
mod envelope;
mod faults;
mod http;
mod idempotency;
mod indexer;
mod k6;
mod limits;
mod listing;
mod logs;
mod low_runways;
mod methods;
mod metrics;
mod openapi;
mod overload;
mod random;
mod read_only;
mod readme_tour;
mod replicas;
mod request_id;
mod restart;
mod sample;
mod seed;
mod server;
mod services;
mod shutdown;
mod stream_clock;
mod supervision;
mod time_events;
mod traces;
mod upgrade;
mod walk;
mod webhooks;

use std::time::Duration;

/// How long anything may take that a test waits for. Only a test that fails ever waits this long.
const PATIENCE: Duration = Duration::from_secs(40);

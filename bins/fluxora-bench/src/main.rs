//! Measures the server and what bounds it, in one run: a table on standard output, or JSON.
//!
//! `cargo run --release -p fluxora-bench -- deliveries`, `-- http`, `-- claims` and `-- feed`; docs/PERFORMANCE.md explains the figures.
#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::float_arithmetic,
    reason = "a program that measures reads clocks, calculates rates and prints them"
)]

mod accounting;
mod ceiling;
mod claims;
mod deliveries;
mod feed;
mod floor;
mod http;
mod load;
mod population;
mod report;
mod server;
mod sink;

use clap::{Parser, Subcommand};

use report::Report;

/// Measures the server and what bounds it, in one run.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    what: What,
    /// Print JSON instead of a table.
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Subcommand)]
enum What {
    /// Requests: a static handler, the routes of the server, and bare loops over the database.
    Http(http::Settings),
    /// Webhook deliveries: how many a second, what each costs, how long an event takes.
    Deliveries(deliveries::Settings),
    /// Claims of deliveries beside much history, held endpoints and a backlog.
    Claims(claims::Settings),
    /// Clients of the event feed: what an idle one holds, and what a frame costs.
    Feed(feed::Settings),
    /// Serves the same bytes for every request; `http` starts it.
    #[command(hide = true)]
    Ceiling,
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let mut report = Report::new(arguments.json);
    match arguments.what {
        What::Http(settings) => http::run(&settings, &mut report)?,
        What::Deliveries(settings) => deliveries::run(&settings, &mut report)?,
        What::Claims(settings) => claims::run(&settings, &mut report)?,
        What::Feed(settings) => feed::run(&settings, &mut report)?,
        What::Ceiling => return ceiling::serve(),
    }
    report.print();
    Ok(())
}

//! Measures the server and what bounds it, in one run: a table on standard output, or JSON.
//!
//! `cargo run --release -p fluxora-bench -- deliveries` and `-- http`; docs/PERFORMANCE.md explains the figures.
#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::float_arithmetic,
    reason = "a program that measures reads clocks, calculates rates and prints them"
)]

mod accounting;
mod ceiling;
mod deliveries;
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
        What::Ceiling => return ceiling::serve(),
    }
    report.print();
    Ok(())
}

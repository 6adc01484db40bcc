//! A private PostgreSQL server for tests: one throwaway cluster, and a fresh database for each test.
//!
//! ```no_run
//! use fluxora_store_postgres::testing::Cluster;
//!
//! # fn claim() {
//! let Some(cluster) = Cluster::shared() else { return }; // PostgreSQL is not installed: said in one line
//! let database = cluster.database();
//! println!("{}", database.url());
//! # }
//! ```
//!
//! Nothing is left behind, however the process ends: a guard holds on to a pipe of the process, and when that closes it stops the
//! server and removes its files.

#![expect(
    clippy::expect_used,
    clippy::disallowed_methods,
    reason = "test support fails by panicking, says what is missing, and looks for programs in the environment"
)]

mod cluster;
mod database;
mod programs;

pub use cluster::{Cluster, Settings};
pub use database::Database;

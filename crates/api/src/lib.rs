#![doc = include_str!("../README.md")]

mod access;
mod access_log;
mod answer;
mod audit;
mod body;
mod connection;
mod corrupt_rows;
mod cors;
mod credentials;
mod cursor;
mod dependencies;
mod doc;
mod error;
mod etag;
mod field_code;
mod fields;
mod follower;
mod frontend;
mod host;
mod idempotency;
mod instant;
mod limits;
mod log_level;
mod metrics;
mod metrics_server;
#[cfg(test)]
mod openapi;
mod page_bytes;
mod push_failures;
mod query;
mod refusals;
mod request_id;
mod routes;
mod server;
mod state;
mod table;
#[cfg(test)]
mod tests;
mod token;
mod tokens;
mod view;
mod webhooks;

pub use access::{Access, principal};
pub use access_log::LoggedRequests;
pub use audit::{Audit, RefusedWrites, SUMMARY_INTERVAL};
pub use cors::{Cors, InvalidOrigin};
pub use credentials::{Credentials, Reads};
pub use doc::{Content, Doc, Location, Parameter, Response};
pub use error::ErrorKind;
pub use field_code::FieldCode;
pub use follower::{
    FollowedBackfill, FollowedDrift, FollowedRange, FollowedSource, FollowerHealth, FollowerReport,
};
pub use frontend::Frontend;
pub use host::AllowedHosts;
pub use limits::Limits;
pub use log_level::{LogLevel, LogLevelState, LogLevels};
pub use metrics::{Build, IngestMetrics, Metric, Metrics, ProcessUsage};
pub use metrics_server::MetricsServer;
pub use server::{Options, Server, Stop};
pub use state::{Api, HealthDetails, Ids, Indexer, Lifecycle, Parts, Service, Writes};
pub use table::{LimitClass, Method, ROUTES, Route};
pub use token::{InvalidToken, Token};
pub use tokens::{InvalidTokens, Tokens};
pub use webhooks::Webhooks;

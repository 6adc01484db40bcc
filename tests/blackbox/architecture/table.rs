//! The table of the design: who may use what.

/// A crate of the house, whether it is built already or not.
pub(super) struct House {
    pub(super) name: &'static str,
    pub(super) folder: &'static str,
    /// The crates of the house it may use.
    pub(super) may_use: &'static [&'static str],
    /// Outside crates that it must not reach, however indirectly.
    pub(super) never: &'static [&'static str],
}

/// An outside crate that only some may depend on.
pub(super) struct Guest {
    pub(super) name: &'static str,
    /// Who may use it.
    pub(super) users: &'static [&'static str],
    /// Who may use it in tests, benches and examples besides.
    pub(super) testers: Testers,
}

pub(super) enum Testers {
    All,
    These(&'static [&'static str]),
}

pub(super) const ALL: &[&str] = &[
    "fluxora-auth",
    "fluxora-decimal",
    "fluxora-webhook",
    "fluxora-supervise",
    "fluxora-limit",
    "fluxora-limit-redis",
    "fluxora-trace",
    "fluxora-egress",
    "fluxora-seal",
    "fluxora-metrics",
    "fluxora-audit",
    "fluxora-stream",
    "fluxora-treasury",
    "fluxora-indexer",
    "fluxora-simulation",
    "fluxora-store",
    "fluxora-store-sqlite",
    "fluxora-store-postgres",
    "fluxora-delivery",
    "fluxora-stellar",
    "fluxora-ingest",
    "fluxora-feed",
    "fluxora-follower",
    "fluxora-dispatch",
    "fluxora-api",
];

const STORE_AND_BELOW: &[&str] = &[
    "fluxora-auth",
    "fluxora-audit",
    "fluxora-decimal",
    "fluxora-metrics",
    "fluxora-stream",
    "fluxora-treasury",
    "fluxora-delivery",
    "fluxora-indexer",
    "fluxora-store",
];
/// What the HTTP edge uses of the house.
const EDGE: &[&str] = &[
    "fluxora-auth",
    "fluxora-audit",
    "fluxora-decimal",
    "fluxora-limit",
    "fluxora-trace",
    "fluxora-metrics",
    "fluxora-supervise",
    "fluxora-stream",
    "fluxora-treasury",
    "fluxora-delivery",
    "fluxora-indexer",
    "fluxora-store",
    "fluxora-ingest",
    "fluxora-feed",
    "fluxora-webhook",
    "fluxora-egress",
    "fluxora-seal",
    "fluxora-dispatch",
];

/// No I/O, no async.
const PURE: &[&str] = &[
    "actix-http",
    "actix-web",
    "async-trait",
    "futures-executor",
    "hyper",
    "libsqlite3-sys",
    "mio",
    "refinery",
    "reqwest",
    "rusqlite",
    "socket2",
    "tokio",
    "tokio-postgres",
];
const SQL: &[&str] = &["libsqlite3-sys", "postgres-protocol", "refinery", "rusqlite", "tokio-postgres"];
const HTTP: &[&str] = &["actix-http", "actix-web", "axum", "hyper", "reqwest"];
const ACTIX_AND_SQL: &[&str] = &[
    "actix-http",
    "actix-web",
    "libsqlite3-sys",
    "postgres-protocol",
    "refinery",
    "rusqlite",
    "tokio-postgres",
];
const DRIVERS_AND_HTTP: &[&str] = &[
    "actix-http",
    "actix-web",
    "axum",
    "hyper",
    "libsqlite3-sys",
    "postgres-protocol",
    "refinery",
    "reqwest",
    "rusqlite",
    "tokio-postgres",
];

const fn house(
    name: &'static str,
    folder: &'static str,
    may_use: &'static [&'static str],
    never: &'static [&'static str],
) -> House {
    House { name, folder, may_use, never }
}

pub(super) const HOUSES: [House; 28] = [
    house("fluxora-auth", "crates/auth", &[], PURE),
    house("fluxora-decimal", "crates/decimal", &[], PURE),
    house("fluxora-webhook", "crates/webhook", &[], PURE),
    house("fluxora-supervise", "crates/supervise", &[], DRIVERS_AND_HTTP),
    house("fluxora-limit", "crates/limit", &[], PURE),
    house(
        "fluxora-limit-redis",
        "crates/limit-redis",
        &["fluxora-limit", "fluxora-supervise"],
        DRIVERS_AND_HTTP,
    ),
    house("fluxora-trace", "crates/trace", &[], PURE),
    house("fluxora-egress", "crates/egress", &[], ACTIX_AND_SQL),
    house("fluxora-seal", "crates/seal", &["fluxora-webhook"], PURE),
    house("fluxora-metrics", "crates/metrics", &[], PURE),
    house("fluxora-audit", "crates/audit", &[], PURE),
    house("fluxora-stream", "crates/stream", &["fluxora-decimal"], PURE),
    house("fluxora-indexer", "crates/indexer", &["fluxora-decimal", "fluxora-stream"], PURE),
    house(
        "fluxora-simulation",
        "crates/simulation",
        &["fluxora-decimal", "fluxora-stream", "fluxora-indexer"],
        PURE,
    ),
    // The projection of contract events is used in tests.
    house(
        "fluxora-treasury",
        "crates/treasury",
        &["fluxora-decimal", "fluxora-stream", "fluxora-indexer"],
        PURE,
    ),
    house("fluxora-delivery", "crates/delivery", &["fluxora-stream"], PURE),
    house(
        "fluxora-store",
        "crates/store",
        &[
            "fluxora-auth",
            "fluxora-audit",
            "fluxora-decimal",
            "fluxora-metrics",
            "fluxora-stream",
            "fluxora-treasury",
            "fluxora-delivery",
            "fluxora-indexer",
        ],
        DRIVERS_AND_HTTP,
    ),
    house("fluxora-store-sqlite", "crates/store-sqlite", STORE_AND_BELOW, HTTP),
    house("fluxora-store-postgres", "crates/store-postgres", STORE_AND_BELOW, HTTP),
    house(
        "fluxora-stellar",
        "crates/stellar",
        &[
            "fluxora-decimal",
            "fluxora-supervise",
            "fluxora-stream",
            "fluxora-indexer",
            "fluxora-store",
            "fluxora-ingest",
        ],
        ACTIX_AND_SQL,
    ),
    house("fluxora-ingest", "crates/ingest", STORE_AND_BELOW, DRIVERS_AND_HTTP),
    house(
        "fluxora-feed",
        "crates/feed",
        &["fluxora-decimal", "fluxora-supervise", "fluxora-stream", "fluxora-indexer", "fluxora-store"],
        DRIVERS_AND_HTTP,
    ),
    house(
        "fluxora-follower",
        "crates/follower",
        &["fluxora-supervise", "fluxora-indexer", "fluxora-store", "fluxora-stellar", "fluxora-ingest"],
        ACTIX_AND_SQL,
    ),
    house(
        "fluxora-dispatch",
        "crates/dispatch",
        &[
            "fluxora-decimal",
            "fluxora-webhook",
            "fluxora-supervise",
            "fluxora-egress",
            "fluxora-metrics",
            "fluxora-trace",
            "fluxora-seal",
            "fluxora-stream",
            "fluxora-delivery",
            "fluxora-indexer",
            "fluxora-store",
        ],
        ACTIX_AND_SQL,
    ),
    house("fluxora-api", "crates/api", EDGE, SQL),
    house("fluxora-server", "bins/fluxora-server", ALL, &[]),
    house("fluxora-bench", "bins/fluxora-bench", ALL, &[]),
    house("fluxora-tests", "tests", ALL, &[]),
];

const fn guest(name: &'static str, users: &'static [&'static str]) -> Guest {
    Guest { name, users, testers: Testers::These(&[]) }
}

const BOTH_STORES: &[&str] = &["fluxora-store-sqlite", "fluxora-store-postgres"];
const POSTGRES: &[&str] = &["fluxora-store-postgres"];
const SERVER: &[&str] = &["fluxora-server"];
const BINARIES: &[&str] = &["fluxora-server", "fluxora-bench"];
const ASYNC: &[&str] = &[
    "fluxora-supervise",
    "fluxora-limit-redis",
    "fluxora-egress",
    "fluxora-store-sqlite",
    "fluxora-store-postgres",
    "fluxora-stellar",
    "fluxora-feed",
    "fluxora-follower",
    "fluxora-dispatch",
    "fluxora-api",
    "fluxora-server",
    "fluxora-bench",
];

pub(super) const GUESTS: [Guest; 21] = [
    Guest {
        testers: Testers::These(&["fluxora-webhook"]),
        ..guest("actix-web", &["fluxora-api", "fluxora-bench"])
    },
    Guest { testers: Testers::All, ..guest("anyhow", &["fluxora-server", "fluxora-bench", "fluxora-tests"]) },
    guest("bigdecimal", &["fluxora-decimal"]),
    guest("clap", BINARIES),
    guest("deadpool", POSTGRES),
    guest("deadpool-postgres", POSTGRES),
    guest("hickory-resolver", &["fluxora-delivery"]),
    guest("jsonwebtoken", &["fluxora-auth"]),
    guest("redis", &["fluxora-limit-redis"]),
    guest("refinery", BOTH_STORES),
    guest("reqwest", &["fluxora-delivery", "fluxora-stellar"]),
    guest("ring", &["fluxora-audit", "fluxora-auth", "fluxora-webhook", "fluxora-seal", "fluxora-stellar"]),
    Guest {
        testers: Testers::These(&["fluxora-tests"]),
        ..guest("rusqlite", &["fluxora-store-sqlite", "fluxora-bench"])
    },
    guest("stellar-strkey", &["fluxora-stream", "fluxora-stellar"]),
    guest("stellar-xdr", &["fluxora-stellar"]),
    Guest { testers: Testers::All, ..guest("tokio", ASYNC) },
    Guest {
        testers: Testers::These(&["fluxora-tests", "fluxora-webhook"]),
        ..guest("tokio-postgres", POSTGRES)
    },
    guest("subtle", &["fluxora-webhook", "fluxora-api"]),
    guest("tracing-actix-web", &["fluxora-api"]),
    Guest { testers: Testers::All, ..guest("tracing-subscriber", SERVER) },
    guest("utoipa", &["fluxora-api"]),
];

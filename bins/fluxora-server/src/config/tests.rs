use super::*;
use crate::cli::Cli;
use clap::Parser;
use fluxora_store_sqlite::Location;

fn check(options: &[&str]) -> Result<Config, ConfigFaults> {
    Config::check(&Cli::parse_from(["fluxora-server"].iter().chain(options)).settings)
}

#[test]
fn the_defaults_are_those_of_the_design() {
    let config = check(&[]).unwrap();
    assert_eq!((config.host.to_string().as_str(), config.port), ("127.0.0.1", 3000));
    assert_eq!(config.database, Database::Sqlite(Location::File("data/fluxora.db".into())));
    assert_eq!(config.network_passphrase, "Test SDF Network ; September 2015");
    assert_eq!(config.stream_clock_interval, Duration::from_secs(5));
}

#[test]
fn writes_are_open_on_loopback_and_elsewhere_only_on_purpose() {
    for (options, expect) in [
        (&["--host", "127.0.0.1"][..], Writes::Open),
        (&["--host", "::1"], Writes::Open),
        (&["--host", "localhost"], Writes::Open),
        (&["--host", "0.0.0.0"], Writes::Refused),
        (&["--host", "::"], Writes::Refused),
        (&["--host", "0.0.0.0", "--open-writes", "true"], Writes::Open),
    ] {
        assert_eq!(check(options).unwrap().writes, expect, "{options:?}");
    }
}

#[test]
fn contract_events_are_taken_where_there_is_a_token_and_nobody_says_otherwise() {
    let token = format!("--indexer-worker-token={}", "t".repeat(32));
    for (options, expect) in [
        (&[][..], false),
        (&[token.as_str()], true),
        (&["--indexer-enabled=true", token.as_str()], true),
        (&["--indexer-enabled=false", token.as_str()], false),
    ] {
        assert_eq!(check(options).unwrap().indexer.is_some(), expect, "{options:?}");
    }
    let operator = format!("--operator-token={}", "t".repeat(32));
    for (options, expect) in [
        (&["--indexer-enabled=true"][..], "INDEXER_WORKER_TOKEN must be given"),
        (&[token.as_str(), &operator], "OPERATOR_TOKEN must not be the INDEXER_WORKER_TOKEN"),
        (
            &["--indexer-safety-margin=6", "--indexer-max-reorg-depth=5"],
            "INDEXER_SAFETY_MARGIN must not be above INDEXER_MAX_REORG_DEPTH",
        ),
    ] {
        let fault = check(options).unwrap_err().to_string();
        assert!(fault.contains(expect), "{fault}");
    }
}

#[test]
fn every_wrong_setting_is_named_at_once_and_no_value_repeated() {
    let wrong = ["host", "port", "database-url", "open-writes", "log-level", "log-format"]
        .into_iter()
        .chain(["db-pool-size", "db-pool-wait-ms", "db-statement-timeout-ms"])
        .chain([
            "stream-clock-interval-ms",
            "worker-max-restarts",
            "shutdown-timeout-seconds",
            "indexer-enabled",
        ])
        .chain(["indexer-worker-token", "indexer-stall-threshold-ms", "indexer-safety-margin"])
        .chain(["indexer-max-reorg-depth", "operator-token"])
        .map(|name| format!("--{name}=hunter2"))
        .chain(["--network-passphrase=".to_owned()])
        .collect::<Vec<_>>();
    let faults = check(&wrong.iter().map(String::as_str).collect::<Vec<_>>()).unwrap_err();
    assert_eq!(faults.0.len(), 19, "{faults}");
    assert!(!faults.to_string().contains("hunter2"), "{faults}");
}

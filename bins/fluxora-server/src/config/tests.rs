use std::time::Duration;

use clap::Parser;
use fluxora_store_sqlite::Location;

use super::*;
use crate::cli::Cli;

fn check(options: &[&str]) -> Result<Config, ConfigFaults> {
    Config::check(&Cli::parse_from(["fluxora-server"].iter().chain(options)).settings)
}

#[test]
fn the_defaults_serve_on_loopback_with_sqlite() {
    let config = check(&[]).unwrap();
    assert_eq!(config.http.address.to_string(), "127.0.0.1:3000");
    assert_eq!(config.database, Database::Sqlite(Location::File("data/fluxora.db".into())));
    assert_eq!(config.chain.network_passphrase, "Test SDF Network ; September 2015");
    assert_eq!(config.workers.stream_clock_interval, Duration::from_secs(5));
}

#[test]
fn writes_are_open_as_open_writes_says_and_without_it_on_loopback_only() {
    for (options, expect) in [
        (&["--host", "127.0.0.1"][..], Writes::OpenWithoutKeys),
        (&["--host", "::1"], Writes::OpenWithoutKeys),
        (&["--host", "localhost"], Writes::OpenWithoutKeys),
        (&[JWT], Writes::Refused),
        (&["--host", "0.0.0.0"], Writes::Refused),
        (&["--host", "::"], Writes::Refused),
        (&["--host", "0.0.0.0", "--open-writes", "true"], Writes::Open),
        (&["--host", "0.0.0.0", "--open-writes", "false"], Writes::Refused),
        (&["--host", "127.0.0.1", "--open-writes", "false"], Writes::Refused),
        (&["--host", "::1", "--open-writes", "false"], Writes::Refused),
    ] {
        assert_eq!(check(options).unwrap().http.writes, expect, "{options:?}");
    }
}

#[test]
fn contract_events_are_accepted_with_a_token_unless_the_indexer_is_disabled() {
    let token = format!("--indexer-worker-token={}", "t".repeat(32));
    for (options, expect) in [
        (&[][..], false),
        (&[token.as_str()], true),
        (&["--indexer-enabled=true", token.as_str()], true),
        (&["--indexer-enabled=false", token.as_str()], false),
    ] {
        assert_eq!(check(options).unwrap().chain.indexer.worker_token.is_some(), expect, "{options:?}");
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
        let faults = check(options).unwrap_err().to_string();
        assert!(faults.contains(expect), "{faults}");
        assert_eq!(faults.lines().count(), 2, "{faults}");
    }
}

const JWT: &str = "--jwt-secret=0123456789abcdef0123456789abcdef";

#[test]
fn one_setting_says_how_tokens_are_verified() {
    let pem = concat!("--jwt-public-key=", include_str!("../../../../crates/auth/fixtures/ed25519.pem"));
    for (options, expect) in [
        (&["--jwt-secret=short"][..], "JWT_SECRET must be at least 32 bytes"),
        (&[JWT, pem], "JWT_SECRET and JWT_PUBLIC_KEY are both given"),
        (&["--jwt-public-key=hunter2"], "JWT_PUBLIC_KEY must be a PEM file"),
        (&["--jwt-jwks-file=/nowhere"], "JWT_JWKS_FILE cannot be read"),
        (&[JWT, "--open-writes=true"], "OPEN_WRITES must not be true"),
        (&["--reads=nobody"], "READS must be public or authenticated"),
    ] {
        let faults = check(options).unwrap_err().to_string();
        assert!(faults.contains(expect), "{options:?}: {faults}");
        assert_eq!(faults.lines().count(), 2, "{faults}");
    }
    assert!(check(&[pem]).unwrap().access.jwt.is_some());
    assert!(check(&[]).unwrap().access.jwt.is_none());
    let config = check(&[JWT, "--indexer-enabled=true"]).unwrap();
    assert!(config.chain.indexer.pushes && config.chain.indexer.worker_token.is_none());
    assert!(!format!("{config:?}").contains("0123456789"));
}

#[test]
fn what_is_switched_off_follows_from_the_settings() {
    let (worker, operator) = ("w".repeat(32), "o".repeat(32));
    let all_on = ["--indexer-worker-token", &worker, "--operator-token", &operator];
    for (options, off) in [
        (
            &[][..],
            &[
                "contract events (INDEXER_WORKER_TOKEN or FOLLOW_CONTRACTS)",
                "operator actions (OPERATOR_TOKEN)",
            ][..],
        ),
        (&all_on, &[]),
        (
            &[&all_on[..], &["--host=0.0.0.0"]].concat(),
            &["writes (OPEN_WRITES)", "webhooks (FLUXORA_MASTER_KEY)"],
        ),
        (&[&all_on[..], &["--webhook-sending=false"]].concat(), &["sending webhooks (WEBHOOK_SENDING)"]),
    ] {
        assert_eq!(check(options).unwrap().switched_off(), off, "{options:?}");
    }
}

const KEY: &str = "--fluxora-master-key=000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
const SECRET: &str = "--fluxora-webhook-secret=hunter2";

#[test]
fn webhooks_beyond_loopback_need_a_master_key() {
    for (options, expect) in [
        (&[][..], WebhookState::On),
        (&["--host=0.0.0.0"], WebhookState::WithoutKey),
        (&["--host=0.0.0.0", KEY], WebhookState::On),
        (&["--webhook-sending=false"], WebhookState::NotSending),
    ] {
        assert_eq!(check(options).unwrap().webhooks.state, expect, "{options:?}");
    }
}

#[test]
fn the_endpoint_of_the_environment_needs_an_allowed_url_and_a_secret() {
    let config = check(&["--fluxora-webhook-url=https://example.com/hook", SECRET]).unwrap();
    assert_eq!(config.webhooks.endpoint.unwrap().url, "https://example.com/hook");
    assert!(check(&[SECRET]).unwrap().webhooks.endpoint.is_none());
    for (options, expect) in [
        (&["--fluxora-webhook-url=https://example.com/"][..], "FLUXORA_WEBHOOK_SECRET must be given"),
        (&["--fluxora-webhook-url=http://example.com/", SECRET], "FLUXORA_WEBHOOK_URL cannot be used"),
        (&["--fluxora-webhook-url=https://127.0.0.1/", SECRET], "FLUXORA_WEBHOOK_URL cannot be used"),
        (
            &["--fluxora-webhook-url=https://example.com/", SECRET, "--host=0.0.0.0"],
            "FLUXORA_MASTER_KEY must be given",
        ),
    ] {
        let faults = check(options).unwrap_err().to_string();
        assert!(faults.contains(expect), "{options:?}: {faults}");
        assert_eq!(faults.lines().count(), 2, "{faults}");
    }
    let allowed = ["--webhook-allow-http=true", "--webhook-allowed-networks=127.0.0.1:8080"];
    check(&[&allowed[..], &["--fluxora-webhook-url=http://127.0.0.1:8080/", SECRET]].concat()).unwrap();
}

#[test]
fn the_retry_schedule_is_a_list_of_seconds() {
    let schedule = |options: &[&str]| check(options).map(|config| config.webhooks.retries.schedule);
    assert_eq!(schedule(&[]).unwrap().len(), 11);
    let given = schedule(&["--webhook-retry-seconds=1, 60,86400"]).unwrap();
    assert_eq!(given.iter().map(jiff::SignedDuration::as_secs).collect::<Vec<_>>(), [1, 60, 86_400]);
    for wrong in ["0", "86401", "1,,2", "1;2", "-1", "1.5"] {
        assert!(schedule(&[&format!("--webhook-retry-seconds={wrong}")]).is_err(), "{wrong}");
    }
}

/// Every option of the settings with a wrong value.
fn wrong() -> Vec<String> {
    let mut program = <Cli as clap::CommandFactory>::command();
    program.build();
    let options = program.get_arguments().filter_map(clap::Arg::get_long);
    let long = "hunter2".repeat(40);
    let settings = options.filter(|name| !["help", "version"].contains(name) && !name.ends_with("-file"));
    settings
        .map(|name| {
            let value = match name {
                "network-passphrase" => "",
                "frontend-asset" => " ",
                "fluxora-webhook-secret" => "hunter2\u{7}2",
                "otel-service-name" => "hunter2\u{7}2",
                "allowed-hosts" => "https://hunter2",
                "jwt-audience" | "jwt-issuer" => long.as_str(),
                _ => "hunter2",
            };
            format!("--{name}={value}")
        })
        .collect()
}

#[test]
fn all_faults_are_reported_at_once_without_values() {
    let wrong = wrong();
    let faults = check(&wrong.iter().map(String::as_str).collect::<Vec<_>>()).unwrap_err().to_string();
    for option in &wrong {
        let name = option.trim_start_matches('-').split('=').next().unwrap();
        let line = format!("\n  {} ", name.to_uppercase().replace('-', "_"));
        assert!(faults.contains(&line), "{name}: {faults}");
    }
    assert_eq!(faults.lines().count(), wrong.len() + 1, "{faults}");
    assert!(!faults.contains("hunter2"), "{faults}");
}

#[test]
fn the_range_in_help_is_the_range_that_is_checked() {
    let mut program = <Cli as clap::CommandFactory>::command();
    program.build();
    let mut ranges = 0;
    for arg in program.get_arguments() {
        let Some(name) = arg.get_long().filter(|name| !["help", "version"].contains(name)) else { continue };
        let Err(faults) = check(&[&format!("--{name}=-1")]) else { continue };
        let faults = faults.to_string();
        let Some((_, range)) = faults.split_once(" must be a number from ") else { continue };
        let help = arg.get_help().map(ToString::to_string).unwrap();
        assert!(help.contains(&format!(": {}", range.trim_end())), "{name}: {range}: {help}");
        ranges += 1;
    }
    assert_eq!(ranges, 29);
}

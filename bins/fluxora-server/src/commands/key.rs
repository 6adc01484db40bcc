//! `fluxora-server key create|list|revoke|rotate`: manages API keys in the database, also while servers run on it.
//!
//! Exit codes: 0 done; 1 failed; 2 wrong usage; 65 there is no such key, or it has ended.

use anyhow::Context as _;
use clap::{Args, Subcommand};
use fluxora_api::Ids as _;
use fluxora_audit::{Action, Actor, Entry, Outcome as AuditOutcome};
use fluxora_auth::{ApiKey, Grant, KeyId, KeyName, KeySecret, Name, Role};
use fluxora_store::{Clock as _, KeyQuery, KeyRotated, Store};
use jiff::{SignedDuration, Timestamp};

use super::{block_on, complain, print};
use crate::database::Database;
use crate::exit;
use crate::system::{RandomIds, SystemClock};

const PAGE: u32 = 100;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Create a key and print it. It cannot be printed again.
    Create(Create),
    /// List keys, newest first: id, state, role, owner, beginning, creation, last use and name, separated by tabs.
    List {
        /// Only keys of this partner.
        #[arg(long)]
        owner: Option<Name>,
    },
    /// Revoke a key. Servers refuse it within a second.
    Revoke {
        /// The id of the key.
        #[arg(value_parser = key_id)]
        id: KeyId,
    },
    /// Replace a key: print a new one with the same name, role, owner and expiry, and let the old one expire.
    Rotate {
        /// The id of the key.
        #[arg(value_parser = key_id)]
        id: KeyId,
        /// How long the old key is still accepted: a number and s, m, h or d, up to 366d.
        #[arg(long, default_value = "1d", value_parser = super::seconds)]
        overlap: u32,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Create {
    /// Name, for people: 1 to 100 characters.
    #[arg(long)]
    name: KeyName,
    /// Role: reader, partner, worker or operator.
    #[arg(long)]
    role: Role,
    /// Partner whose data the key opens: 1 to 128 visible ASCII characters. Required for the role partner.
    #[arg(long, required_if_eq("role", "partner"))]
    owner: Option<Name>,
    /// How long the key is valid: a number and s, m, h or d, up to 366d. Without it the key does not expire.
    #[arg(long, value_parser = super::seconds)]
    ttl: Option<u32>,
}

/// The result of a command.
enum Outcome {
    Done,
    Refused(&'static str),
}

pub(crate) fn run(command: &Command, database: &Database) -> u8 {
    let work = async {
        let store = database.open().await?;
        let outcome = work(command, store.as_ref()).await;
        store.close().await;
        outcome
    };
    match block_on(work) {
        Ok(Outcome::Done) => exit::OK,
        Ok(Outcome::Refused(reason)) => {
            complain(format_args!("fluxora-server key: {reason}"));
            exit::DATA
        }
        Err(error) => {
            complain(format_args!("fluxora-server key: {error:#}"));
            exit::FAILURE
        }
    }
}

async fn work(command: &Command, store: &dyn Store) -> anyhow::Result<Outcome> {
    let now = SystemClock.now();
    match command {
        Command::Create(create) => {
            let secret = secret()?;
            let key = create.key(&secret, now).context("--owner is for the role partner only")?;
            let stored = audited(store, now, Action::KeyCreate, &key.id)
                .create_key(key, secret.hash())
                .await
                .context("nothing was created")?;
            complain(format_args!("created key {}", stored.key.id));
            print(secret.expose().as_str());
        }
        Command::List { owner } => list(store, owner.as_ref(), now).await?,
        Command::Revoke { id } => match audited(store, now, Action::KeyRevoke, id)
            .revoke_key(*id, now)
            .await
            .context("nothing was revoked")?
        {
            Some(stored) => print(format_args!("revoked key {}", stored.key.id)),
            None => return Ok(Outcome::Refused("there is no such key")),
        },
        Command::Rotate { id, overlap } => return rotate(store, *id, *overlap, now).await,
    }
    Ok(Outcome::Done)
}

impl Create {
    /// `None` if an owner is given for another role than partner.
    fn key(&self, secret: &KeySecret, now: Timestamp) -> Option<ApiKey> {
        let grant = match (self.role, &self.owner) {
            (Role::Partner, Some(owner)) => Grant::Partner { owner: owner.clone() },
            (Role::Reader, None) => Grant::Reader,
            (Role::Worker, None) => Grant::Worker,
            (Role::Operator, None) => Grant::Operator,
            _ => return None,
        };
        Some(ApiKey {
            id: KeyId::new(RandomIds.next()),
            name: self.name.clone(),
            grant,
            prefix: secret.prefix(),
            created_at: now,
            expires_at: self.ttl.map(|ttl| after(now, ttl)),
            revoked_at: None,
            last_used_at: None,
            rotated_from: None,
        })
    }
}

async fn list(store: &dyn Store, owner: Option<&Name>, now: Timestamp) -> anyhow::Result<()> {
    let mut query = KeyQuery { owner: owner.cloned(), before: None, limit: PAGE };
    loop {
        let page = store.list_keys(&query).await.context("reading keys")?;
        for stored in page.keys {
            let key = &stored.key;
            let owner = key.grant.owner().map_or("-", Name::as_str);
            let used = key.last_used_at.map_or_else(|| "-".to_owned(), |at| at.to_string());
            print(format_args!(
                "{}\t{}\t{}\t{owner}\t{}\t{}\t{used}\t{}",
                key.id,
                key.state(now).as_str(),
                key.grant.role(),
                key.prefix,
                key.created_at,
                key.name,
            ));
        }
        match page.next {
            Some(next) => query.before = Some(next),
            None => return Ok(()),
        }
    }
}

async fn rotate(store: &dyn Store, id: KeyId, overlap: u32, now: Timestamp) -> anyhow::Result<Outcome> {
    let Some(old) = store.key(id).await.context("reading the key")? else {
        return Ok(Outcome::Refused("there is no such key"));
    };
    let secret = secret()?;
    let new = ApiKey {
        id: KeyId::new(RandomIds.next()),
        prefix: secret.prefix(),
        created_at: now,
        last_used_at: None,
        rotated_from: Some(id),
        ..old.key
    };
    let audited = audited(store, now, Action::KeyRotate, &id);
    match audited.rotate_key(new, secret.hash(), after(now, overlap)).await.context("nothing was rotated")? {
        KeyRotated::Done(stored) => {
            complain(format_args!("created key {}; key {id} expires after the overlap", stored.key.id));
            print(secret.expose().as_str());
            Ok(Outcome::Done)
        }
        KeyRotated::Ended => Ok(Outcome::Refused("the key has expired or was revoked: create another one")),
        KeyRotated::NotFound => Ok(Outcome::Refused("there is no such key")),
    }
}

/// The store for one write, which leaves its row in the audit log.
fn audited(store: &dyn Store, now: Timestamp, action: Action, key: &KeyId) -> Box<dyn Store> {
    store.audited(Entry::new(now, Actor::command(), action, AuditOutcome::Done).with_target(key))
}

fn secret() -> anyhow::Result<KeySecret> {
    let bytes = RandomIds.secret().context("the operating system gave no random bytes")?;
    Ok(KeySecret::new(bytes))
}

fn after(now: Timestamp, seconds: u32) -> Timestamp {
    now.saturating_add(SignedDuration::from_secs(seconds.into())).unwrap_or(Timestamp::MAX)
}

fn key_id(text: &str) -> Result<KeyId, &'static str> {
    KeyId::parse(&text.to_ascii_lowercase()).ok_or("the id of a key is a UUID")
}

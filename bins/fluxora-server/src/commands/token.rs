//! `fluxora-server token --role ROLE --subject NAME [--ttl TIME]`: prints a JSON Web Token that is signed with `JWT_SECRET`. It opens
//! no database.
//!
//! Exit codes: 0 printed; 1 failed; 2 wrong usage; 78 no usable `JWT_SECRET`.

use clap::Args;
use fluxora_auth::jwt::mint;
use fluxora_auth::{Name, Role};
use fluxora_store::Clock as _;

use super::{complain, print};
use crate::config::TokenConfig;
use crate::exit;
use crate::system::SystemClock;

#[derive(Debug, Args)]
pub(crate) struct Token {
    /// Role: reader, partner, worker or operator.
    #[arg(long)]
    role: Role,
    /// Subject: 1 to 128 visible ASCII characters. For a partner it is the owner of what the partner creates.
    #[arg(long)]
    subject: Name,
    /// How long the token is valid: a number and s, m, h or d, up to 366d.
    #[arg(long, default_value = "1h", value_parser = super::seconds)]
    ttl: u32,
}

pub(crate) fn run(command: &Token, config: &TokenConfig) -> u8 {
    let Token { role, subject, ttl } = command;
    let (audience, issuer) = (config.audience.as_deref(), config.issuer.as_deref());
    match mint(&config.secret.0, subject, *role, SystemClock.now(), *ttl, audience, issuer) {
        Ok(token) => {
            print(token);
            exit::OK
        }
        Err(error) => {
            complain(format_args!("fluxora-server token: {error}"));
            exit::FAILURE
        }
    }
}

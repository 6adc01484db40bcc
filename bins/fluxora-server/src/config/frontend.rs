use clap::Args;
use fluxora_api::Frontend;
use fluxora_stream::ContractId;

use super::setting::{Parser, Setting, number, optional};
use super::{ConfigFaults, Follow};

/// The profile for the official front end (docs/COMPAT.md).
#[derive(Args)]
#[command(next_help_heading = "Official front end")]
pub(crate) struct FrontendSettings {
    /// Most streams of a list for the front end, the newest first: 1 to 50000.
    #[arg(long, env = "FRONTEND_MAX_STREAMS", default_value = "5000", value_parser = number::<u32>(1..=50_000))]
    frontend_max_streams: Setting<u32>,

    /// Contract (C...) whose streams have their number as id: the front end can withdraw from those alone. Without it: the
    /// followed contract, if exactly one is followed.
    #[arg(
        long,
        env = "FRONTEND_CONTRACT",
        default_value = "",
        hide_default_value = true,
        value_parser = optional(contract())
    )]
    frontend_contract: Setting<Option<ContractId>>,

    /// Code of the asset of API streams and of contract version 9, whose events name no token: 1 to 12 letters and digits.
    #[arg(long, env = "FRONTEND_ASSET", default_value = "TOKEN", value_parser = code())]
    frontend_asset: Setting<String>,
}

impl FrontendSettings {
    pub(super) fn check(&self, faults: &mut ConfigFaults) -> Option<Frontend> {
        let max_streams = faults.take(&self.frontend_max_streams);
        let contract = faults.take(&self.frontend_contract);
        let asset = faults.take(&self.frontend_asset);
        Some(Frontend { max_streams: max_streams?, contract: contract?, asset: asset? })
    }
}

/// The profile with the only followed contract, where none is set.
pub(super) fn with_followed(frontend: Frontend, follow: Option<&Follow>) -> Frontend {
    let mut followed = follow.into_iter().flat_map(|follow| follow.watched.contracts());
    let only = followed.next().filter(|_| followed.next().is_none());
    let only = only.and_then(|contract| ContractId::parse(&contract).ok());
    Frontend { contract: frontend.contract.or(only), ..frontend }
}

fn contract() -> Parser<ContractId> {
    Parser::new("the id of a contract (C...)", |text| ContractId::parse(text).ok())
}

fn code() -> Parser<String> {
    Parser::new("1 to 12 letters and digits", |text| {
        let is_code = (1..=12).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
        is_code.then(|| text.to_owned())
    })
}

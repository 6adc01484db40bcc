use clap::Args;
use fluxora_api::Cors;

use super::ConfigFaults;
use super::setting::{Parser, Setting};

/// Pages of other origins.
#[derive(Args)]
#[command(next_help_heading = "Browsers")]
pub(crate) struct CorsSettings {
    /// Origins whose pages may use the API in a browser: each a scheme, a host and a port if it is not the default, separated
    /// by commas. With * in the list pages of every origin may read, and those of the others in the list may also write.
    /// Without it only pages of the server's own origin may do either.
    #[arg(long, env = "CORS_ORIGINS", default_value = "", hide_default_value = true, value_parser = origins())]
    cors_origins: Setting<Cors>,
}

impl CorsSettings {
    pub(super) fn check(&self, faults: &mut ConfigFaults) -> Option<Cors> {
        faults.take(&self.cors_origins)
    }
}

fn origins() -> Parser<Cors> {
    Parser::new("origins such as https://app.example, separated by commas, or *", |text| {
        Cors::parse(text).ok()
    })
}

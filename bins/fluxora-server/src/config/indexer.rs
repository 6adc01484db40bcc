use clap::Args;
use fluxora_api::{Token, Tokens};
use fluxora_indexer::Rules;

use super::ConfigFaults;
use super::setting::{Setting, any, boolean, number, optional, text};

const SIMULATED_NETWORK: &str = "Fluxora demo: a simulated network";

/// The chain and how its contract events are accepted.
#[derive(Args)]
#[command(next_help_heading = "Chain and indexer")]
pub(crate) struct IndexerSettings {
    /// Passphrase of the Stellar network this server belongs to: 1 to 200 characters, or testnet or pubnet.
    #[arg(
        long,
        env = "NETWORK_PASSPHRASE",
        default_value = "Test SDF Network ; September 2015",
        value_parser = text(1..=200)
    )]
    network_passphrase: Setting<String>,

    /// Whether contract events are accepted: true or false. Without it: true if there is an INDEXER_WORKER_TOKEN.
    #[arg(
        long,
        env = "INDEXER_ENABLED",
        default_value = "",
        hide_default_value = true,
        value_parser = optional(boolean())
    )]
    indexer_enabled: Setting<Option<bool>>,

    /// Secret that a pusher of contract events sends in the header x-indexer-worker-token: 32 to 256 visible ASCII
    /// characters.
    #[arg(
        long,
        env = "INDEXER_WORKER_TOKEN",
        hide_env_values = true,
        default_value = "",
        hide_default_value = true,
        value_parser = optional(any())
    )]
    indexer_worker_token: Setting<Option<String>>,

    /// File that holds the INDEXER_WORKER_TOKEN.
    #[arg(
        long,
        env = "INDEXER_WORKER_TOKEN_FILE",
        hide_env_values = true,
        default_value = "",
        hide_default_value = true,
        value_parser = optional(any())
    )]
    indexer_worker_token_file: Setting<Option<String>>,

    /// Age of the last batch at which the indexer counts as stalled, in milliseconds: 1000 to 86400000.
    #[arg(
        long,
        env = "INDEXER_STALL_THRESHOLD_MS",
        default_value = "300000",
        value_parser = number::<u32>(1_000..=86_400_000)
    )]
    indexer_stall_threshold_ms: Setting<u32>,

    /// Distance of the last safe ledger below the tip, in ledgers: 0 to 1000. Streams show the events of safe ledgers
    /// only.
    #[arg(long, env = "INDEXER_SAFETY_MARGIN", default_value = "1", value_parser = number::<u32>(0..=1_000))]
    indexer_safety_margin: Setting<u32>,

    /// Deepest reorg that is applied, in ledgers below the tip: 1 to 1000000. Deeper ledgers are final.
    #[arg(long, env = "INDEXER_MAX_REORG_DEPTH", default_value = "128", value_parser = number::<u32>(1..=1_000_000))]
    indexer_max_reorg_depth: Setting<u32>,

    /// Ledgers by which a pushed ledger may exceed one per second since the tip closed: 1 to 4294967295. Higher ledgers are refused.
    #[arg(long, env = "INDEXER_MAX_TIP_JUMP", default_value = "10000", value_parser = number::<u32>(1..=4_294_967_295))]
    indexer_max_tip_jump: Setting<u32>,

    /// Tokens whose amounts are shown in whole tokens: CONTRACT=CODE:DECIMALS, separated by commas. Amounts of other tokens are integers of the smallest unit.
    #[arg(
        long,
        env = "TOKENS",
        default_value = "",
        hide_default_value = true,
        value_parser = optional(any())
    )]
    tokens: Setting<Option<String>>,
}

#[derive(Debug)]
pub(crate) struct Chain {
    pub(crate) network_passphrase: String,
    pub(crate) indexer: Indexer,
    pub(crate) tokens: Tokens,
}

impl Chain {
    /// The simulated chain: contract events are accepted by the default rules.
    ///
    /// # Errors
    /// `secret` is not a token.
    pub(super) fn simulated(
        self,
        tokens: Tokens,
        secret: impl FnOnce() -> String,
    ) -> Result<Self, ConfigFaults> {
        let given = self.indexer.worker_token;
        let token = given.map_or_else(|| Token::new(&secret()), Ok);
        let worker_token =
            token.map_err(|fault| ConfigFaults::one(format!("INDEXER_WORKER_TOKEN must be {fault}")))?;
        let stall_threshold_ms = fluxora_api::Indexer::DEFAULT_STALL_THRESHOLD_MS;
        let worker_token = Some(worker_token);
        let rules = Rules::default();
        let indexer = Indexer { pushes: true, worker_token, rules, stall_threshold_ms };
        Ok(Self { network_passphrase: SIMULATED_NETWORK.to_owned(), indexer, tokens })
    }
}

#[derive(Debug)]
pub(crate) struct Indexer {
    /// Whether pushed contract events are accepted.
    pub(crate) pushes: bool,
    /// The token of workers; without it they send a JSON Web Token or an API key.
    pub(crate) worker_token: Option<Token>,
    pub(crate) rules: Rules,
    pub(crate) stall_threshold_ms: u32,
}

impl IndexerSettings {
    pub(super) fn check(&self, faults: &mut ConfigFaults) -> Option<Chain> {
        let network_passphrase = faults.take(&self.network_passphrase).map(passphrase);
        let token = self.worker_token(faults);
        let stall_threshold_ms = faults.take(&self.indexer_stall_threshold_ms);
        let rules = self.rules(faults);
        let tokens = self.tokens(faults);
        let (rules, stall_threshold_ms) = (rules?, stall_threshold_ms?);
        let (pushes, worker_token) = token?;
        let indexer = Indexer { pushes, worker_token, rules, stall_threshold_ms };
        Some(Chain { network_passphrase: network_passphrase?, indexer, tokens: tokens? })
    }

    /// Whether contract events are accepted, and the token if there is one.
    fn worker_token(&self, faults: &mut ConfigFaults) -> Option<(bool, Option<Token>)> {
        let enabled = faults.take(&self.indexer_enabled);
        let (token, file) = (&self.indexer_worker_token, &self.indexer_worker_token_file);
        let token = faults.token("INDEXER_WORKER_TOKEN", token, file);
        match (enabled?, token?) {
            (Some(false), _) => Some((false, None)),
            (Some(true), token) => Some((true, token)),
            (None, token) => Some((token.is_some(), token)),
        }
    }

    fn tokens(&self, faults: &mut ConfigFaults) -> Option<Tokens> {
        let text = faults.take(&self.tokens)?;
        let tokens = Tokens::parse(text.as_deref().unwrap_or_default());
        tokens.map_err(|error| faults.add(format!("TOKENS {error}"))).ok()
    }

    fn rules(&self, faults: &mut ConfigFaults) -> Option<Rules> {
        let safety_margin = faults.take(&self.indexer_safety_margin);
        let max_reorg_depth = faults.take(&self.indexer_max_reorg_depth);
        let max_tip_jump = faults.take(&self.indexer_max_tip_jump);
        let rules = Rules {
            safety_margin: safety_margin?,
            max_reorg_depth: max_reorg_depth?,
            max_tip_jump: max_tip_jump?,
        };
        if rules.safety_margin > rules.max_reorg_depth {
            // A ledger could become final before its events are projected.
            faults.add("INDEXER_SAFETY_MARGIN must not be above INDEXER_MAX_REORG_DEPTH");
        }
        Some(rules)
    }
}

/// The passphrase that a short name stands for.
fn passphrase(text: String) -> String {
    match text.as_str() {
        "testnet" => "Test SDF Network ; September 2015".to_owned(),
        "pubnet" => "Public Global Stellar Network ; September 2015".to_owned(),
        _ => text,
    }
}

//! Stellar RPC: whole ledgers (`getLedgers`), which are verified, and events alone (`getEvents`), which cannot be.

mod events;
mod page_size;
mod wire;

use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use http::Uri;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use stellar_xdr::LedgerCloseMeta;

pub use events::{EventsFrom, UnprovenEvent, UnprovenPage};

use crate::http::{HttpClient, parse_url, shown};
use crate::source::{blocking, in_order};
use crate::{LedgerRange, LedgerSource, Page, SourceError, Undecodable, decode_ledger};
use page_size::PageSize;
use wire::{Call, Health, Ledgers, LedgersParams, Network, Pagination, Reply};

/// A server of Stellar RPC.
#[derive(Debug)]
pub struct RpcSource {
    url: Uri,
    name: String,
    client: HttpClient,
    size: Mutex<PageSize>,
}

impl RpcSource {
    /// The server at this URL.
    ///
    /// # Errors
    /// [`SourceError::Setting`] if the URL is not one of HTTP.
    pub fn new(url: &str, client: HttpClient) -> Result<Self, SourceError> {
        let url = parse_url(url)?;
        let name = shown(&url);
        Ok(Self { url, name, client, size: Mutex::default() })
    }

    /// The ledgers that the server keeps, by `getHealth`.
    ///
    /// # Errors
    /// [`SourceError::Unavailable`] if the server says that it is not healthy.
    pub async fn health(&self) -> Result<LedgerRange, SourceError> {
        let Health { oldest_ledger, latest_ledger } = self.call("getHealth", None::<()>).await?;
        Ok(LedgerRange { oldest: oldest_ledger, latest: latest_ledger })
    }

    async fn call<T: DeserializeOwned>(
        &self,
        method: &'static str,
        params: Option<impl Serialize>,
    ) -> Result<T, SourceError> {
        read(method, &self.post(method, params).await?)
    }

    /// The body of the answer to a call. A status that is no success is an error unless the body says which.
    async fn post(
        &self,
        method: &'static str,
        params: Option<impl Serialize>,
    ) -> Result<Vec<u8>, SourceError> {
        let call = Call { jsonrpc: "2.0", id: 1, method, params };
        let json = serde_json::to_vec(&call).map_err(|_| SourceError::Malformed { expected: method })?;
        let answer = self.client.post(&self.url, json).await?;
        match answer.error() {
            None => Ok(answer.body),
            Some(error) => match read::<serde::de::IgnoredAny>(method, &answer.body) {
                Err(SourceError::Malformed { .. }) | Ok(_) => Err(error),
                Err(said) => Err(said),
            },
        }
    }

    async fn page(&self, from: u32, limit: usize) -> Result<Page<LedgerCloseMeta>, SourceError> {
        let pagination = Pagination { cursor: None, limit };
        let body = self.post("getLedgers", Some(LedgersParams { start_ledger: from, pagination })).await;
        let decoded = match body {
            Ok(body) => {
                let bytes = body.len();
                blocking(move || decode(from, limit, &body)).await.map(|page| (page, bytes))
            }
            Err(error) => Err(error),
        };
        match decoded {
            Ok((page, bytes)) => {
                self.size().answered(page.ledgers.len(), bytes);
                Ok(page)
            }
            // Both codes are given for a ledger outside of the server's range, by version and by kind of request.
            Err(SourceError::Rpc { code: -32600 | -32602, .. }) => self.outside(from).await,
            Err(error) => Err(error),
        }
    }

    /// Decides what the refusal of a ledger means, from the range that the server reports.
    async fn outside(&self, ledger: u32) -> Result<Page<LedgerCloseMeta>, SourceError> {
        let LedgerRange { oldest, latest } = self.health().await?;
        if ledger > latest {
            return Ok(Page { ledgers: Vec::new(), latest: Some(latest) });
        }
        if ledger < oldest {
            return Err(SourceError::Pruned { ledger, oldest });
        }
        // The server reached the ledger between the two calls, or contradicts itself.
        Err(SourceError::Contradictory { ledger, oldest, latest })
    }

    fn size(&self) -> MutexGuard<'_, PageSize> {
        self.size.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl LedgerSource for RpcSource {
    fn name(&self) -> &str {
        &self.name
    }

    async fn network(&self) -> Result<Option<String>, SourceError> {
        let network: Network = self.call("getNetwork", None::<()>).await?;
        Ok(Some(network.passphrase))
    }

    async fn range(&self) -> Result<Option<LedgerRange>, SourceError> {
        self.health().await.map(Some)
    }

    async fn ledgers(&self, from: u32, limit: usize) -> Result<Page<LedgerCloseMeta>, SourceError> {
        let limit = self.size().limit().min(limit).max(1);
        let page = self.page(from, limit).await;
        if matches!(&page, Err(error) if error.advice() == crate::Advice::Shrink) {
            self.size().shrink();
        }
        page
    }
}

fn read<'a, T: Deserialize<'a>>(expected: &'static str, body: &'a [u8]) -> Result<T, SourceError> {
    let reply = serde_json::from_slice::<Reply<T>>(body).map_err(|_| SourceError::Malformed { expected })?;
    reply.result(expected)
}

fn decode(from: u32, limit: usize, body: &[u8]) -> Result<Page<LedgerCloseMeta>, SourceError> {
    let Ledgers { ledgers, latest_ledger } = read("getLedgers", body)?;
    let decoded = ledgers.iter().take(limit).map(|item| {
        let xdr = BASE64_STANDARD.decode(item.metadata_xdr.as_bytes());
        let xdr = xdr.map_err(|_| SourceError::Malformed { expected: "getLedgers" })?;
        let undecodable = |error: Undecodable| {
            let ledger = error.ledger.or(Some(item.sequence));
            SourceError::Refused(Undecodable { ledger, ..error }.into())
        };
        decode_ledger(&xdr).map_err(undecodable)
    });
    Ok(Page { ledgers: in_order(from, decoded)?, latest: Some(latest_ledger) })
}

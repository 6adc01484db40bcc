//! A data lake (SEP-54): files of ledgers behind HTTPS or in a folder. Public buckets of S3 are read through their HTTPS address.

mod layout;

use std::io::{ErrorKind, Read};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use http::Uri;
use ruzstd::decoding::StreamingDecoder;
use serde::Deserialize;
use stellar_xdr::{LedgerCloseMeta, LedgerCloseMetaBatch};
use tokio::sync::OnceCell;

pub use layout::LakeLayout;

use crate::decode::decode;
use crate::http::{HttpClient, parse_url, shown};
use crate::source::{blocking, in_order, sequence};
use crate::{LedgerRange, LedgerSource, Page, SourceError, Undecodable, decode_ledger};

/// The most bytes of a file, decompressed.
const BATCH_BYTES_MAX: usize = 256 * 1024 * 1024;
const CONFIG: &str = ".config.json";
const EXPECTED: &str = "data lake";

/// A data lake. It does not say which ledgers it has: a missing file is a ledger that it does not have yet.
#[derive(Debug)]
pub struct LakeSource {
    files: Files,
    name: String,
    /// Read with the first request.
    config: OnceCell<Config>,
    /// Whether the files have the older ending, `.zstd`.
    older_ending: AtomicBool,
}

#[derive(Debug)]
enum Files {
    Folder(PathBuf),
    Http { base: String, client: HttpClient },
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Config {
    #[serde(flatten)]
    layout: LakeLayout,
    network_passphrase: Option<String>,
}

impl LakeSource {
    /// The lake at a URL, or in the folder of a path. Its `.config.json` is read with the first request; a lake without one has
    /// the layout of the public lakes.
    ///
    /// # Errors
    /// [`SourceError`] if the URL cannot be used.
    pub fn new(location: &str, client: HttpClient) -> Result<Self, SourceError> {
        let (files, name) = if location.contains("://") {
            let url = parse_url(location)?;
            if url.query().is_some() {
                return Err(SourceError::Setting { what: "the URL of a data lake must have no query" });
            }
            (Files::Http { base: location.trim_end_matches('/').to_owned(), client }, shown(&url))
        } else {
            (Files::Folder(PathBuf::from(location)), "data lake folder".to_owned())
        };
        Ok(Self { files, name, config: OnceCell::new(), older_ending: AtomicBool::new(false) })
    }

    async fn config(&self) -> Result<&Config, SourceError> {
        let read = async || match self.files.get(CONFIG).await? {
            Some(json) => {
                serde_json::from_slice(&json).map_err(|_| SourceError::Malformed { expected: EXPECTED })
            }
            None => Ok(Config { layout: LakeLayout::default(), network_passphrase: None }),
        };
        self.config.get_or_try_init(read).await
    }

    /// The file with this ledger, by either ending. The one that was found last is tried first.
    async fn file(&self, ledger: u32) -> Result<Option<Vec<u8>>, SourceError> {
        let key = self.config().await?.layout.key(ledger);
        let older_first = self.older_ending.load(Ordering::Relaxed);
        for older in [older_first, !older_first] {
            let ending = if older { "zstd" } else { "zst" };
            if let Some(file) = self.files.get(&format!("{key}.xdr.{ending}")).await? {
                self.older_ending.store(older, Ordering::Relaxed);
                return Ok(Some(file));
            }
        }
        Ok(None)
    }
}

#[async_trait]
impl LedgerSource for LakeSource {
    fn name(&self) -> &str {
        &self.name
    }

    async fn network(&self) -> Result<Option<String>, SourceError> {
        Ok(self.config().await?.network_passphrase.clone())
    }

    async fn range(&self) -> Result<Option<LedgerRange>, SourceError> {
        Ok(None)
    }

    /// The ledgers of one file: those from `from` on.
    async fn ledgers(&self, from: u32, limit: usize) -> Result<Page<LedgerCloseMeta>, SourceError> {
        let Some(file) = self.file(from).await? else {
            return Ok(Page { ledgers: Vec::new(), latest: None });
        };
        blocking(move || {
            let batch = batch(from, &file)?;
            let ledgers = batch.into_iter().skip_while(|meta| sequence(meta) < from).take(limit.max(1));
            let ledgers = in_order(from, ledgers.map(Ok))?;
            match ledgers.is_empty() {
                true => Err(SourceError::Malformed { expected: EXPECTED }),
                false => Ok(Page { ledgers, latest: None }),
            }
        })
        .await
    }
}

impl Files {
    /// A file; `None` if there is none.
    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, SourceError> {
        match self {
            Self::Folder(folder) => {
                let path = folder.join(key);
                blocking(move || match std::fs::read(path) {
                    Ok(file) => Ok(Some(file)),
                    Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
                    Err(error) => Err(SourceError::File(error)),
                })
                .await
            }
            Self::Http { base, client } => {
                let url: Result<Uri, _> = format!("{base}/{key}").parse();
                let url =
                    url.map_err(|_| SourceError::Setting { what: "the URL of a data lake cannot be used" })?;
                let answer = client.get(&url).await?;
                match answer.error() {
                    None => Ok(Some(answer.body)),
                    Some(SourceError::Status { status: 404 }) => Ok(None),
                    Some(error) => Err(error),
                }
            }
        }
    }
}

/// The ledgers of a file.
fn batch(ledger: u32, file: &[u8]) -> Result<Vec<LedgerCloseMeta>, SourceError> {
    let xdr = decompress(file)?;
    let batch = decode::<LedgerCloseMetaBatch>(&xdr).map_err(|source| {
        // The first ledger, behind two sequences and a count, says which protocol the decoder must know.
        let protocol =
            xdr.get(12..).and_then(|first| decode_ledger(first).err()).and_then(|error| error.protocol);
        SourceError::Refused(Undecodable { ledger: Some(ledger), protocol, source }.into())
    })?;
    Ok(batch.ledger_close_metas.into())
}

fn decompress(file: &[u8]) -> Result<Vec<u8>, SourceError> {
    let malformed = || SourceError::Malformed { expected: EXPECTED };
    let decoder = StreamingDecoder::new(file).map_err(|_| malformed())?;
    let limit = u64::try_from(BATCH_BYTES_MAX).unwrap_or(u64::MAX);
    let mut xdr = Vec::new();
    decoder.take(limit.saturating_add(1)).read_to_end(&mut xdr).map_err(|_| malformed())?;
    match xdr.len() > BATCH_BYTES_MAX {
        true => Err(SourceError::TooLarge { limit: BATCH_BYTES_MAX }),
        false => Ok(xdr),
    }
}

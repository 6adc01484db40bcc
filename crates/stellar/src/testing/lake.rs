use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use ruzstd::encoding::{CompressionLevel, compress_to_vec};
use serde_json::json;
use stellar_xdr::{LedgerCloseMeta, LedgerCloseMetaBatch};

use super::http_server::{Fault, HttpServer, Response};
use super::{NETWORK_PASSPHRASE, to_xdr};
use crate::LakeLayout;
use crate::source::sequence;

/// Writes consecutive ledgers into a folder as a data lake whose files have this ending (`zst` or `zstd`).
pub fn write_lake(folder: &Path, ledgers: &[LedgerCloseMeta], layout: LakeLayout, ending: &str) {
    let config = json!({
        "networkPassphrase": NETWORK_PASSPHRASE,
        "version": "1.0",
        "compression": "zstd",
        "ledgersPerBatch": layout.ledgers_per_batch,
        "batchesPerPartition": layout.batches_per_partition,
    });
    std::fs::create_dir_all(folder).unwrap();
    std::fs::write(folder.join(".config.json"), config.to_string()).unwrap();
    for ledgers in ledgers.chunk_by(|one, other| layout.key(sequence(one)) == layout.key(sequence(other))) {
        let (Some(first), Some(last)) = (ledgers.first(), ledgers.last()) else { continue };
        let batch = LedgerCloseMetaBatch {
            start_sequence: sequence(first),
            end_sequence: sequence(last),
            ledger_close_metas: ledgers.to_vec().try_into().unwrap(),
        };
        let path = folder.join(format!("{}.xdr.{ending}", layout.key(sequence(first))));
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, compress_to_vec(to_xdr(&batch).as_slice(), CompressionLevel::Fastest)).unwrap();
    }
}

/// Serves the files of a folder over HTTP.
#[derive(Debug)]
pub struct FileServer {
    fault: Arc<Mutex<Option<Fault>>>,
    server: HttpServer,
}

impl FileServer {
    /// Serves this folder below `/lake`.
    pub async fn start(folder: PathBuf) -> Self {
        let fault = Arc::<Mutex<Option<Fault>>>::default();
        let shared = Arc::clone(&fault);
        let server = HttpServer::start(move |request| {
            let key = request.path.strip_prefix("/lake/").unwrap_or_default();
            let response = std::fs::read(folder.join(key))
                .map_or_else(|_| Response::status(404, "not found"), Response::ok);
            match shared.lock().unwrap().clone() {
                Some(fault) => response.spoilt(fault),
                None => response,
            }
        });
        Self { fault, server: server.await }
    }

    /// The URL of the lake.
    pub fn url(&self) -> String {
        format!("http://{}/lake", self.server.address)
    }

    /// Spoils every answer, or none.
    pub fn fail_always(&self, fault: Option<Fault>) {
        *self.fault.lock().unwrap() = fault;
    }
}

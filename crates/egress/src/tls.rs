use std::io::{self, Read as _};
use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use thiserror::Error;

/// Largest file of certificates.
const MAX_FILE_BYTES: u64 = 1 << 20;

/// TLS cannot be set up. The path is not repeated.
#[derive(Debug, Error)]
pub enum TlsError {
    /// The file of certificates cannot be read.
    #[error("the file of certificates cannot be read")]
    File(#[source] io::Error),
    /// The file holds no certificate in PEM.
    #[error("the file holds no certificate in PEM")]
    NoCertificate,
    /// The TLS library offers no protocol version.
    #[error("TLS cannot be set up")]
    Setup(#[source] rustls::Error),
}

/// TLS 1.2 and 1.3 with the certificate authorities of the system, and those of a file beside them.
///
/// # Errors
/// The file cannot be read or holds no certificate.
pub fn tls_config(authorities: Option<&Path>) -> Result<Arc<ClientConfig>, TlsError> {
    let mut roots = RootCertStore::empty();
    // A certificate that cannot be read leaves out the servers that it vouches for.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if let Some(path) = authorities {
        let (added, _) = roots.add_parsable_certificates(certificates(path)?);
        if added == 0 {
            return Err(TlsError::NoCertificate);
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(TlsError::Setup)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let mut pem = Vec::new();
    let file = std::fs::File::open(path).map_err(TlsError::File)?;
    file.take(MAX_FILE_BYTES).read_to_end(&mut pem).map_err(TlsError::File)?;
    CertificateDer::pem_slice_iter(&pem).collect::<Result<_, _>>().map_err(|_| TlsError::NoCertificate)
}

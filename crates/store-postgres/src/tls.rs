use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::error::OpenError;
use crate::location::Encryption;

/// What makes connections private, as far as `sslmode` asks for it.
pub(crate) fn connector(encryption: &Encryption) -> Result<MakeRustlsConnect, OpenError> {
    let provider = Arc::new(ring::default_provider());
    let config = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|source| OpenError::Tls { source: Box::new(source) })?;
    let config = match encryption {
        Encryption::Verified { roots } => config.with_root_certificates(trusted(roots.as_deref())?),
        Encryption::Disabled | Encryption::Preferred | Encryption::Required => {
            config.dangerous().with_custom_certificate_verifier(Arc::new(AcceptAnyCertificate(provider)))
        }
    };
    Ok(MakeRustlsConnect::new(config.with_no_client_auth()))
}

fn trusted(file: Option<&std::path::Path>) -> Result<RootCertStore, OpenError> {
    let mut roots = RootCertStore::empty();
    let Some(path) = file else {
        // Systems list certificates of obsolete forms; the others are enough.
        let (added, _) = roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        return if added > 0 { Ok(roots) } else { Err(OpenError::NoSystemRoots) };
    };
    let unusable = |source: Box<dyn std::error::Error + Send + Sync>| OpenError::RootCertificates {
        path: path.to_owned(),
        source,
    };
    for certificate in CertificateDer::pem_file_iter(path).map_err(|error| unusable(error.into()))? {
        let certificate = certificate.map_err(|error| unusable(error.into()))?;
        roots.add(certificate).map_err(|error| unusable(error.into()))?;
    }
    if roots.is_empty() { Err(unusable("it holds no certificate".into())) } else { Ok(roots) }
}

/// Takes any certificate, as `sslmode=require` means it: what is read on the way stays secret, who answers is not known.
#[derive(Debug)]
struct AcceptAnyCertificate(Arc<CryptoProvider>);

impl ServerCertVerifier for AcceptAnyCertificate {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

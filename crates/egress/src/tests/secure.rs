//! Certificates are checked against the name, and a file adds authorities.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::receiver::{Names, found};
use super::{Limits, Policy, post};
use crate::{Client, SendError, TlsError, TlsVersion, tls_config};

/// An authority, and a file that holds its certificate.
struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    folder: tempfile::TempDir,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("ca.pem"), issuer.pem()).unwrap();
        Self { issuer, folder }
    }

    /// A receiver with a certificate for this name; its address, and how many requests it has read.
    async fn receiver(&self, name: &str) -> (SocketAddr, Arc<AtomicUsize>) {
        let key = KeyPair::generate().unwrap();
        let certificate =
            CertificateParams::new(vec![name.to_owned()]).unwrap().signed_by(&key, &self.issuer).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(
                vec![certificate.der().clone()],
                PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der())),
            )
            .unwrap();
        let (acceptor, listener) =
            (TlsAcceptor::from(Arc::new(config)), TcpListener::bind("127.0.0.1:0").await.unwrap());
        let (address, requests) = (listener.local_addr().unwrap(), Arc::new(AtomicUsize::new(0)));
        let counted = Arc::clone(&requests);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let Ok(mut stream) = acceptor.accept(stream).await else { continue };
                if stream.read(&mut [0; 4096]).await.is_ok_and(|read| read > 0) {
                    counted.fetch_add(1, Ordering::SeqCst);
                    stream.write_all(b"HTTP/1.1 204 X\r\nconnection: close\r\n\r\n").await.unwrap();
                }
            }
        });
        (address, requests)
    }

    fn client(&self) -> Client {
        let tls = tls_config(Some(&self.folder.path().join("ca.pem"))).unwrap();
        client(tls)
    }
}

fn client(tls: Arc<rustls::ClientConfig>) -> Client {
    let names = Names::default()
        .with("receiver.test", vec![found(&["127.0.0.1"])])
        .with("other.test", vec![found(&["127.0.0.1"])]);
    let policy = Policy { allowed: "127.0.0.1:*".parse().unwrap(), plain_http: false };
    Client::new(policy, Limits::default(), Arc::new(names), tls)
}

#[tokio::test]
async fn a_certificate_of_an_added_authority_is_accepted_for_its_name_alone() {
    let authority = Authority::new();
    let (address, requests) = authority.receiver("receiver.test").await;
    let client = authority.client();
    let sent = post(&client, &format!("https://receiver.test:{}/", address.port())).await;
    assert_eq!(sent.unwrap().status, 204);
    for url in [format!("https://other.test:{}/", address.port()), format!("https://{address}/")] {
        assert_eq!(post(&client, &url).await.unwrap_err(), SendError::Tls);
    }
    assert_eq!(requests.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn the_timings_of_a_secure_request_have_the_handshake_and_its_version() {
    let authority = Authority::new();
    let (address, _) = authority.receiver("receiver.test").await;
    let client = authority.client();
    for (name, succeeds) in [("receiver.test", true), ("other.test", false)] {
        let target = client.policy().target(&format!("https://{name}:{}/", address.port())).unwrap();
        let (sent, timings) = client.post_timed(client.limits().total, &target, &[], "{}").await;
        assert_eq!(sent.is_ok(), succeeds);
        assert_eq!((timings.address, timings.connect.is_some()), (Some(address), true));
        assert_eq!((timings.handshake.is_some(), timings.tls.is_some()), (succeeds, succeeds));
        assert_eq!(timings.tls, succeeds.then_some(TlsVersion::V1_3));
    }
}

#[tokio::test]
async fn a_certificate_of_an_unknown_authority_is_refused() {
    let authority = Authority::new();
    let (address, requests) = authority.receiver("receiver.test").await;
    let sent =
        post(&client(tls_config(None).unwrap()), &format!("https://receiver.test:{}/", address.port())).await;
    assert_eq!(sent.unwrap_err(), SendError::Tls);
    assert_eq!(requests.load(Ordering::SeqCst), 0);
}

#[test]
fn a_file_without_a_certificate_is_a_fault() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ca.pem");
    assert!(matches!(tls_config(Some(&file)), Err(TlsError::File(_))));
    for content in ["", "no certificate", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
        std::fs::write(&file, content).unwrap();
        assert!(matches!(tls_config(Some(&file)), Err(TlsError::NoCertificate)), "{content}");
    }
}

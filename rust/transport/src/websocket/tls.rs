//! Certificates: what a server shows, and what a client trusts.

use std::io;
use std::sync::{Arc, OnceLock};

use thiserror::Error;
use tokio_rustls::rustls::client::WebPkiServerVerifier;
use tokio_rustls::rustls::crypto::{CryptoProvider, ring};
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio_rustls::{TlsAcceptor, TlsConnector};

/// What is wrong with certificates.
#[derive(Debug, Error)]
pub enum TlsError {
    /// The text is not what it should be.
    #[error("{what} cannot be read: {cause}; give the content of a PEM file")]
    Pem {
        /// The certificate chain, the key, the authorities.
        what: &'static str,
        /// What the parser says.
        cause: String,
    },
    /// They do not fit together.
    #[error("the certificates cannot be used: {0}")]
    Rustls(#[from] tokio_rustls::rustls::Error),
}

impl From<TlsError> for io::Error {
    fn from(error: TlsError) -> Self {
        Self::new(io::ErrorKind::InvalidInput, error)
    }
}

/// What a server shows.
#[derive(Clone)]
pub struct ServerTls {
    /// Its certificate and those between it and an authority, in PEM.
    pub cert_pem: Vec<u8>,
    /// Its key, in PEM: PKCS #8, PKCS #1 or SEC 1.
    pub key_pem: Vec<u8>,
}

impl std::fmt::Debug for ServerTls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ServerTls") // never the key
    }
}

/// What a client trusts.
#[derive(Clone, Debug, Default)]
pub enum ClientTls {
    /// The authorities that Mozilla trusts.
    #[default]
    WebPki,
    /// These and no others, in PEM.
    Authorities(Vec<u8>),
}

fn provider() -> Arc<CryptoProvider> {
    static PROVIDER: OnceLock<Arc<CryptoProvider>> = OnceLock::new();
    Arc::clone(PROVIDER.get_or_init(|| Arc::new(ring::default_provider())))
}

fn certificates(what: &'static str, pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let parsed: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let found = parsed.map_err(|error| TlsError::Pem { what, cause: error.to_string() })?;
    if found.is_empty() {
        return Err(TlsError::Pem { what, cause: "there is no certificate in it".to_owned() });
    }
    Ok(found)
}

impl ServerTls {
    pub(super) fn acceptor(&self) -> Result<TlsAcceptor, TlsError> {
        let chain = certificates("the certificate chain", &self.cert_pem)?;
        let key = PrivateKeyDer::from_pem_slice(&self.key_pem)
            .map_err(|error| TlsError::Pem { what: "the private key", cause: error.to_string() })?;
        let mut config = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(chain, key)?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(TlsAcceptor::from(Arc::new(config)))
    }
}

impl ClientTls {
    pub(super) fn connector(&self) -> Result<TlsConnector, TlsError> {
        static WEB_PKI: OnceLock<Arc<ClientConfig>> = OnceLock::new();
        match self {
            Self::WebPki => {
                if let Some(config) = WEB_PKI.get() {
                    return Ok(TlsConnector::from(Arc::clone(config)));
                }
                let roots = RootCertStore::from_iter(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
                let config = Arc::new(client_config(roots)?);
                Ok(TlsConnector::from(Arc::clone(WEB_PKI.get_or_init(|| config))))
            }
            Self::Authorities(pem) => {
                let mut roots = RootCertStore::empty();
                for certificate in certificates("the authorities", pem)? {
                    roots.add(certificate)?;
                }
                Ok(TlsConnector::from(Arc::new(client_config(roots)?)))
            }
        }
    }
}

fn client_config(roots: RootCertStore) -> Result<ClientConfig, TlsError> {
    let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider());
    let verifier = verifier
        .build()
        .map_err(|error| TlsError::Pem { what: "the authorities", cause: error.to_string() })?;
    let mut config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()?
        .with_webpki_verifier(verifier)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

//! Certificates of the server, and of clients that must have one.

use std::fmt;
use std::sync::Arc;

use pgwire::tokio::TlsAcceptor;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use strataql_diag::{Code, Report};

/// TLS of a server.
pub struct Tls {
    pub(crate) acceptor: TlsAcceptor,
    /// Connections without it are refused.
    pub(crate) required: bool,
}

impl Tls {
    /// TLS with a certificate chain and its key, both PEM. With `client_roots`, PEM too, clients must
    /// have a certificate that one of them has signed.
    ///
    /// # Errors
    /// `config` for what is no such PEM, and for a key that does not belong to the certificate.
    pub fn new(
        certificates: &[u8],
        key: &[u8],
        client_roots: Option<&[u8]>,
        required: bool,
    ) -> Result<Self, Box<Report>> {
        let chain = read(certificates, "certificate of the server")?;
        let key = PrivateKeyDer::from_pem_slice(key)
            .map_err(|error| wrong("key of the server", &error.to_string()))?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(|error| wrong("TLS set-up", &error.to_string()))?;
        let builder = match client_roots {
            None => builder.with_no_client_auth(),
            Some(pem) => {
                let what = "certificate authority of clients";
                let mut roots = RootCertStore::empty();
                for certificate in read(pem, what)? {
                    roots.add(certificate).map_err(|error| wrong(what, &error.to_string()))?;
                }
                let verifier =
                    WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
                        .build()
                        .map_err(|error| wrong(what, &error.to_string()))?;
                builder.with_client_cert_verifier(verifier)
            }
        };
        let config = builder
            .with_single_cert(chain, key)
            .map_err(|error| wrong("certificate of the server", &error.to_string()))?;
        // who must have a certificate must encrypt
        let required = required || client_roots.is_some();
        Ok(Self { acceptor: TlsAcceptor::from(Arc::new(config)), required })
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").field("required", &self.required).finish_non_exhaustive()
    }
}

fn read(pem: &[u8], what: &str) -> Result<Vec<CertificateDer<'static>>, Box<Report>> {
    let all = CertificateDer::pem_slice_iter(pem).collect::<Result<Vec<_>, _>>();
    let all = all.map_err(|error| wrong(what, &error.to_string()))?;
    if all.is_empty() { Err(wrong(what, "there is no certificate in it")) } else { Ok(all) }
}

fn wrong(what: &str, why: &str) -> Box<Report> {
    Box::new(
        Report::new(Code::Config, format!("the {what} cannot be used: {why}"))
            .with_help("give PEM files"),
    )
}

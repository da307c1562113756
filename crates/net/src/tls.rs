//! The cryptography behind TLS.
//!
//! Owns: the process-wide choice of *ring* as rustls provider, and reading certificate bundles.
//! Refuses: disabling verification; there is no switch for that.
//! Surprise: without [`init`] the HTTP client panics when it is built, so everything that builds
//! one calls it first. Calling it again is harmless.

use reqwest::Certificate;
use strataql_diag::{Code, Report};

/// Installs the provider for this process, once.
pub fn init() {
    if rustls::crypto::CryptoProvider::get_default().is_none() {
        // it is fine if another thread installed the same provider first
        let _lost_race = rustls::crypto::ring::default_provider().install_default();
    }
}

/// Reads a PEM bundle of certificates to trust.
pub(crate) fn certificates(bundle: &[u8]) -> Result<Vec<Certificate>, Box<Report>> {
    let refuse = |cause: &str| {
        Box::new(
            Report::new(Code::Config, format!("the bundle of trusted certificates {cause}"))
                .with_help("give a file in PEM form with `-----BEGIN CERTIFICATE-----` blocks"),
        )
    };
    let certificates =
        Certificate::from_pem_bundle(bundle).map_err(|_| refuse("cannot be read"))?;
    if certificates.is_empty() {
        return Err(refuse("holds no certificate"));
    }
    Ok(certificates)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bundle_without_certificates_is_refused() {
        init();
        init();
        let report = certificates(b"no certificate here").expect_err("empty");
        assert_eq!(report.code, Code::Config);
        assert!(!report.help.is_empty());
    }
}

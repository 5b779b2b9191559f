//! How the network is reached: proxies from the environment, the system's certificates and those that are named, and an
//! error told with all that is behind it.

use std::time::Duration;

/// How long one request to a platform may take.
const TIMEOUT: Duration = Duration::from_secs(30);

/// How long a connection may take to come about.
const CONNECT: Duration = Duration::from_secs(10);

/// A client with our limits: proxies come from the environment, certificates from the system and, where it is named,
/// from this file of PEM texts. A request with its body takes [`TIMEOUT`] at most.
///
/// # Errors
/// If the certificates cannot be read.
pub fn client(certificates: Option<&[u8]>) -> Result<reqwest::Client, String> {
    builder(certificates)?.timeout(TIMEOUT).build().map_err(|error| causes(&error))
}

/// The same, to be completed: how long a whole request may take is for the caller to watch.
///
/// # Errors
/// If the certificates cannot be read.
pub fn builder(certificates: Option<&[u8]>) -> Result<reqwest::ClientBuilder, String> {
    // A second provider is refused, which only means that there is one.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut builder = reqwest::Client::builder()
        .user_agent(concat!("backsight/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(CONNECT)
        // A token follows no redirect to elsewhere.
        .redirect(reqwest::redirect::Policy::none());
    if let Some(pem) = certificates {
        let found = reqwest::Certificate::from_pem_bundle(pem);
        let found = found.map_err(|error| format!("the certificates cannot be read: {}", causes(&error)))?;
        if found.is_empty() {
            return Err(
                "the file of certificates holds none: it wants PEM, from `-----BEGIN CERTIFICATE-----` on".into()
            );
        }
        builder = builder.tls_certs_merge(found);
    }
    Ok(builder)
}

/// An error with all that is behind it: reqwest's own words name only the address.
pub fn causes(error: &dyn std::error::Error) -> String {
    let mut words = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let text = cause.to_string();
        if !words.contains(&text) {
            words.push_str(": ");
            words.push_str(&text);
        }
        next = cause.source();
    }
    words
}

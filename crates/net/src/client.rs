//! The HTTP clients of a transport.
//!
//! Owns: pools, TLS roots, proxies, connection limits.
//! Refuses: redirects, decompression and retries; those need limits and clocks of their own.
//! Surprise: there are up to six pools, created on first use. Loopback hosts and metadata services bypass proxies, and a
//! replacement endpoint is called with HTTP/1.1, where the `Host` header can name the original
//! (HTTP/2 would have two different authorities). Where no TLS is possible, the system's root
//! certificates are not read: there are more than a hundred files, which take a third of a short
//! run.

use std::sync::OnceLock;

use reqwest::{Certificate, Client, Proxy, redirect};
use strataql_diag::{Code, Report};
use url::Url;

use crate::origin;
use crate::settings::{ProxyPolicy, Settings};
use crate::tls;

/// The pools of a transport.
pub(crate) struct Clients {
    roots: Vec<Certificate>,
    proxy: Option<Proxy>,
    pools: [OnceLock<Result<Client, Box<Report>>>; 8],
}

/// The pool that a request needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Way {
    direct: bool,
    stands_in: bool,
    /// Plain HTTP without a proxy, which might speak TLS itself.
    plain: bool,
}

impl Way {
    fn pool(self) -> usize {
        usize::from(self.direct) * 4 + usize::from(self.stands_in) * 2 + usize::from(self.plain)
    }
}

impl Clients {
    /// Checks certificates and proxy; opens nothing yet.
    pub(crate) fn new(settings: &Settings) -> Result<Self, Box<Report>> {
        tls::init();
        let roots = settings.extra_roots.as_deref().map(tls::certificates).transpose()?;
        let proxy = match &settings.proxy {
            ProxyPolicy::Url(url) => Some(Proxy::all(url.clone()).map_err(|_| {
                Report::new(Code::Config, "the proxy address cannot be used")
                    .with_help("give it as `http://host:port`")
            })?),
            ProxyPolicy::System | ProxyPolicy::None => None,
        };
        Ok(Self { roots: roots.unwrap_or_default(), proxy, pools: Default::default() })
    }

    /// The client for a physical URL.
    pub(crate) fn of(
        &self,
        settings: &Settings,
        address: &Url,
        stands_in: bool,
    ) -> Result<&Client, Box<Report>> {
        let direct = settings.proxy == ProxyPolicy::None
            || origin::is_loopback(address)
            || origin::is_metadata(address);
        let way = Way { direct, stands_in, plain: direct && address.scheme() == "http" };
        self.pools[way.pool()]
            .get_or_init(|| self.build(settings, way))
            .as_ref()
            .map_err(Clone::clone)
    }

    fn build(&self, settings: &Settings, way: Way) -> Result<Client, Box<Report>> {
        if !way.plain {
            let with_system_roots = self.builder(settings, way).tls_certs_merge(self.roots.clone());
            if let Ok(client) = with_system_roots.build() {
                return Ok(client);
            }
            // a machine without certificates still reaches servers that need none
        }
        self.builder(settings, way).tls_certs_only(self.roots.clone()).build().map_err(|error| {
            Box::new(
                Report::new(
                    Code::Config,
                    format!("the HTTP client cannot be set up: {}", error.without_url()),
                )
                .with_help("check the bundle of trusted certificates and the proxy"),
            )
        })
    }

    fn builder(&self, settings: &Settings, way: Way) -> reqwest::ClientBuilder {
        let mut builder = Client::builder()
            .user_agent(settings.user_agent.clone())
            .connect_timeout(settings.connect_timeout)
            .redirect(redirect::Policy::none())
            .gzip(false)
            .referer(false);
        if way.direct {
            builder = builder.no_proxy();
        } else if let Some(proxy) = &self.proxy {
            builder = builder.proxy(proxy.clone());
        }
        if way.stands_in {
            builder = builder.http1_only();
        }
        builder
    }
}

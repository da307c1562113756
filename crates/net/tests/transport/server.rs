//! A scripted server: reads requests one after the other and plays back steps.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use strataql_diag::Redactor;
use strataql_net::{Clock, ManualClock, ProxyPolicy, Repeat, Request, Settings, Transport};
use strataql_spec::HttpVerb;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Barrier;
use tokio::task::JoinSet;
use url::Url;

/// The provider of every test.
pub(crate) const PROVIDER: &str = "prov";

/// A received request.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) verb: String,
    pub(crate) target: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Seen {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }
}

/// A step of the server's response.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    /// Writes bytes.
    Send(Vec<u8>),
    /// Waits until as many others wait.
    Meet(Arc<Barrier>),
    /// Closes the connection properly.
    Close,
    /// Breaks the connection.
    Reset,
    /// Keeps the connection open and sends nothing.
    Hang,
}

type Script = dyn Fn(usize, &Seen) -> Vec<Step> + Send + Sync;

/// The server; stops when dropped.
pub(crate) struct Server {
    pub(crate) url: Url,
    seen: Arc<Mutex<Vec<Seen>>>,
    _tasks: JoinSet<()>,
}

impl Server {
    /// Starts a server that calls `script` for steps with the number (from 0) of each request.
    pub(crate) async fn start(
        script: impl Fn(usize, &Seen) -> Vec<Step> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("bound");
        let url = Url::parse(&format!("http://{address}")).expect("a URL");
        let seen: Arc<Mutex<Vec<Seen>>> = Arc::default();
        let script: Arc<Script> = Arc::new(script);
        let mut tasks = JoinSet::new();
        let log = Arc::clone(&seen);
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let (log, script) = (Arc::clone(&log), Arc::clone(&script));
                connections.spawn(async move {
                    // clients that disconnect are part of the tests
                    let _gone = serve(stream, &log, &*script).await;
                });
            }
        });
        Self { url, seen, _tasks: tasks }
    }

    /// Every request so far.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The paths and queries of every request so far.
    pub(crate) fn targets(&self) -> Vec<String> {
        self.seen().into_iter().map(|seen| seen.target).collect()
    }
}

async fn serve(mut stream: TcpStream, log: &Mutex<Vec<Seen>>, script: &Script) -> io::Result<()> {
    let mut buffer = Vec::new();
    while let Some(seen) = read_request(&mut stream, &mut buffer).await? {
        let number = {
            let mut log = log.lock().unwrap_or_else(PoisonError::into_inner);
            log.push(seen.clone());
            log.len() - 1
        };
        for step in script(number, &seen) {
            match step {
                Step::Send(bytes) => stream.write_all(&bytes).await?,
                Step::Meet(barrier) => {
                    barrier.wait().await;
                }
                Step::Close => return stream.shutdown().await,
                Step::Reset => {
                    stream.flush().await?;
                    stream.set_zero_linger()?;
                    return Ok(());
                }
                Step::Hang => std::future::pending().await,
            }
        }
    }
    Ok(())
}

async fn read_request(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> io::Result<Option<Seen>> {
    let end = loop {
        if let Some(at) = buffer.windows(4).position(|four| four == b"\r\n\r\n") {
            break at;
        }
        if stream.read_buf(buffer).await? == 0 {
            return Ok(None);
        }
        // a TLS handshake: this server does not support it, but its script may respond
        if buffer.first() == Some(&0x16) {
            buffer.clear();
            let verb = "TLS".to_owned();
            let (target, headers, body) = Default::default();
            return Ok(Some(Seen { verb, target, headers, body }));
        }
    };
    let head = String::from_utf8_lossy(&buffer[..end]).into_owned();
    let mut lines = head.split("\r\n");
    let mut first = lines.next().unwrap_or_default().split(' ');
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    let length = headers.iter().find(|(name, _)| name == "content-length");
    let length: usize = length.and_then(|(_, value)| value.parse().ok()).unwrap_or(0);
    while buffer.len() < end + 4 + length {
        if stream.read_buf(buffer).await? == 0 {
            return Ok(None);
        }
    }
    let body = String::from_utf8_lossy(&buffer[end + 4..end + 4 + length]).into_owned();
    buffer.drain(..end + 4 + length);
    let mut word = || first.next().unwrap_or_default().to_owned();
    Ok(Some(Seen { verb: word(), target: word(), headers, body }))
}

/// A whole response.
pub(crate) fn answer(status: u16, headers: &[&str], body: impl AsRef<[u8]>) -> Vec<Step> {
    let body = body.as_ref();
    let mut bytes = head(status, headers, &format!("content-length: {}", body.len()));
    bytes.extend_from_slice(body);
    vec![Step::Send(bytes)]
}

/// The beginning of a response.
pub(crate) fn head(status: u16, headers: &[&str], framing: &str) -> Vec<u8> {
    let mut text = format!("HTTP/1.1 {status} Status\r\n{framing}\r\n");
    for header in headers {
        text.push_str(header);
        text.push_str("\r\n");
    }
    text.push_str("\r\n");
    text.into_bytes()
}

/// A transport with a clock of its own.
pub(crate) struct Bench {
    pub(crate) transport: Transport,
    pub(crate) clock: ManualClock,
    pub(crate) redactor: Redactor,
}

/// A transport; `adjust` changes its settings.
pub(crate) fn bench(adjust: impl FnOnce(&mut Settings)) -> Bench {
    let mut settings = Settings { proxy: ProxyPolicy::None, ..Settings::default() };
    adjust(&mut settings);
    let (clock, redactor) = (ManualClock::default(), Redactor::new());
    let shared: Arc<dyn Clock> = Arc::new(clock.clone());
    let transport = Transport::new(settings, shared, redactor.clone()).expect("settings");
    Bench { transport, clock, redactor }
}

/// A GET.
pub(crate) fn get(server: &Server, path: &str) -> Request {
    Request::new(PROVIDER, HttpVerb::Get, server.url.join(path).expect("a path"))
}

/// A POST.
pub(crate) fn post(server: &Server, path: &str, repeat: Repeat) -> Request {
    let url = server.url.join(path).expect("a path");
    let body = Some("{\"name\":\"x\"}".into());
    Request { repeat, body, ..Request::new(PROVIDER, HttpVerb::Post, url) }
}

/// Timeout for slow servers in tests.
pub(crate) const SHORT: Duration = Duration::from_millis(60);

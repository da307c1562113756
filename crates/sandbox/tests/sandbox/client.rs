//! A client that shares no code with the sandbox: bytes over a socket.

use std::io;

use serde_json::Value as Json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use strataql_sandbox::Sandbox;

/// The host of the account-level test provider.
pub(crate) const ACCOUNTS: &str = "accounts.demo.example.com";
/// The host of the shop test provider.
pub(crate) const SHOP: &str = "eu.shop.example.com";

/// A parsed response.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
    pub(crate) raw: Vec<u8>,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().skip(1).find_map(|line| {
            let (own, value) = line.split_once(':')?;
            own.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    pub(crate) fn json(&self) -> Json {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&self.raw)))
    }
}

/// A request under construction.
pub(crate) struct Ask<'a> {
    sandbox: &'a Sandbox,
    verb: &'a str,
    target: String,
    host: String,
    headers: Vec<(String, String)>,
    body: String,
}

impl<'a> Ask<'a> {
    pub(crate) fn new(sandbox: &'a Sandbox, verb: &'a str, target: impl Into<String>) -> Self {
        Self {
            sandbox,
            verb,
            target: target.into(),
            host: ACCOUNTS.to_owned(),
            headers: vec![("Authorization".to_owned(), "Bearer sandbox-token".to_owned())],
            body: String::new(),
        }
    }

    pub(crate) fn host(mut self, host: &str) -> Self {
        host.clone_into(&mut self.host);
        self
    }

    /// Replaces a header.
    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.retain(|(own, _)| own != name);
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn anonymous(mut self) -> Self {
        self.headers.retain(|(own, _)| own != "Authorization");
        self
    }

    pub(crate) fn json(self, body: &Json) -> Self {
        Self { body: body.to_string(), ..self }.header("Content-Type", "application/json")
    }

    pub(crate) fn form(self, body: &str) -> Self {
        Self { body: body.to_owned(), ..self }
            .header("Content-Type", "application/x-www-form-urlencoded")
    }

    fn bytes(&self) -> Vec<u8> {
        let mut text = format!("{} {} HTTP/1.1\r\nHost: {}\r\n", self.verb, self.target, self.host);
        for (name, value) in &self.headers {
            text.push_str(&[name, ": ", value, "\r\n"].concat());
        }
        let length = self.body.len().to_string();
        let length = ["Content-Length: ", &length, "\r\nConnection: close\r\n\r\n"].concat();
        text.push_str(&length);
        text.push_str(&self.body);
        text.into_bytes()
    }

    /// Sends the request and reads at most `limit` bytes.
    pub(crate) async fn raw(&self, limit: usize) -> io::Result<Vec<u8>> {
        let mut stream = TcpStream::connect(self.sandbox.address()).await?;
        stream.write_all(&self.bytes()).await?;
        let mut got = Vec::new();
        let mut buffer = [0; 4096];
        while got.len() < limit {
            match stream.read(&mut buffer).await? {
                0 => break,
                read => got.extend_from_slice(&buffer[..read]),
            }
        }
        Ok(got)
    }

    pub(crate) async fn send(&self) -> Answer {
        let raw = self.raw(usize::MAX).await.expect("the connection holds");
        parse(raw)
    }
}

/// Splits a response; its body is kept as received.
pub(crate) fn parse(raw: Vec<u8>) -> Answer {
    let end = raw.windows(4).position(|w| w == b"\r\n\r\n").expect("a complete head");
    let head = String::from_utf8_lossy(&raw[..end]).into_owned();
    let status = head.split(' ').nth(1).and_then(|text| text.parse().ok()).expect("a status");
    Answer { status, head, body: raw[end + 4..].to_vec(), raw }
}

pub(crate) fn get<'a>(sandbox: &'a Sandbox, target: &str) -> Ask<'a> {
    Ask::new(sandbox, "GET", target)
}

pub(crate) fn post<'a>(sandbox: &'a Sandbox, target: &str) -> Ask<'a> {
    Ask::new(sandbox, "POST", target)
}

/// A GET of the shop, whose API key has its own header.
pub(crate) fn shop<'a>(sandbox: &'a Sandbox, target: &str) -> Ask<'a> {
    Ask::new(sandbox, "GET", target).host(SHOP).anonymous().header("X-Shop-Key", "sandbox-token")
}

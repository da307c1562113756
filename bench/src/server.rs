//! A server of this program in a separate process.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

/// A running server; it ends with this value.
pub(crate) struct Server {
    child: Child,
    url: String,
}

/// What a server was asked since it was last looked at.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Count {
    pub(crate) requests: u64,
    pub(crate) most_in_flight: u64,
}

impl Server {
    /// Starts `serve` with these words.
    pub(crate) fn start(words: &[String]) -> Result<Self, String> {
        let own = std::env::current_exe().map_err(|error| error.to_string())?;
        let mut child = Command::new(own)
            .arg("serve")
            .args(words)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("the server cannot be started: {error}"))?;
        let mut url = String::new();
        if let Some(stdout) = child.stdout.take() {
            BufReader::new(stdout).read_line(&mut url).map_err(|error| error.to_string())?;
        }
        let url = url.trim_end().to_owned();
        let server = Self { child, url };
        if server.url.is_empty() {
            return Err("the server did not start".to_owned());
        }
        Ok(server)
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// What it was asked; it counts anew from here.
    pub(crate) fn count(&self) -> Result<Count, String> {
        let text = self.get("/__count").map_err(|error| format!("no count: {error}"))?;
        let body = text.split("\r\n\r\n").nth(1).unwrap_or_default();
        let value: Value = serde_json::from_str(body).map_err(|error| error.to_string())?;
        let number = |name: &str| value[name].as_u64().unwrap_or_default();
        Ok(Count { requests: number("requests"), most_in_flight: number("most_in_flight") })
    }

    fn get(&self, path: &str) -> std::io::Result<String> {
        let mut stream = TcpStream::connect(self.url.trim_start_matches("http://"))?;
        stream.write_all(format!("GET {path} HTTP/1.1\r\nhost: bench\r\n\r\n").as_bytes())?;
        // the server keeps the connection, so the end of its answer is told by ours
        stream.shutdown(std::net::Shutdown::Write)?;
        let mut text = String::new();
        stream.read_to_string(&mut text)?;
        Ok(text)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _reaped = self.child.wait();
    }
}

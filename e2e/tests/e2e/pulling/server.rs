//! A registry server on loopback: archives and an index as bytes, and what was asked.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use flate2::Compression;
use flate2::write::GzEncoder;

/// What the server writes for a path.
#[derive(Debug, Clone)]
pub(super) enum Reply {
    Ok(Vec<u8>),
    /// Status line and headers, then a body.
    Head(&'static str, Vec<u8>),
    /// It says that there is more than there is.
    Short(Vec<u8>),
}

#[derive(Debug, Default)]
struct State {
    pages: BTreeMap<String, Reply>,
    asked: Vec<String>,
}

/// A running server. Its thread ends with the test process.
#[derive(Debug)]
pub(super) struct Server {
    pub(super) url: String,
    state: Arc<Mutex<State>>,
}

impl Server {
    pub(super) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}/providers", listener.local_addr().expect("an address"));
        let state = Arc::new(Mutex::new(State::default()));
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let shared = Arc::clone(&shared);
                std::thread::spawn(move || serve(stream, &shared));
            }
        });
        Self { url, state }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn serve(&self, path: &str, reply: Reply) {
        self.state().pages.insert(format!("/providers/dist/{path}"), reply);
    }

    pub(super) fn index(&self, text: &str) {
        self.serve("providers.yaml", Reply::Ok(text.as_bytes().to_vec()));
    }

    /// What was asked since the last call, in order.
    pub(super) fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.state().asked)
    }
}

fn serve(mut stream: TcpStream, state: &Mutex<State>) {
    let Ok(copy) = stream.try_clone() else { return };
    let mut reader = BufReader::new(copy);
    let mut first = String::new();
    let mut line = String::new();
    while reader.read_line(&mut line).is_ok_and(|length| length > 2) {
        if first.is_empty() {
            first.clone_from(&line);
        }
        assert!(!line.to_ascii_lowercase().starts_with("authorization"), "{line}");
        line.clear();
    }
    let path = first.split(' ').nth(1).unwrap_or_default().to_owned();
    let reply = {
        let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
        let shown = path.strip_prefix("/providers/dist/").unwrap_or(&path).to_owned();
        state.asked.push(shown);
        state.pages.get(&path).cloned()
    };
    let (head, length, body) = match reply {
        Some(Reply::Ok(body)) => ("200 OK", body.len(), body),
        Some(Reply::Head(head, body)) => (head, body.len(), body),
        Some(Reply::Short(body)) => ("200 OK", body.len() * 2, body),
        None => ("404 Not Found", 9, b"not found".to_vec()),
    };
    let head = format!("HTTP/1.1 {head}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n");
    let written = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&body));
    // a client that has seen enough may go
    drop(written);
}

/// An archive of files.
pub(super) fn tgz(files: &[(String, String)]) -> Vec<u8> {
    let mut archive = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    for (path, text) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(text.len() as u64);
        header.set_mode(0o644);
        // the builder refuses paths that a hostile archive has
        header.as_old_mut().name[..path.len()].copy_from_slice(path.as_bytes());
        header.set_cksum();
        archive.append(&header, text.as_bytes()).expect("appended");
    }
    archive.into_inner().and_then(GzEncoder::finish).expect("packed")
}

/// The files of a version of the provider `acme`: one service `crates`, with one resource of that name.
pub(super) fn acme(version: &str) -> Vec<(String, String)> {
    let entry = format!(
        "id: acme
name: acme
version: {version}
providerServices:
  depot:
    id: depot:{version}
    name: depot
    title: Depot
    version: {version}
    preferred: true
    service: {{$ref: acme/{version}/services/depot.yaml}}
openapi: 3.0.0
config:
  auth: {{type: bearer, credentialsenvvar: ACME_TOKEN}}
"
    );
    vec![
        (format!("{version}/provider.yaml"), entry),
        (format!("{version}/services/depot.yaml"), SERVICE.to_owned()),
    ]
}

const SERVICE: &str = "openapi: 3.0.0
info: {title: Depot, version: '1'}
servers: [{url: 'https://depot.acme.example'}]
paths:
  /crates:
    get:
      operationId: listCrates
      responses:
        '200':
          description: Crates.
          content:
            application/json:
              schema: {type: object, properties: {items: {type: array, items: {$ref: '#/components/schemas/Crate'}}}}
components:
  schemas:
    Crate: {type: object, properties: {crate_id: {type: string}, weight: {type: integer}}}
  x-stackQL-resources:
    crates:
      id: acme.depot.crates
      name: crates
      title: Wooden boxes of the depot
      methods:
        list:
          operation: {$ref: '#/paths/~1crates/get'}
          response: {mediaType: application/json, openAPIDocKey: '200', objectKey: $.items}
      sqlVerbs:
        select: [{$ref: '#/components/x-stackQL-resources/crates/methods/list'}]
        insert: []
        update: []
        replace: []
        delete: []
";

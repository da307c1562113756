//! The server: lists of a Databricks account, prepared in advance.
//!
//! Owns: the lists, their pages and the delay of responses.
//! Refuses: simulation; that is the sandbox's task. A response costs one copy here, so that the
//! client is what is measured.
//! Surprise: any account id has the same objects, and any credential is accepted.

mod answer;
mod connection;
mod counter;
mod delay;
mod rows;

use std::io::Write;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::runtime::Builder;
use tokio::task::JoinSet;

use crate::options::Options;
use counter::Counter;
use delay::Delay;
pub(crate) use rows::published;
use rows::{Rows, custom};

/// What the server knows.
pub(crate) struct World {
    published: Rows,
    custom: Rows,
    page_rows: usize,
    delay: Delay,
    counter: Counter,
}

/// Serves until the process is ended.
pub(crate) fn run(words: &[String]) -> Result<bool, String> {
    let mut options = Options::new(words);
    let port: u16 = options.value("--port")?.unwrap_or(0);
    let rows = options.value("--rows")?.unwrap_or(10_000);
    let page_rows: usize = options.value("--page-rows")?.unwrap_or(1_000);
    let keys: usize = options.value("--keys")?.unwrap_or(200);
    let latency = options.value("--latency")?.unwrap_or(0);
    let threads = options.value("--threads")?.unwrap_or(1);
    if let Some(word) = options.rest()?.first() {
        return Err(format!("`serve` takes no `{word}`"));
    }
    let world = Arc::new(World {
        published: Rows::new(rows, published),
        custom: Rows::new(rows, |number| custom(number, keys.max(1))),
        page_rows: page_rows.max(1),
        delay: Delay::new(Duration::from_millis(latency)),
        counter: Counter::default(),
    });
    let mut builder =
        if threads == 1 { Builder::new_current_thread() } else { Builder::new_multi_thread() };
    if threads > 1 {
        builder.worker_threads(threads);
    }
    let runtime = builder.enable_all().build().map_err(|error| error.to_string())?;
    runtime
        .block_on(listen(port, world))
        .map_err(|error| format!("the server stopped: {error}"))?;
    Ok(true)
}

async fn listen(port: u16, world: Arc<World>) -> std::io::Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
    let mut stdout = std::io::stdout();
    // whoever started this reads the address from the first line
    writeln!(stdout, "http://{}", listener.local_addr()?)?;
    stdout.flush()?;
    let mut connections = JoinSet::new();
    loop {
        let (stream, _) = listener.accept().await?;
        while connections.try_join_next().is_some() {}
        stream.set_nodelay(true)?;
        let world = Arc::clone(&world);
        connections.spawn(async move {
            // a client that went away is no failure of the server
            let _gone = connection::serve(stream, &world).await;
        });
    }
}

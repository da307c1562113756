//! `srv` and `mcp`.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use clap::Parser;
use secrecy::SecretString;
use strataql_compat::Line;
use strataql_compat::documents::mapping;
use strataql_pg::{Options, Server};

use super::session::Session;
use crate::args::{Command, CommandLine};
use crate::commands;
use crate::commands::srv::{EngineBackend, Role};
use crate::console::Console;
use crate::env::Environment;
use crate::exit::Exit;
use crate::interruption::Interruption;
use crate::settings::Settings;

/// How long sessions may take to end.
const SETTLING: Duration = Duration::from_millis(500);

/// Serves the PostgreSQL protocol until the process is interrupted.
///
/// # Errors
/// The sentence about a flag, or an address that cannot be used.
pub(super) fn srv(
    line: &Line,
    environment: &Environment,
    console: &Console,
    interruption: &Interruption,
) -> Result<(), String> {
    let session = Session::open(line, environment, console)?;
    let port = u16::try_from(line.number("pgsrv.port"))
        .map_err(|_| format!("there is no port {}", line.text("pgsrv.port")))?;
    // everybody may connect, so nobody but this machine does unless an address is given
    let address: IpAddr = match line.given("pgsrv.address") {
        None | Some("") => Ipv4Addr::LOCALHOST.into(),
        Some(text) => text.parse().map_err(|_| format!("'{text}' is no address"))?,
    };
    let backend = EngineBackend {
        roles: HashMap::new(),
        everybody: Some(Role { engine: session.engine(), settings: session.settings() }),
        workers: session.workers().clone(),
        redactor: console.redactor.clone(),
    };
    let options = Options { address: SocketAddr::new(address, port), ..Options::default() };
    let served = session.runtime().block_on(async {
        let server = Server::start(Arc::new(backend), options).await?;
        interruption.received().await;
        server.shutdown(SETTLING).await;
        Ok::<(), Box<strataql_diag::Report>>(())
    });
    session.close();
    served.map_err(|report| report.message.clone())
}

/// The MCP server, with the tools of `strataql mcp`.
///
/// # Errors
/// The sentence about a flag that cannot be read.
pub(super) fn mcp(
    line: &Line,
    environment: &Environment,
    console: &Console,
    interruption: &Interruption,
) -> Result<Exit, String> {
    let config = match line.text("mcp.config") {
        path if Path::new(path).is_file() => {
            let text = std::fs::read_to_string(path).map_err(|error| error.to_string())?;
            mapping(&text, "Config")?
        }
        text => mapping(text, "Config")?,
    };
    let of_server = |key: &str| config.get("server").and_then(|server| server.get(key)?.as_str());
    let kind = match line.text("mcp.server.type") {
        "" => of_server("transport").unwrap_or("stdio"),
        kind => kind,
    };
    let mut arguments = vec!["strataql".to_owned(), "mcp".to_owned()];
    match kind {
        "stdio" => {}
        "http" => {
            arguments.push(format!("--http={}", of_server("address").unwrap_or("127.0.0.1:9876")));
        }
        other => return Err(format!("mcp server type '{other}' is not supported")),
    }
    let is_read_only = config.pointer("/server/read_only").is_some_and(|it| it == true);
    let mode = if is_read_only { Some("read_only") } else { of_server("mode") };
    let pairs = [("--mode", mode), ("--format", of_server("render"))];
    arguments
        .extend(pairs.into_iter().filter_map(|(flag, value)| Some(format!("{flag}={}", value?))));
    let tools = config.get("enabled_tools").and_then(|tools| tools.as_array());
    let tools = tools.into_iter().flatten().filter_map(|tool| tool.as_str());
    arguments.extend(tools.map(|tool| format!("--tool={tool}")));
    let parsed = CommandLine::try_parse_from(arguments).map_err(|error| error.to_string())?;
    let Command::Mcp(arguments) = parsed.command else {
        return Err("the MCP server has no command".to_owned());
    };
    let session = Session::open(line, environment, console)?;
    let folder = session.documents.folders().into_iter().next().unwrap_or_default();
    let url = format!("file:{}", folder.display());
    let settings = Settings {
        registry: folder
            .is_dir()
            .then(|| serde_json::json!({"url": url, "srcPrefix": ""}).to_string()),
        auth: Some(line.text("auth")).filter(|auth| !auth.is_empty()).map(SecretString::from),
        session: session.settings(),
        ..Settings::default()
    };
    session.close();
    Ok(commands::mcp::run(&arguments, &settings, environment, console, interruption))
}

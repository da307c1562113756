//! Choosing and filling the server URL.

use strataql_diag::{Code, Report};
use strataql_spec::{Location, Method, Piece, Server};

use super::Binder;
use crate::value::Value;

/// The filled URL of the first server whose variables all have values.
pub(super) fn choose(binder: &Binder<'_>) -> Result<String, Box<Report>> {
    let servers = &binder.method.servers;
    if servers.is_empty() {
        return Err(Box::new(
            Report::new(
                Code::BadDocument,
                format!("method `{}` has no server", binder.method.name),
            )
            .with_help("the provider document lacks `servers`"),
        ));
    }
    let known = |name: &str| binder.args.0.get(name).map(Value::text);
    let fitting = servers.iter().find(|server| fits(server, &known));
    fill(binder, fitting.unwrap_or(&servers[0]))
}

/// A server matches when each given value is one of the variable's `enum`, if it has one.
fn fits(server: &Server, known: &dyn Fn(&str) -> Option<String>) -> bool {
    server.variables.iter().all(|(name, variable)| {
        known(name)
            .is_none_or(|value| variable.values.is_empty() || variable.values.contains(&value))
    })
}

/// True if one variable is the whole host.
fn is_whole_host(server: &Server) -> bool {
    match server.pieces.as_slice() {
        [Piece::Literal(scheme), Piece::Param(_)] => scheme.ends_with("://"),
        [Piece::Param(_)] => true,
        _ => false,
    }
}

/// The URL of the server that is called with the known values, its other variables as `{name}`.
pub(super) fn template(method: &Method, known: &dyn Fn(&str) -> Option<String>) -> String {
    let fitting = method.servers.iter().find(|server| fits(server, known));
    let Some(server) = fitting.or(method.servers.first()) else { return String::new() };
    let default = |name: &str| server.variables.get(name)?.trusted_default().map(str::to_owned);
    let filled = super::filled(&server.pieces, &|name| known(name).or_else(|| default(name)));
    match filled.split_once("://") {
        Some((_, rest)) if is_whole_host(server) && rest.contains("://") => rest.to_owned(),
        _ => filled,
    }
}

fn fill(binder: &Binder<'_>, server: &Server) -> Result<String, Box<Report>> {
    let whole = is_whole_host(server);
    let mut url = String::new();
    for piece in &server.pieces {
        match piece {
            Piece::Literal(text) => url.push_str(text),
            Piece::Param(name) => url.push_str(&value(binder, server, name, whole)?),
        }
    }
    // a whole-host variable may be given with its scheme
    if let Some((scheme, rest)) = url.split_once("://")
        && rest.contains("://")
    {
        let scheme = scheme.to_owned();
        url = rest.to_owned();
        if !url.starts_with(&scheme) && !url.starts_with("https") {
            return Err(Box::new(
                Report::new(
                    Code::BadParamValue,
                    format!(
                        "the server of method `{}` must be reached over `{scheme}`",
                        binder.method.name
                    ),
                )
                .with_help(format!("give the host without a scheme, or with `{scheme}://`")),
            ));
        }
    }
    if url.starts_with('/') || !url.contains("://") {
        return Err(Box::new(Report::new(
            Code::BadDocument,
            format!("the server URL `{url}` of method `{}` is not absolute", binder.method.name),
        )));
    }
    Ok(url)
}

fn value(
    binder: &Binder<'_>,
    server: &Server,
    name: &str,
    whole: bool,
) -> Result<String, Box<Report>> {
    let param = binder
        .method
        .params
        .iter()
        .find(|param| param.location == Location::Server && param.wire == name);
    let given = match param {
        Some(param) => binder.args.value(param),
        None => binder.args.0.get(name),
    };
    let Some(text) = given.map(Value::text) else {
        return match server.variables.get(name).and_then(|variable| variable.trusted_default()) {
            Some(default) => Ok(default.to_owned()),
            None => Err(Box::new(
                Report::new(
                    Code::MissingParam,
                    format!(
                        "method `{}` needs `{name}`, which is part of its host name",
                        binder.method.name
                    ),
                )
                .with_help(format!(
                    "add `{name} = '…'`, or set it once: `SET \"variable.{}.{name}\" = '…'`",
                    binder.service.provider
                )),
            )),
        };
    };
    let bare = if whole {
        text.split_once("://").map_or(text.as_str(), |(_, rest)| rest)
    } else {
        text.as_str()
    };
    let allowed =
        |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_') || (whole && c == ':');
    let bare = if whole { bare.trim_end_matches('/') } else { bare };
    if bare.is_empty() || !bare.chars().all(allowed) {
        return Err(Box::new(
            Report::new(
                Code::BadParamValue,
                format!(
                    "`{}` is no value for `{name}`, which is part of a host name",
                    super::shortened(&text)
                ),
            )
            .with_help("give letters, digits, `-`, `_` and `.` only"),
        ));
    }
    Ok(if whole { text.trim_end_matches('/').to_owned() } else { text })
}

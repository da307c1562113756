//! The messages of the profile.
//!
//! Owns: their exact texts, which scripts compare.

/// A write, or EXEC, was sent.
pub const DESPATCHED: &str = "The operation was despatched successfully";
/// A definition was made.
pub const DEFINED: &str = "DDL Execution Completed";
/// Rows went into a local table.
pub const INSERTED: &str = "insert into table completed";
/// A local table was changed.
pub const EXECUTED: &str = "exec completed";
/// A materialized view was filled again.
pub const REFRESHED: &str = "refresh materialized view completed";
/// A write waits for COMMIT.
pub const QUEUED: &str = "mutating statement queued";
/// A transaction began, or was committed.
pub const OK: &str = "OK";
/// A transaction was given up.
pub const ROLLED_BACK: &str = "Rollback OK";
/// A transaction could not be undone.
pub const NOT_ROLLED_BACK: &str = "Rollback failed";
/// COMMIT or ROLLBACK without BEGIN.
pub const NO_TRANSACTION: &str = "no parent transaction manager available";
/// EXPLAIN planned a statement.
pub const EXPLAINED: &str = "Execution plan generated successfully";
/// Everything was purged.
pub const PURGED: &str = "Global PURGE successfully completed";
/// No rows to insert.
pub const NOTHING_TO_INSERT: &str = "cannot insert zero data";
/// RETURNING of a DELETE that waits.
pub const NO_ASYNC_RETURNING: &str = "returning from asynchronous delete is disallowed";
/// `registry list` of a folder.
pub const LOCAL_LIST: &str = "'registry list' is meaningless in local mode";

/// An output format that there is not.
pub fn no_writer(format: &str) -> String {
    format!("unable to create output writer for output format = '{format}'")
}

/// An answer whose status is no success.
pub fn http_status(status: u16, body: &[u8]) -> String {
    if body.is_empty() {
        return format!("http response status code: {status}, response body is nil");
    }
    format!("http response status code: {status}, response body: {}", String::from_utf8_lossy(body))
}

/// A write whose answer is no success; `reason` is as the server words it, or the usual phrase.
pub fn over_http(verb: &str, status: u16, reason: &str) -> String {
    format!("{verb} over HTTP error: {status} {reason}")
}

/// A DELETE whose answer is no success.
pub fn delete_refused(status: u16, body: &str) -> String {
    format!(
        "Response error.  Status code {status}.  Body: {}",
        crate::go_json::respelt(body.trim())
    )
}

/// A provider was pulled.
pub fn pulled(provider: &str, version: &str) -> String {
    format!("{provider} provider, version '{version}' successfully installed")
}

/// PURGE of one kind.
pub fn purged(kind: &str) -> String {
    format!("PURGE of type '{}' successfully completed", kind.to_lowercase())
}

/// PURGE of what there is not.
pub fn no_purge(kind: &str) -> String {
    format!("purge target '{kind}' not supported")
}

/// SLEEP ended.
pub fn slept(milliseconds: u64) -> String {
    format!("Success: slept for {milliseconds} milliseconds")
}

/// A completed step of a transaction that did not end well.
pub fn undo_required(resource: &str) -> String {
    format!("UNDO required: Undo the insert on {resource}")
}

/// Text that is no statement.
pub fn syntax(position: usize, near: &str) -> String {
    format!(
        "error:  You have an error in your stackql syntax; parser error: Code: INVALID_ARGUMENT\nsyntax error at position {position} near '{near}'\n"
    )
}

/// No method fits the statement.
pub fn no_method(verb: &str, resource: &str) -> String {
    let (short, in_resource) = (resource.rsplit('.').next().unwrap_or(resource), resource);
    let verb = verb.to_lowercase();
    no_operation(in_resource, &format!("no appropriate method = '{verb}' for resource = '{short}'"))
}

/// The sentence before the cause, where no operation can be found.
pub fn no_operation(resource: &str, cause: &str) -> String {
    format!(
        "cannot find matching operation, possible causes include missing required parameters or an unsupported method for the resource, to find required parameters for supported methods run SHOW METHODS IN {resource}: {cause}"
    )
}

/// A provider that is not installed.
pub fn no_provider(name: &str) -> String {
    format!(
        "cannot find provider = '{name}': locally stored providers not viable. Please try a pull from the registry.  Error: the provider '{name}' is not installed"
    )
}

/// A service that the provider does not have.
pub fn no_service(name: &str) -> String {
    format!("cannot resolve service with key = '{name}'")
}

/// A resource that the service does not have.
pub const NO_RESOURCE: &str = "OpenAPIService.GetResource() failure";

/// A relation that is not there.
pub fn no_table(name: &str) -> String {
    format!("could not locate table '{name}'")
}

/// A method that the resource does not have.
pub fn no_method_key(name: &str) -> String {
    format!("could not find method for key = '{name}'")
}

/// A parameter of EXEC that is missing.
pub fn no_exec_parameter(name: &str) -> String {
    format!("required param not supplied for exec: could not find variable '{name}'")
}

/// A column that is projected and not there.
pub fn no_column(name: &str) -> String {
    format!("sql packet preparation error: no such column: {name}")
}

/// A column of WHERE that is not there.
pub fn no_symbol(name: &str) -> String {
    format!("could not locate symbol {name}")
}

/// What SHOW cannot show.
pub fn no_show(what: &str) -> String {
    format!("SHOW statement not supported for '{what}'")
}

/// The usual phrase of a status, in capitals as most servers of Python send it.
pub fn phrase(status: u16) -> &'static str {
    match status {
        400 => "BAD REQUEST",
        401 => "UNAUTHORIZED",
        402 => "PAYMENT REQUIRED",
        403 => "FORBIDDEN",
        404 => "NOT FOUND",
        405 => "METHOD NOT ALLOWED",
        406 => "NOT ACCEPTABLE",
        408 => "REQUEST TIMEOUT",
        409 => "CONFLICT",
        410 => "GONE",
        411 => "LENGTH REQUIRED",
        412 => "PRECONDITION FAILED",
        413 => "REQUEST ENTITY TOO LARGE",
        415 => "UNSUPPORTED MEDIA TYPE",
        418 => "I'M A TEAPOT",
        422 => "UNPROCESSABLE ENTITY",
        423 => "LOCKED",
        429 => "TOO MANY REQUESTS",
        500 => "INTERNAL SERVER ERROR",
        501 => "NOT IMPLEMENTED",
        502 => "BAD GATEWAY",
        503 => "SERVICE UNAVAILABLE",
        504 => "GATEWAY TIMEOUT",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_stand_behind_the_status() {
        assert_eq!(http_status(403, b""), "http response status code: 403, response body is nil");
        assert_eq!(
            http_status(501, b"{\"a\": 1}\n"),
            "http response status code: 501, response body: {\"a\": 1}\n"
        );
        assert_eq!(
            over_http("insert", 500, phrase(500)),
            "insert over HTTP error: 500 INTERNAL SERVER ERROR"
        );
        assert_eq!(
            delete_refused(404, "{ \"b\": 1, \"a\": 2 }\n"),
            "Response error.  Status code 404.  Body: {\"a\":2,\"b\":1}"
        );
    }

    #[test]
    fn a_missing_parameter_points_at_show_methods() {
        assert_eq!(
            no_method("SELECT", "p.s.r"),
            "cannot find matching operation, possible causes include missing required parameters or an unsupported method for the resource, to find required parameters for supported methods run SHOW METHODS IN p.s.r: no appropriate method = 'select' for resource = 'r'"
        );
        assert_eq!(
            syntax(8, "from"),
            "error:  You have an error in your stackql syntax; parser error: Code: INVALID_ARGUMENT\nsyntax error at position 8 near 'from'\n"
        );
        assert_eq!(purged("CONSERVATIVE"), "PURGE of type 'conservative' successfully completed");
        assert_eq!(
            pulled("google", "v0.1.2"),
            "google provider, version 'v0.1.2' successfully installed"
        );
        assert_eq!(phrase(599), "");
    }
}

//! The flags of the profile's command line.
//!
//! Owns: one row per flag: name, shorthand, kind, default, meaning. The parser, the help text and the
//! file of settings read it.

/// What a flag takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Nothing, or `=true`, `=false`.
    Switch,
    /// A text.
    Text,
    /// A whole number.
    Number,
    /// A text; may be repeated.
    Texts,
}

/// A flag.
#[derive(Debug, Clone, Copy)]
pub struct Flag {
    /// Its name, without dashes.
    pub name: &'static str,
    /// Its letter.
    pub short: Option<char>,
    /// What it takes.
    pub kind: Kind,
    /// Its value when it is not given.
    pub default: &'static str,
    /// What it does.
    pub meaning: &'static str,
}

const fn text(name: &'static str, default: &'static str, meaning: &'static str) -> Flag {
    Flag { name, short: None, kind: Kind::Text, default, meaning }
}

const fn number(name: &'static str, default: &'static str, meaning: &'static str) -> Flag {
    Flag { name, short: None, kind: Kind::Number, default, meaning }
}

const fn switch(name: &'static str, meaning: &'static str) -> Flag {
    Flag { name, short: None, kind: Kind::Switch, default: "false", meaning }
}

impl Flag {
    const fn letter(self, short: char) -> Self {
        Self { short: Some(short), ..self }
    }
}

/// Every flag, in the order of the help text.
pub const FLAGS: &[Flag] = &[
    text("acid", "{}", "JSON / YAML string to configure transactions"),
    text("apirequesttimeout", "45", "API request timeout in seconds, 0 for no timeout"),
    text("approot", "", "Application config and cache root path"),
    text("approotfilemode", "493", "Application config and cache file mode"),
    text(
        "auth",
        "",
        "auth contexts keyvals in json form, eg: '{ \"provider\": { \"type\": \"bearer\" } }'",
    ),
    number("cachekeycount", "100", "Cache key initial count"),
    text("colorscheme", "", "Color scheme, must be one of {'DARK', 'LIGHT', 'NULL'}"),
    text("configfile", "", "Config file full path"),
    text("cpuprofile", "", "cpuprofile file, none if empty"),
    number("dataflow.components.max", "50", "Max dataflow weakly connected components"),
    number("dataflow.dependency.max", "50", "Max dataflow dependency depth"),
    text("dbInternal", "{}", "JSON / YAML string to configure DBMS housekeeping query handling"),
    text(
        "delimiter",
        ",",
        "Delimiter for csv output. Single character only. Ignored for all non-csv output",
    )
    .letter('d'),
    switch("dryrun", "dryrun flag; preprocessor only will run and output returned"),
    text("env.file", "", "Path of a file with lines KEY=VALUE that is read into the environment"),
    text(
        "errorpresentation",
        "stderr",
        "Error presentation, options are: {\"stderr\", \"record\"}",
    ),
    number("execution.concurrency.limit", "1", "Concurrency limit for query execution"),
    text("export.alias", "", "Export alias, used as a prefix for materialized views and tables"),
    text("gc", "{}", "JSON / YAML string to configure garbage collection"),
    switch("help", "help for stackql").letter('h'),
    switch("hideheaders", "Hide column headers in output").letter('H'),
    switch("http.log.enabled", "Display http request info in terminal"),
    text("http.proxy.host", "", "HTTP proxy host, empty means no proxy"),
    text("http.proxy.password", "", "HTTP proxy password"),
    number(
        "http.proxy.port",
        "-1",
        "HTTP proxy port, any number <=0 will result in the default port",
    ),
    text("http.proxy.scheme", "http", "HTTP proxy scheme, eg 'http'"),
    text("http.proxy.user", "", "HTTP proxy user"),
    number(
        "http.response.maxResults",
        "-1",
        "Max results per http request, any number <=0 results in no limitation",
    ),
    number(
        "http.response.pageLimit",
        "20",
        "Max pages of results that will be returned per resource, any number <=0 results in no limitation",
    ),
    number("indirect.depth.max", "5", "Max depth for indirect queries: views and subqueries"),
    text("infile", "stdin", "Input file from which queries are read").letter('i'),
    text("iqldata", "", "Context file for templating").letter('q'),
    text("loglevel", "fatal", "loglevel"),
    text("mcp.config", "{}", "MCP server config file path (YAML or JSON), or the config itself"),
    text("mcp.server.type", "", "MCP server type, one of {'http', 'stdio', 'reverse_proxy'}"),
    number("metadatattl", "3600", "TTL for cached metadata"),
    text("namespaces", "{}", "JSON / YAML string to configure namespaces"),
    switch("offline", "Work in offline mode"),
    text("outfile", "stdout", "Output file into which results are written").letter('f'),
    text("output", "table", "Output format, must be (json | jsonl | table | csv | text | pptext)")
        .letter('o'),
    text("pgsrv.address", "0.0.0.0", "server address, for server mode only"),
    switch("pgsrv.debug.enable", "Enables notices in server mode"),
    text("pgsrv.loglevel", "WARN", "Log level, for server mode only"),
    number("pgsrv.port", "5466", "TCP server port, for server mode only"),
    text("pgsrv.sundry", "{}", "JSON / YAML string to configure sundry server matters"),
    text("pgsrv.tls", "", "tls config for server, for server mode only"),
    text("preview", "{}", "JSON / YAML string to configure the preview provider"),
    text("provider", "", "stackql provider"),
    number("querycachesize", "10000", "Size in number of entries of LRU cache for query plans."),
    text("registry", "", "openapi registry context keyvals in json form"),
    text("session", "{}", "JSON / YAML string to configure sessions"),
    text("sqlBackend", "{}", "JSON / YAML string to configure SQL backend database"),
    text("store.txn", "{}", "JSON / YAML string to configure the transaction store"),
    text("tls.CABundle", "", "Path to CA bundle, if not specified then system defaults used"),
    switch("tls.allowInsecure", "Allow insecure TLS (not recommended)"),
    switch("usenonpreferredapis", "usenonpreferredapis flag"),
    Flag {
        name: "var",
        short: None,
        kind: Kind::Texts,
        default: "",
        meaning: "variables for jsonnet templates, as KEY=VALUE; may be repeated",
    },
    switch("verbose", "Verbose flag").letter('v'),
    switch("version", "version for stackql"),
];

/// The flag of a name.
pub(crate) fn named(name: &str) -> Option<&'static Flag> {
    FLAGS.iter().find(|flag| flag.name == name)
}

/// The flag of a letter.
pub(crate) fn lettered(letter: char) -> Option<&'static Flag> {
    FLAGS.iter().find(|flag| flag.short == Some(letter))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_letters_are_distinct_and_sorted() {
        let names: Vec<&str> = FLAGS.iter().map(|flag| flag.name).collect();
        let mut sorted = names.clone();
        sorted.sort_unstable_by_key(|name| name.to_ascii_lowercase());
        sorted.dedup();
        assert_eq!(names.len(), sorted.len());
        let mut letters: Vec<char> = FLAGS.iter().filter_map(|flag| flag.short).collect();
        letters.sort_unstable();
        let count = letters.len();
        letters.dedup();
        assert_eq!(letters.len(), count);
        assert_eq!(named("output").and_then(|flag| flag.short), Some('o'));
        assert_eq!(lettered('H').map(|flag| flag.name), Some("hideheaders"));
        assert!(named("outptu").is_none() && lettered('z').is_none());
    }
}

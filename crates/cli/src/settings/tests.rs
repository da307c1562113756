//! Precedence, locations and error messages.

use std::path::Path;
use std::time::Duration;

use secrecy::ExposeSecret;

use super::*;
use crate::args::Target;

const FILE: &str = "\
output = \"csv\"
timeout = \"5m\"
max_writes = 1_000
read_only = true
ledger = true
registry = \"file:/from-file\"
ca_bundle = \"/pem\"

[endpoint]
github = \"http://localhost:1\"
google = \"http://localhost:2\"

[set]
on_error = \"partial\"
\"scan.order\" = \"arrival\"

[variable.databricks_workspace]
deployment_name = \"dbc-1\"

[auth.github]
type = \"bearer\"
credentialsenvvar = \"GH_TOKEN\"
";

fn resolve(pairs: &[(&str, &str)], file: Option<&str>, flags: &Flags<'_>) -> Result<Settings> {
    Settings::resolve(&Environment::of(pairs), file, flags)
}

fn refused(pairs: &[(&str, &str)], file: Option<&str>) -> Box<Report> {
    resolve(pairs, file, &Flags::default()).expect_err("refused")
}

fn owned(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

#[test]
fn defaults_need_nothing() {
    let settings = resolve(&[], None, &Flags::default()).expect("defaults");
    assert_eq!(settings.output, Format::Table);
    assert_eq!(settings.error_format, ErrorFormat::Text);
    assert!(settings.ledger);
    assert_eq!(settings.places, Places::default());
    assert_eq!(settings.session, SessionSettings::default());
}

#[test]
fn the_file_wins_over_defaults() {
    let settings = resolve(&[], Some(FILE), &Flags::default()).expect("valid");
    assert_eq!(settings.output, Format::Csv);
    assert_eq!(settings.session.timeout, Some(Duration::from_mins(5)));
    assert_eq!(settings.session.max_writes, 1000);
    assert!(settings.session.read_only);
    assert_eq!(settings.registry.as_deref(), Some("file:/from-file"));
    assert_eq!(
        settings.endpoints,
        owned(&[("github", "http://localhost:1"), ("google", "http://localhost:2")])
    );
    assert!(settings.session.keeps_partial && settings.session.arrival_order);
    let variable = ("databricks_workspace".to_owned(), "deployment_name".to_owned());
    assert_eq!(settings.session.variables[&variable], "dbc-1");
    let auth: serde_json::Value =
        serde_json::from_str(settings.auth.expect("given").expose_secret()).expect("JSON");
    assert_eq!(auth["github"]["credentialsenvvar"], "GH_TOKEN");
}

#[test]
fn the_environment_wins_over_the_file_and_flags_win_over_both() {
    let pairs = [
        ("STRATAQL_OUTPUT", "json"),
        ("STRATAQL_TIMEOUT", "10s"),
        ("STRATAQL_MAX_WRITES", "7"),
        ("STRATAQL_LEDGER", "off"),
        ("STRATAQL_REGISTRY", "file:/from-env"),
        ("STRATAQL_ENDPOINT", "github=http://localhost:3, aws=http://localhost:4"),
        ("STRATAQL_ERROR_FORMAT", "json"),
        ("STRATAQL_ON_ERROR", "error"),
        ("STRATAQL_BUDGET_REQUESTS", "5"),
        ("STRATAQL_LEDGER_BEFORE_IMAGE", "on"),
    ];
    let settings = resolve(&pairs, Some(FILE), &Flags::default()).expect("valid");
    assert_eq!(settings.output, Format::Json);
    assert_eq!(settings.session.timeout, Some(Duration::from_secs(10)));
    assert_eq!(settings.session.max_writes, 7);
    assert!(!settings.session.keeps_partial && settings.session.before_image);
    assert_eq!(settings.session.budget_requests, Some(5));
    assert!(!settings.ledger);
    assert_eq!(settings.error_format, ErrorFormat::Json);
    assert_eq!(
        settings.endpoints,
        owned(&[
            ("google", "http://localhost:2"),
            ("github", "http://localhost:3"),
            ("aws", "http://localhost:4"),
        ])
    );

    let output = OutputArguments { output: Some(Target::Format(Format::Jsonl)), outfile: None };
    let session = SessionArguments {
        registry: Some("file:/from-flag".to_owned()),
        timeout: Some("1s".to_owned()),
        max_writes: Some(1),
        endpoint: vec!["aws=http://localhost:5".to_owned()],
        set: vec!["on_error=partial".to_owned(), "timeout=2s".to_owned()],
        ca_bundle: Some(PathBuf::from("/other")),
        ..SessionArguments::default()
    };
    let flags = Flags {
        error_format: Some(ErrorFormat::Text),
        log: Some(LogLevel::Debug),
        output: Some(&output),
        session: Some(&session),
        ..Flags::default()
    };
    let settings = resolve(&pairs, Some(FILE), &flags).expect("valid");
    assert_eq!(settings.output, Format::Jsonl);
    assert_eq!(settings.error_format, ErrorFormat::Text);
    assert_eq!((settings.log, settings.log_format), (LogLevel::Debug, LogFormat::Text));
    assert_eq!(settings.session.timeout, Some(Duration::from_secs(1)));
    assert_eq!(settings.session.max_writes, 1);
    assert!(settings.session.keeps_partial);
    assert_eq!(settings.registry.as_deref(), Some("file:/from-flag"));
    assert_eq!(settings.ca_bundle.as_deref(), Some(Path::new("/other")));
    assert_eq!(settings.endpoints[2].1, "http://localhost:5");
}

#[test]
fn read_only_cannot_be_switched_off() {
    let settings =
        resolve(&[("STRATAQL_READ_ONLY", "off")], Some("read_only = true"), &Flags::default());
    assert!(settings.expect("valid").session.read_only);
    let session = SessionArguments::default();
    let flags = Flags { session: Some(&session), ..Flags::default() };
    assert!(
        resolve(&[("STRATAQL_READ_ONLY", "on")], None, &flags).expect("valid").session.read_only
    );
}

#[test]
fn unknown_keys_are_errors_with_a_suggestion_and_a_line() {
    let report = refused(&[], Some("output = \"csv\"\n\nread_onyl = true\n"));
    assert_eq!(report.code, Code::Config);
    assert_eq!(report.message, "there is no setting `read_onyl`");
    assert_eq!(report.help, ["did you mean `read_only`?"]);
    assert_eq!(report.place.expect("a place").line, 3);
    let report = refused(&[], Some("[endpoints]\ngithub = \"http://localhost:1\"\n"));
    assert_eq!(report.help, ["did you mean `endpoint`?"]);
    assert_eq!(report.place.expect("a place").line, 2);
    let report = refused(&[], Some("on_error = \"partial\""));
    assert!(report.help[0].contains("[set]"), "{report:?}");
}

#[test]
fn wrong_values_name_their_origin() {
    let report = refused(&[], Some("timeout = \"soon\""));
    assert_eq!((report.code, report.place.expect("a place").line), (Code::Config, 1));
    let report = refused(&[], Some("[set]\n\"scan.order\" = \"random\""));
    assert_eq!((report.code, report.place.expect("a place").line), (Code::BadParamValue, 2));
    let report = refused(&[("STRATAQL_SCAN_ORDER", "random")], None);
    assert_eq!(report.code, Code::Config);
    assert_eq!(report.help, ["give `values` or `arrival`"]);
    assert!(report.notes.iter().any(|note| note.contains("STRATAQL_SCAN_ORDER")), "{report:?}");
    let report = refused(&[("STRATAQL_OUTPUT", "jsno")], None);
    assert_eq!(report.code, Code::Config);
    assert!(report.help[0].contains("`json`"), "{report:?}");
    assert!(report.notes.iter().any(|note| note.contains("STRATAQL_OUTPUT")), "{report:?}");
    let session = SessionArguments { timeout: Some("soon".to_owned()), ..Default::default() };
    let flags = Flags { session: Some(&session), ..Flags::default() };
    assert_eq!(resolve(&[], None, &flags).expect_err("no duration").code, Code::Usage);
    assert_eq!(refused(&[], Some("output = ")).place.expect("a place").line, 1);
    assert_eq!(refused(&[], Some("\noutput = [\"csv\"]")).place.expect("a place").line, 2);
}

#[test]
fn places_follow_the_environment() {
    let places =
        |pairs: &[(&str, &str)]| resolve(pairs, None, &Flags::default()).expect("valid").places;
    let plain = places(&[("HOME", "/u")]);
    assert_eq!(plain.home.as_deref(), Some(Path::new("/u/.local/share/strataql")));
    assert_eq!(plain.cache.as_deref(), Some(Path::new("/u/.cache/strataql")));
    assert_eq!(plain.config.as_deref(), Some(Path::new("/u/.config/strataql/config.toml")));
    assert_eq!(plain.registry().as_deref(), Some(Path::new("/u/.local/share/strataql/registry")));
    let moved = places(&[
        ("HOME", "/u"),
        ("STRATAQL_HOME", "/data"),
        ("XDG_CACHE_HOME", "/cache"),
        ("XDG_CONFIG_HOME", "relative"),
    ]);
    assert_eq!(moved.ledger().as_deref(), Some(Path::new("/data/ledger")));
    assert_eq!(moved.tables().as_deref(), Some(Path::new("/data/tables")));
    assert_eq!(moved.cache.as_deref(), Some(Path::new("/cache/strataql")));
    assert_eq!(moved.config, plain.config);
    let settings =
        resolve(&[("STRATAQL_HOME", "/env")], Some("home = \"/file\""), &Flags::default());
    assert_eq!(settings.expect("valid").places.home.as_deref(), Some(Path::new("/env")));
}

#[test]
fn only_a_named_file_must_exist() {
    let nowhere = [("HOME", "/nonexistent/user")];
    assert_eq!(read_config(&Environment::of(&nowhere)), Ok(None));
    assert_eq!(read_config(&Environment::empty()), Ok(None));
    let named = [("STRATAQL_CONFIG", "/nonexistent/config.toml")];
    assert_eq!(read_config(&Environment::of(&named)).expect_err("missing").code, Code::Config);
}

#[test]
fn parameters_are_pairs_and_given_once() {
    let entries = |entries: &[&str]| -> Vec<String> {
        entries.iter().map(|entry| (*entry).to_owned()).collect()
    };
    assert_eq!(
        parameters(&entries(&["1=a", "name=x=y"])),
        Ok(owned(&[("1", "a"), ("name", "x=y")]))
    );
    assert_eq!(parameters(&entries(&["1=a", "1=b"])).expect_err("twice").code, Code::Usage);
    assert_eq!(parameters(&entries(&["lonely"])).expect_err("no value").code, Code::Usage);
}

#[test]
fn credentials_never_show() {
    let settings = resolve(&[("STRATAQL_AUTH", "hunter22")], None, &Flags::default());
    assert!(!format!("{:?}", settings.expect("valid")).contains("hunter22"));
}

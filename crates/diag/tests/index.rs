//! The error index: `docs/errors.md` is generated from [`Code::ALL`] and compared here.
//!
//! `UPDATE_EXPECT=1` writes the page.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use strataql_diag::{Class, Code};

const HEAD: &str = "\
# Errors

Every error has a code. It is printed in brackets after `error`, and in the field `code` with
`--error-format json`:

```text
error[missing-param]: reading `databricks_account.oauth2.published_app_integration` needs `account_id`
```

Codes are stable: they are never renamed or reused. Scripts should test the code or the exit code, not
the message. The SQLSTATE is for clients of the PostgreSQL protocol; several codes may share one.

Exit code 0 means success. With any other exit code, rows that were already printed (`jsonl`, `csv` and
`text` print rows as they arrive) are not the whole result, except with exit code 1: it means that a check
is false, and the rows are what it found.

This page is generated from `crates/diag/src/code.rs`:
`UPDATE_EXPECT=1 cargo test -p strataql-diag --test index` writes it.
";

/// The heading of a class and what to do about its errors.
fn class_text(class: Class) -> (&'static str, &'static str) {
    match class {
        Class::Check => {
            ("A check is false", "The statement ran, and what it checks does not hold.")
        }
        Class::Statement => (
            "Statement and command line",
            "The statement or the command line is wrong. Where possible the position is marked, and `help` \
             says what to do. Running the same statement again gives the same error.",
        ),
        Class::Remote => (
            "The service refused",
            "The service rejected the request, or its response cannot be trusted. The note names the \
             request and quotes the service's message.",
        ),
        Class::Auth => (
            "Credentials",
            "The provider's document defines which environment variables are read; `--auth` replaces them.",
        ),
        Class::Transient => (
            "Not reachable",
            "No usable response arrived in time. Reads are retried until their budget is spent, so the \
             failure lasted longer than that. Running the statement again later may work.",
        ),
        Class::Document => (
            "Provider documents",
            "The document that describes the provider is invalid. `strataql provider lint PATH` lists all \
             problems with file and line.",
        ),
        Class::Partial => (
            "Partial result",
            "Rows were printed, but some are missing because the user allowed partial results.",
        ),
        Class::Limit => (
            "Limits",
            "A limit that the user set was reached. Narrow the statement or raise the limit.",
        ),
        Class::UnknownOutcome => (
            "Unknown outcome",
            "The object may or may not have been changed; check it at the service. The request was not \
             retried.",
        ),
        Class::Local => (
            "This machine",
            "The cause is a file, a folder or the configuration on this machine, not a service.",
        ),
        Class::Internal => (
            "Bugs",
            "strataql has a bug. Please report it with the statement and the whole message.",
        ),
        Class::Interrupt => (
            "Interrupted",
            "Requests in flight were cancelled. A write among them may have reached the service.",
        ),
    }
}

/// The page.
fn page() -> String {
    let mut classes: Vec<Class> = Vec::new();
    for code in Code::ALL {
        if !classes.contains(&code.class()) {
            classes.push(code.class());
        }
    }
    classes.sort_by_key(|class| class.exit_code());
    let mut page = HEAD.to_owned();
    for class in classes {
        let (title, advice) = class_text(class);
        write!(page, "\n## {title}: exit code {}\n\n{advice}\n\n", class.exit_code())
            .expect("a text grows");
        page.push_str("| code | SQLSTATE | meaning |\n|---|---|---|\n");
        for code in Code::ALL.iter().filter(|code| code.class() == class) {
            let meaning: Vec<&str> = code.meaning().split_whitespace().collect();
            writeln!(page, "| `{code}` | {} | {} |", code.sqlstate(), meaning.join(" "))
                .expect("a text grows");
        }
    }
    page
}

fn committed() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/errors.md")
}

#[test]
fn the_page_says_what_the_registry_says() {
    let page = page();
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        fs::write(committed(), &page).expect("writable");
    }
    let found = fs::read_to_string(committed()).expect("docs/errors.md is there");
    let place = page.lines().zip(found.lines()).position(|(wanted, found)| wanted != found);
    assert!(
        page == found,
        "docs/errors.md differs from the registry at line {}; \
         `UPDATE_EXPECT=1 cargo test -p strataql-diag --test index` writes it",
        place.unwrap_or_else(|| page.lines().count().min(found.lines().count())) + 1
    );
}

#[test]
fn every_code_is_listed_once() {
    let page = page();
    for code in Code::ALL {
        assert_eq!(page.matches(&format!("\n| `{code}` |")).count(), 1, "{code}");
    }
    assert_eq!(page.matches("\n| `").count(), Code::ALL.len());
}

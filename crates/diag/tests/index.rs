//! The error index: `docs/errors.md` is made from [`Code::ALL`] and compared with it here.
//!
//! `UPDATE_EXPECT=1` writes the page.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use strataql_diag::{Class, Code};

const HEAD: &str = "\
# Errors

Every failure has a code. It stands in brackets behind `error`, and in the field `code` with
`--error-format json`:

```text
error[missing-param]: reading `databricks_account.oauth2.published_app_integration` needs `account_id`
```

Codes are stable: none is ever renamed or used again for something else. Scripts look at the code or
at the exit code, never at the message. The SQLSTATE is what programs that speak the PostgreSQL
protocol expect; several codes may share one.

An exit code of 0 means that everything was done. With any other, rows that were already printed
(`jsonl`, `csv` and `text` print rows as they arrive) are not the whole result. Exit code 1 has no
error code and is kept for commands that check something: they ran, and it is not so.

This page is made from the registry in `crates/diag/src/code.rs`:
`UPDATE_EXPECT=1 cargo test -p strataql-diag --test index` writes it.
";

/// The heading of a class and what to do about its errors.
fn class_text(class: Class) -> (&'static str, &'static str) {
    match class {
        Class::Statement => (
            "Statement and command line",
            "Something in what was typed is wrong. Where its place is known it is marked, and `help` says \
             how to go on. Running the same statement again gives the same error.",
        ),
        Class::Remote => (
            "The service refused",
            "The service was reached and said no, or its answer cannot be trusted. The note names the \
             request; the service's own words are quoted.",
        ),
        Class::Auth => (
            "Credentials",
            "Which environment variables a provider reads stands in its document; `--auth` replaces them.",
        ),
        Class::Transient => (
            "Not reachable",
            "No usable answer came in time. Reads are repeated as long as their budget lasts, so what is \
             reported here lasted longer. Running the statement again later may work.",
        ),
        Class::Document => (
            "Provider documents",
            "The document that describes the provider is at fault. `strataql provider lint PATH` lists all \
             that is wrong with it, with file and line.",
        ),
        Class::Partial => (
            "Partial result",
            "Rows were printed, and something is missing from them because the user allowed that.",
        ),
        Class::Limit => (
            "Limits",
            "A limit that was set on purpose was reached. Narrow the statement or raise the limit.",
        ),
        Class::UnknownOutcome => (
            "Unknown outcome",
            "The one failure after which somebody has to look: whether the object was changed can only be \
             found out at the service. Nothing was repeated.",
        ),
        Class::Local => (
            "This machine",
            "A file, a folder or the configuration on this machine is at fault; no service is.",
        ),
        Class::Internal => (
            "Defects",
            "strataql is at fault. Please report it with the statement and the whole message.",
        ),
        Class::Interrupt => (
            "Interrupted",
            "Requests in flight were abandoned. A write among them may have reached the service.",
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

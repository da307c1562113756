//! The reference page of the settings.

use std::path::PathBuf;

use super::SETTINGS;

const HEAD: &str = "\
# Settings

`SET name = 'value'` changes a setting for the rest of the session, `SET name = DEFAULT` takes it back.
`SHOW SETTINGS`, and the table `sys.settings`, show what holds now.

```sql
SET budget.requests = 100;
SHOW SETTINGS LIKE 'budget.%';
```

| setting | default | values | meaning |
|---|---|---|---|
";

const FOOT: &str = "
This page is made from the table in `crates/query/src/settings/table.rs`:
`UPDATE_EXPECT=1 cargo test -p strataql-query settings` writes it.
";

fn page() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/settings.md")
}

#[expect(clippy::disallowed_methods, reason = "a test asks how it was started")]
fn rewrites() -> bool {
    std::env::var("UPDATE_EXPECT").is_ok()
}

fn reference() -> String {
    let code = |text: &str| if text.is_empty() { String::new() } else { format!("`{text}`") };
    let rows: Vec<String> = SETTINGS
        .iter()
        .map(|setting| {
            let cells = [
                code(setting.name),
                code(&setting.default()),
                setting.values(),
                setting.meaning.to_owned(),
            ];
            format!("| {} |\n", cells.map(|cell| cell.replace('|', "\\|")).join(" | "))
        })
        .collect();
    [HEAD, &rows.concat(), FOOT].concat()
}

#[test]
fn the_page_is_up_to_date() {
    let made = reference();
    if rewrites() {
        std::fs::write(page(), &made).expect("written");
    }
    let there = std::fs::read_to_string(page()).unwrap_or_default();
    assert!(there == made, "docs/settings.md is out of date: run the test with UPDATE_EXPECT=1");
}

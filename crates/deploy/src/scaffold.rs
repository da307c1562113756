//! The files of a new stack.

use std::fmt::Write as _;

use crate::manifest::MANIFEST;
use crate::runner::Described;

/// Paths and texts of a stack with one native resource.
pub fn scaffold(
    stack: &str,
    provider: &str,
    environment: &str,
    described: &Described,
) -> Vec<(String, String)> {
    let short = described.name.rsplit('.').next().unwrap_or(&described.name);
    let mut manifest = format!(
        "version: 2\nname: {stack}\nproviders:\n  - {provider}\nresources:\n  - name: {short}\n    resource: {}\n    props:\n",
        described.name
    );
    let insert = described.methods.iter().find(|method| method.verb == "insert");
    let fields = insert.into_iter().flat_map(|method| method.parameters.iter().chain(&method.body));
    let mut globals = String::new();
    let mut seen = Vec::new();
    for field in fields {
        if field.is_read_only || seen.contains(&&field.name) {
            continue;
        }
        seen.push(&field.name);
        let name = &field.name;
        // writing to a string cannot fail
        let _ok = if field.is_required {
            writeln!(globals, "  - {{name: {name}, value: \"{{{{ {} }}}}\"}}", name.to_uppercase())
                .and_then(|()| {
                    writeln!(manifest, "      - {{name: {name}, value: \"{{{{ {name} }}}}\"}}")
                })
        } else {
            let values = if field.values.is_empty() {
                String::new()
            } else {
                format!(", one of {}", field.values.join(", "))
            };
            writeln!(manifest, "      # - {{name: {name}, value: …}}  # {}{values}", field.kind)
        };
    }
    if !globals.is_empty() {
        manifest = manifest.replace("resources:\n", &format!("globals:\n{globals}resources:\n"));
    }
    if seen.is_empty() {
        manifest = manifest.replace("    props:\n", "");
    }
    let readme = format!(
        "# {stack}\n\n```console\n$ strataql deploy lint .\n$ strataql deploy plan . {environment}\n$ strataql deploy build . {environment}\n$ strataql deploy test . {environment}\n$ strataql deploy teardown . {environment}\n```\n\nGive values of globals with `-e NAME=value`, in `.env`, or in the environment.\n"
    );
    vec![(MANIFEST.to_owned(), manifest), ("README.md".to_owned(), readme)]
}

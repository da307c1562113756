//! Lints a folder of provider documents and prints totals.
//!
//! `cargo run -p strataql-registry --example lint -- FOLDER [--all]`

#![allow(clippy::print_stdout, reason = "an example talks to whoever runs it")]

use std::collections::BTreeMap;
use std::path::PathBuf;

use strataql_registry::lint;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args_os().skip(1);
    let folder: PathBuf = arguments.next().ok_or("give a folder")?.into();
    let shows_all = arguments.any(|argument| argument == "--all");
    let found = lint(&folder)?;
    println!(
        "{} providers, {} services, {} resources ({} views), {} methods, {} selectable",
        found.providers,
        found.services,
        found.resources,
        found.views,
        found.methods,
        found.selectable
    );
    println!(
        "{} bytes in {:?}, {} missing, {} fatal",
        found.bytes, found.elapsed, found.missing, found.fatal
    );
    for (what, time) in [("slowest", &found.slowest), ("largest", &found.largest)] {
        if let Some(time) = time {
            println!(
                "{what}: {} ({} bytes, compiled {}), cold {:?}, warm {:?}",
                time.file, time.bytes, time.compiled_bytes, time.cold, time.warm
            );
        }
    }
    let mut kinds: BTreeMap<String, usize> = BTreeMap::new();
    for report in &found.reports {
        if shows_all {
            println!("{report}");
        }
        // names in backticks differ; the rest identifies the kind
        let sentence: String = report.message.split('`').step_by(2).collect::<Vec<_>>().join("…");
        *kinds.entry(format!("{} {sentence}", report.code)).or_default() += 1;
    }
    for (kind, count) in kinds {
        println!("{count:6}  {kind}");
    }
    Ok(())
}

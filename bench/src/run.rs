//! `run`: runs scenarios one after the other, then prints figures as a table and as JSON.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::json;

use crate::floor::Floor;
use crate::machine;
use crate::options::Options;
use crate::program::Program;
use crate::report::{HEAD, Outcome};
use crate::scenario::{Bench, SCENARIOS, Scenario};

/// Above this load the machine has other work, and figures would be about that.
const BUSY: f64 = 1.5;

/// Runs scenarios; true if every target is met.
pub(crate) fn run(words: &[String]) -> Result<bool, String> {
    let mut options = Options::new(words);
    let lists = options.switch("--list");
    let saves = options.switch("--save");
    let binary: Option<PathBuf> = options.value("--binary")?;
    let json_file: Option<PathBuf> = options.value("--json")?;
    let runs = options.value("--runs")?.unwrap_or(5);
    let chosen = chosen(&options.rest()?)?;
    if lists {
        for scenario in chosen {
            println!("{:<12} {}", scenario.name, scenario.about);
        }
        return Ok(true);
    }
    let load = machine::load();
    if load > BUSY && !machine::is_real_time() {
        let busy = format!("the machine is busy (load {load}); `chrt -r 1` goes before its work");
        if saves {
            return Err(busy);
        }
        eprintln!("{busy}");
    }
    let program = Program::new(&binary.map_or_else(beside, Ok)?)?;
    let floor = Floor::measure(&program)?;
    let bench = Bench { program, floor, runs: usize::max(runs, 1) };
    println!("{HEAD}");
    let outcomes: Vec<Outcome> =
        chosen.into_iter().map(|scenario| measure(scenario, &bench)).collect();
    let kept = saves.then(|| repository().join("bench/history").join(machine::today() + ".json"));
    for path in kept.iter().chain(&json_file) {
        write(path, &bench, &outcomes)?;
    }
    Ok(outcomes.iter().all(|outcome| outcome.is_met() || outcome.figures.is_err()))
}

fn chosen(names: &[String]) -> Result<Vec<&'static Scenario>, String> {
    if names.is_empty() {
        return Ok(SCENARIOS.iter().collect());
    }
    let find = |name: &String| {
        let scenario = SCENARIOS.iter().find(|scenario| scenario.name == name);
        scenario.ok_or_else(|| format!("there is no scenario `{name}`; `run --list` names them"))
    };
    names.iter().map(find).collect()
}

fn measure(scenario: &'static Scenario, bench: &Bench) -> Outcome {
    let outcome = Outcome { scenario: scenario.name, figures: (scenario.run)(bench) };
    for line in outcome.lines() {
        println!("{line}");
    }
    outcome
}

/// The command that was built together with this program.
fn beside() -> Result<PathBuf, String> {
    let own = std::env::current_exe().map_err(|error| error.to_string())?;
    Ok(own.with_file_name("strataql"))
}

fn repository() -> PathBuf {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    own.parent().unwrap_or(own).to_path_buf()
}

fn write(path: &Path, bench: &Bench, outcomes: &[Outcome]) -> Result<(), String> {
    let document = json!({
        "date": machine::today(),
        "commit": machine::commit(&repository()),
        "machine": machine::facts(),
        "floor": {
            "json_bytes_per_second": bench.floor.bytes_per_second.round(),
            "row_bytes": bench.floor.row_bytes,
            "start_seconds": bench.floor.start,
        },
        "binary_bytes": bench.program.size(),
        "runs": bench.runs,
        "scenarios": outcomes.iter().map(Outcome::json).collect::<Vec<_>>(),
    });
    let text = serde_json::to_string_pretty(&document).map_err(|error| error.to_string())? + "\n";
    path.parent()
        .map_or(Ok(()), fs::create_dir_all)
        .and_then(|()| fs::write(path, text))
        .map_err(|error| format!("`{}` cannot be written: {error}", path.display()))
}

//! Files that a run leaves: exports, plans, reports of tests.

use std::io::Write as _;
use std::path::Path;

use strataql_deploy::Host as _;
use strataql_deploy::flow::Verdict;
use strataql_diag::{Code, Report};

use super::host::Machine;

/// Writes a file that only its owner can read.
pub(super) fn write_private(path: &Path, text: &str) -> Result<(), Box<Report>> {
    let failed = |error: &std::io::Error| {
        Box::new(
            Report::new(
                Code::LocalIo,
                format!("the file `{}` cannot be written: {error}", path.display()),
            )
            .with_help("give a path in a folder that you may write to"),
        )
    };
    #[cfg(unix)]
    {
        use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
        let mut options = std::fs::OpenOptions::new();
        options.create(true).truncate(true).write(true).mode(0o600);
        let mut file = options.open(path).map_err(|error| failed(&error))?;
        if file.metadata().is_ok_and(|metadata| metadata.is_file()) {
            // a file that was there keeps its mode otherwise
            let mode = std::fs::Permissions::from_mode(0o600);
            file.set_permissions(mode).map_err(|error| failed(&error))?;
        }
        file.write_all(text.as_bytes()).map_err(|error| failed(&error))
    }
    #[cfg(not(unix))]
    std::fs::write(path, text).map_err(|error| failed(&error))
}

/// A report of tests for CI servers.
pub(super) fn junit(stack: &str, verdicts: &[Verdict], machine: &Machine<'_>) -> String {
    let escaped = |text: &str| {
        let text = machine.masked(text);
        let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
        text.replace('"', "&quot;")
    };
    let failures = verdicts.iter().filter(|verdict| verdict.failure.is_some()).count();
    let skipped = verdicts.iter().filter(|verdict| verdict.is_skipped).count();
    let mut text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuite name=\"{}\" tests=\"{}\" failures=\"{failures}\" skipped=\"{skipped}\">\n",
        escaped(stack),
        verdicts.len()
    );
    for verdict in verdicts {
        let inner = match &verdict.failure {
            Some(report) => format!("<failure message=\"{}\"/>", escaped(&report.message)),
            None if verdict.is_skipped => "<skipped/>".to_owned(),
            None => String::new(),
        };
        text.push_str("  <testcase classname=\"");
        text.push_str(&escaped(stack));
        text.push_str("\" name=\"");
        text.push_str(&escaped(&verdict.resource));
        let seconds = format!("{:.3}", verdict.seconds);
        for part in ["\" time=\"", &seconds, "\">", &inner, "</testcase>\n"] {
            text.push_str(part);
        }
    }
    text.push_str("</testsuite>\n");
    text
}

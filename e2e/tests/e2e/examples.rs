//! The examples of the repository run as they stand.

use std::path::Path;
use std::process::Command;

use crate::process::{Ended, Home};

#[test]
fn the_ci_job_fails_with_a_report() {
    let home = Home::new();
    let folder = strataql_e2e::folder().join("../examples/ci");
    let binary = strataql_e2e::binary();
    let programs = binary.parent().map(Path::to_path_buf).unwrap_or_default();
    let report = home.path().join("report.xml");
    let run = |report: &Path| {
        Ended::of(
            Command::new("sh")
                .arg(folder.join("job.sh"))
                .env_clear()
                .env("PATH", format!("{}:/usr/local/bin:/usr/bin:/bin", programs.display()))
                .env("HOME", home.path())
                .env("REPORT", report)
                .output()
                .expect("a shell"),
        )
    };
    let ended = run(&report);
    assert_eq!((ended.exit, ended.out.as_str()), (Some(1), "a rule is violated\n"), "{ended:?}");
    assert!(ended.err.contains("error[assertion-failed]: access tokens live for at most an hour"));
    let xml = std::fs::read_to_string(&report).expect("the report is there");
    assert!(xml.contains("tests=\"3\" failures=\"1\" errors=\"0\" skipped=\"0\""), "{xml}");
    assert!(xml.contains("<testcase name=\"redirects use https\""), "{xml}");
    assert!(xml.contains("notebook") && xml.contains("1440"), "{xml}");
    // a report that cannot be written is no violation
    assert_eq!(run(Path::new("/no/such/folder/report.xml")).exit, Some(11));
}

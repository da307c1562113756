//! Programs that print credentials.
//!
//! Owns: starting them, without a shell and without input.

use std::process::Stdio;
use std::sync::Arc;

use strataql_net::{ProgramOutput, RunProgram};

/// Runs programs as children of this process, which end with it.
pub(crate) fn runner() -> RunProgram {
    Arc::new(|program| {
        Box::pin(async move {
            let output = tokio::process::Command::new(&program.name)
                .args(&program.arguments)
                .envs(program.variables)
                .stdin(Stdio::null())
                .kill_on_drop(true)
                .output()
                .await?;
            Ok(ProgramOutput {
                success: output.status.success(),
                stdout: output.stdout,
                stderr: output.stderr,
            })
        })
    })
}

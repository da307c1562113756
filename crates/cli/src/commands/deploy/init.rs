//! `deploy init`: the folder of a new stack, with one resource of any provider.

use std::path::Path;

use strataql_deploy::{MANIFEST, scaffold};
use strataql_diag::{Code, Report};

use super::describe::described;
use crate::args::deploy::InitArguments;
use crate::console::Console;
use crate::exit::Exit;
use crate::providers;
use crate::settings::Settings;

/// Runs the command.
pub(super) fn run(
    arguments: &InitArguments,
    settings: &Settings,
    console: &Console,
) -> Result<Exit, Box<Report>> {
    let name = arguments.name.to_lowercase().replace('_', "-");
    let folder = Path::new(&name);
    if folder.exists() {
        return Err(Box::new(
            Report::new(Code::LocalIo, format!("the folder `{name}` exists already"))
                .with_help("choose another name, or remove the folder"),
        ));
    }
    let registry = providers::registry(settings.registry.as_deref(), &settings.places)?;
    let provider = registry.provider(&arguments.provider)?;
    let resource = match &arguments.resource {
        Some(resource) => format!("{}.{resource}", provider.name),
        None if provider.name == "databricks_account" => {
            "databricks_account.oauth2.custom_app_integration".to_owned()
        }
        None => {
            return Err(Box::new(
                Report::new(Code::Usage, "the stack needs a resource to begin with").with_help(
                    format!(
                        "add `--resource service.resource`; `SHOW SERVICES IN {}` lists services",
                        provider.name
                    ),
                ),
            ));
        }
    };
    let described = described(&registry, &resource)?;
    let files = scaffold(&name, &provider.name, &arguments.env, &described);
    for (path, text) in &files {
        let path = folder.join(path);
        let parent = path.parent().unwrap_or(folder);
        std::fs::create_dir_all(parent).and_then(|()| std::fs::write(&path, text)).map_err(
            |error| {
                Box::new(
                    Report::new(
                        Code::LocalIo,
                        format!("the file `{}` cannot be written: {error}", path.display()),
                    )
                    .with_help("run it in a folder that you may write to"),
                )
            },
        )?;
    }
    console.write_out(&format!("{name}/{MANIFEST} is the manifest of the stack `{name}`\n"))?;
    Ok(Exit::SUCCESS)
}

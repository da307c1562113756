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
    if let Some(template) = &arguments.template {
        return copied(Path::new(template), folder, &name, console);
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

/// Makes the folder as a copy of another.
fn copied(
    template: &Path,
    folder: &Path,
    name: &str,
    console: &Console,
) -> Result<Exit, Box<Report>> {
    if !template.join(MANIFEST).is_file() {
        let shown = template.display();
        return Err(Box::new(
            Report::new(Code::Usage, format!("the template `{shown}` has no `{MANIFEST}`"))
                .with_help(
                    "download a template first, and name the folder that holds its manifest",
                ),
        ));
    }
    let failed = |error: &std::io::Error| {
        Box::new(
            Report::new(
                Code::LocalIo,
                format!("the template `{}` cannot be copied: {error}", template.display()),
            )
            .with_help("run it in a folder that you may write to"),
        )
    };
    let mut open = vec![(template.to_owned(), folder.to_owned())];
    while let Some((from, to)) = open.pop() {
        std::fs::create_dir_all(&to).map_err(|error| failed(&error))?;
        for entry in std::fs::read_dir(&from).map_err(|error| failed(&error))? {
            let entry = entry.map_err(|error| failed(&error))?;
            let (from, to) = (entry.path(), to.join(entry.file_name()));
            if entry.file_name().to_string_lossy().starts_with('.') {
                continue;
            }
            if from.is_dir() {
                open.push((from, to));
            } else {
                std::fs::copy(&from, &to).map_err(|error| failed(&error))?;
            }
        }
    }
    console.write_out(&format!("{name}/{MANIFEST} is the manifest of the stack `{name}`\n"))?;
    Ok(Exit::SUCCESS)
}

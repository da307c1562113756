//! `strataql docs`.

use strataql_diag::{Code, Report};
use strataql_forge::docs;
use strataql_forge::write_pages;
use strataql_registry::Registry;

use crate::args::DocsCommand;
use crate::args::docs::{GenerateArguments, PageFormat, PageProfile, ShowArguments};
use crate::console::Console;
use crate::exit::Exit;
use crate::providers;
use crate::settings::Settings;

pub(crate) fn run(command: &DocsCommand, settings: &Settings, console: &Console) -> Exit {
    let named = |own: &Option<String>| own.clone().or_else(|| settings.registry.clone());
    let result = match command {
        DocsCommand::Generate(arguments) => {
            providers::registry(named(&arguments.registry).as_deref(), &settings.places)
                .and_then(|registry| generate(arguments, &registry, console))
        }
        DocsCommand::Show(arguments) => {
            providers::registry(named(&arguments.registry).as_deref(), &settings.places)
                .and_then(|registry| show(arguments, &registry, console))
        }
    };
    match result {
        Ok(()) => Exit::SUCCESS,
        Err(report) => console.fail(&report, None),
    }
}

fn generate(
    arguments: &GenerateArguments,
    registry: &Registry,
    console: &Console,
) -> Result<(), Box<Report>> {
    let is_html = arguments.format == PageFormat::Html;
    if is_html && arguments.profile != PageProfile::Site {
        let text = "`--format html` has the profile `site` only";
        return Err(Box::new(
            Report::new(Code::Usage, text).with_help("leave `--profile` out, or `--format html`"),
        ));
    }
    let provider = registry.provider(&arguments.provider)?;
    let mut pages = Vec::new();
    let mut counts = Vec::new();
    let mut listed = Vec::new();
    for (name, entry) in &provider.services {
        if !registry.has_document(&provider.name, name)? {
            continue;
        }
        match arguments.profile {
            PageProfile::Seed => {
                let document = registry.document(&provider.name, name)?;
                let own = docs::seed_pages(&provider.name, name, &document)?;
                // the service has a page too
                counts.push((name.clone(), own.len() - 1));
                pages.extend(own);
            }
            PageProfile::Site => {
                let service = registry.service(&provider.name, name)?;
                pages.extend(docs::site_pages(&provider, &service));
                let resources: Vec<String> = service.resources.keys().cloned().collect();
                listed.push((name.clone(), entry.description.clone(), resources));
            }
        }
    }
    match arguments.profile {
        PageProfile::Seed => pages.push(docs::seed_index(&provider.name, &counts)),
        PageProfile::Site => pages.extend(docs::site_index(&provider, &listed)),
    }
    if is_html {
        pages = docs::html_site(&provider.name, &pages);
    }
    write_pages(&arguments.out, &pages)?;
    console.write_out(&format!("{} pages in {}\n", pages.len(), arguments.out.display()))
}

fn show(
    arguments: &ShowArguments,
    registry: &Registry,
    console: &Console,
) -> Result<(), Box<Report>> {
    let usage = |text: String, help: &str| {
        Box::new(Report::new(Code::UnknownResource, text).with_help(help.to_owned()))
    };
    let typed = arguments.resource.as_str();
    let mut parts = typed.splitn(3, '.');
    let (Some(provider), Some(service), Some(resource)) =
        (parts.next(), parts.next(), parts.next())
    else {
        let text = format!("`{typed}` does not name a resource");
        return Err(usage(text, "write `provider.service.resource`"));
    };
    let service = registry.service(provider, service)?;
    let exact = service.resources.contains_key(resource).then_some(resource);
    let found = exact.or_else(|| {
        let same = |name: &&String| name.eq_ignore_ascii_case(resource);
        service.resources.keys().find(same).map(String::as_str)
    });
    let page = found.and_then(|name| docs::resource_page(&service, name)).ok_or_else(|| {
        let text =
            format!("service `{}.{}` has no resource `{resource}`", service.provider, service.name);
        let names = service.resources.keys().map(String::as_str);
        let nearest = strataql_diag::suggest(resource, names);
        let help = nearest.first().map_or_else(
            || format!("`SHOW RESOURCES IN {}.{}` lists them", service.provider, service.name),
            |name| format!("did you mean `{name}`?"),
        );
        usage(text, &help)
    })?;
    console.write_out(&page)
}

//! Golden tests: every model of `documents/*.yaml` against the `.txt` next to it.
//!
//! `UPDATE_EXPECT=1` rewrites the texts. A document `NAME.provider.yaml` is the provider of
//! `NAME.yaml`; the others share a plain one.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use strataql_diag::{Code, Report};
use strataql_spec::{
    Body, BodyNaming, Method, Paging, Param, Resource, RowShape, Service, SqlVerb, load_provider,
    load_service,
};

const PLAIN_PROVIDER: &str =
    "name: store\nproviderServices: {main: {service: {$ref: store/v1/services/main.yaml}}}\n";

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/documents")
}

fn cases() -> Vec<PathBuf> {
    let mut cases: Vec<PathBuf> = fs::read_dir(folder())
        .expect("the folder exists")
        .map(|entry| entry.expect("readable").path())
        .filter(|path| {
            let name = path.to_string_lossy();
            name.ends_with(".yaml") && !name.ends_with(".provider.yaml")
        })
        .collect();
    cases.sort();
    cases
}

fn load(path: &Path) -> (Service, Vec<Report>) {
    let provider = fs::read_to_string(path.with_extension("provider.yaml"))
        .unwrap_or_else(|_| PLAIN_PROVIDER.to_owned());
    let (provider, mut reports) = load_provider(&provider, "provider.yaml").expect("valid");
    let entry = &provider.services[0];
    let text = fs::read_to_string(path).expect("readable");
    let (service, more) = load_service(&text, &provider, entry, "main.yaml").expect("loads");
    reports.extend(more);
    (service, reports)
}

#[test]
fn documents_give_their_models() {
    let updates = std::env::var_os("UPDATE_EXPECT").is_some();
    let mut wrong = Vec::new();
    for path in cases() {
        let (service, reports) = load(&path);
        let found = render(&service, &reports);
        let golden = path.with_extension("txt");
        if updates {
            fs::write(&golden, &found).expect("writable");
        } else if fs::read_to_string(&golden).unwrap_or_default() != found {
            wrong.push(format!("{}:\n{found}", golden.display()));
        }
    }
    assert!(wrong.is_empty(), "these differ:\n{}", wrong.join("\n"));
}

#[test]
fn models_survive_their_stored_form() {
    let cases = cases();
    assert!(cases.len() >= 10, "{}", cases.len());
    for path in cases {
        let (service, _) = load(&path);
        let stored = serde_json::to_string(&service).expect("serialises");
        let again: Service = serde_json::from_str(&stored).expect("deserialises");
        assert!(again == service && again.is_consistent(), "{}", path.display());
    }
}

#[test]
fn damaged_stored_models_are_recognised() {
    let (service, _) = load(&folder().join("parameters.yaml"));
    let stored = serde_json::to_value(&service).expect("serialises");
    for (pointer, value) in [
        ("/resources/books/methods/get/params/0/schema", 99_999.into()),
        ("/resources/books/methods/get/response/row_schema", 99_999.into()),
        ("/resources/books/verbs/select/0", "gone".into()),
    ] {
        let mut damaged = stored.clone();
        *damaged.pointer_mut(pointer).expect(pointer) = value;
        let again: Service = serde_json::from_value(damaged).expect("deserialises");
        assert!(!again.is_consistent(), "{pointer}");
    }
}

#[test]
fn a_small_document_that_expands_without_end_is_refused() {
    let width = 3_000;
    let mut text = String::from(
        "paths: {/a: {get: {responses: {'200': {content: {application/json: {schema: {$ref: '#/components/schemas/s0'}}}}}}}}\ncomponents:\n  schemas:\n    wide: {properties: {",
    );
    for number in 0..width {
        let _ = write!(text, "p{number}: {{type: string}}, ");
    }
    text.push_str("}}\n");
    for number in 0..width {
        let next = number + 1;
        let _ = writeln!(
            text,
            "    s{number}: {{allOf: [{{$ref: '#/components/schemas/wide'}}], properties: {{next: {{$ref: '#/components/schemas/s{next}'}}}}}}"
        );
    }
    text.push_str("    s3000: {type: string}\n  x-stackQL-resources:\n    r: {methods: {get: {operation: {$ref: '#/paths/~1a/get'}}}}\n");
    let (provider, _) = load_provider(PLAIN_PROVIDER, "p").expect("valid");
    let report = load_service(&text, &provider, &provider.services[0], "bomb.yaml")
        .expect_err("three thousand times three thousand properties");
    assert_eq!(report.code, Code::UntrustedDocument);
    assert_eq!(report.place.as_ref().map(|place| place.file.as_str()), Some("bomb.yaml"));
}

fn render(service: &Service, reports: &[Report]) -> String {
    let mut out = format!(
        "service {} of {} (signs as {})\n",
        service.name, service.provider, service.signing_name
    );
    for resource in service.resources.values() {
        let _ = writeln!(out, "\nresource {} [{}]", resource.name, resource.id);
        verbs(&mut out, resource);
        for view in &resource.views {
            let _ = writeln!(
                out,
                "  view {:?} requires {:?}: {}",
                view.dialect, view.required, view.ddl
            );
        }
        for method in resource.methods.values() {
            describe(&mut out, service, method);
        }
    }
    if !reports.is_empty() {
        out.push('\n');
    }
    for report in reports {
        let _ = writeln!(out, "{report}");
    }
    out
}

fn verbs(out: &mut String, resource: &Resource) {
    for verb in
        [SqlVerb::Select, SqlVerb::Insert, SqlVerb::Update, SqlVerb::Replace, SqlVerb::Delete]
    {
        let keys = resource.verbs.of(verb);
        if !keys.is_empty() {
            let _ = writeln!(out, "  {} = {}", verb.as_str(), keys.join(", "));
        }
    }
}

fn describe(out: &mut String, service: &Service, method: &Method) {
    let _ = writeln!(out, "  method {}: {} {}", method.name, method.verb, method.path.raw);
    for server in &method.servers {
        let _ = writeln!(out, "    server {}", server.url);
    }
    for param in &method.params {
        let _ = writeln!(out, "    {}", parameter(service, param));
    }
    if let Some(body) = &method.body {
        body_lines(out, service, body);
    }
    let rows = &method.response.rows;
    let path = format!("$.{}", rows.path().join("."));
    let _ = match rows {
        RowShape::Nothing { reason } => writeln!(out, "    rows: none, {reason}"),
        RowShape::List { .. } => writeln!(out, "    rows: list at {path}"),
        RowShape::Object { .. } => writeln!(out, "    rows: object at {path}"),
        RowShape::Scalars { .. } => writeln!(out, "    rows: scalars at {path}"),
        RowShape::MapValues { .. } => writeln!(out, "    rows: map values at {path}"),
    };
    for column in &method.response.columns {
        let wire =
            if column.wire == column.name { String::new() } else { format!(" <- {}", column.wire) };
        let note = service.schemas[column.schema].description.as_deref().unwrap_or("");
        let note = if note.is_empty() { String::new() } else { format!(" -- {note}") };
        let _ = writeln!(out, "      {} {}{wire}{note}", column.name, column.kind.sql_name());
    }
    if method.paging != Paging::None {
        let paging = serde_json::to_string(&method.paging).expect("serialises");
        let _ = writeln!(out, "    paging {paging}");
    }
    let extension = serde_json::to_value(&method.extension).expect("serialises");
    if extension != serde_json::json!({"missing_is_empty": false}) {
        let _ = writeln!(out, "    x-strataql {extension}");
    }
}

fn parameter(service: &Service, param: &Param) -> String {
    let kind = service.schemas[param.schema].kind.name();
    let place = serde_json::to_value(param.location).expect("serialises");
    let mut line = format!("{} {}: {kind}", place.as_str().unwrap_or("?"), param.name);
    if param.wire != param.name {
        let _ = write!(line, " <- {}", param.wire);
    }
    line.push_str(if param.required { ", required" } else { "" });
    if let Some(default) = &param.default {
        let _ = write!(line, ", default {default}");
    }
    line
}

fn body_lines(out: &mut String, service: &Service, body: &Body) {
    let naming = match &body.naming {
        BodyNaming::Naive => "own names".to_owned(),
        BodyNaming::Prefixed(prefix) => format!("prefix {prefix}"),
        BodyNaming::Nested(path) => format!("under {path}"),
    };
    let base = body.base.as_ref().map_or(String::new(), |base| format!(", base {base}"));
    let _ = writeln!(out, "    body {}, {naming}{base}", body.media_type);
    for property in &body.properties {
        let kind = service.schemas[property.schema].kind.name();
        let required = if property.required { ", required" } else { "" };
        let wire = if property.wire == property.name {
            String::new()
        } else {
            format!(" -> {}", property.wire)
        };
        let _ = writeln!(out, "      {}{wire}: {kind}{required}", property.name);
    }
}

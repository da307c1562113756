use strataql_spec::method::SqlVerb;
use strataql_spec::{Resource, load_provider, load_service};

use super::*;

/// A get, a list with an optional filter, and a search that returns less.
const DOCUMENT: &str = "
openapi: 3.0.0
info: {title: t, version: '1'}
servers: [{url: 'https://h.example'}]
paths:
  /o/{org}/things/{id}:
    get:
      parameters: [{name: org, in: path, required: true, schema: {type: string}}, {name: id, in: path, required: true, schema: {type: string}}]
      responses: {'200': {content: {application/json: {schema: {$ref: '#/components/schemas/Thing'}}}}}
  /o/{org}/things:
    get:
      parameters: [{name: org, in: path, required: true, schema: {type: string}}, {name: page_size, in: query, schema: {type: integer}}]
      responses: {'200': {content: {application/json: {schema: {type: object, properties: {things: {type: array, items: {$ref: '#/components/schemas/Short'}}}}}}}}
  /search:
    get:
      parameters: [{name: q, in: query, required: true, schema: {type: string}}]
      responses: {'200': {content: {application/json: {schema: {type: object, properties: {things: {type: array, items: {$ref: '#/components/schemas/Short'}}}}}}}}
components:
  schemas:
    Thing: {type: object, properties: {id: {type: string}, name: {type: string}, detail: {type: object}}}
    Short: {type: object, properties: {id: {type: string}, name: {type: string}}}
  x-stackQL-resources:
    things:
      methods:
        get: {operation: {$ref: '#/paths/~1o~1{org}~1things~1{id}/get'}, response: {mediaType: application/json, openAPIDocKey: '200'}}
        list: {operation: {$ref: '#/paths/~1o~1{org}~1things/get'}, response: {mediaType: application/json, openAPIDocKey: '200', objectKey: $.things}}
        search: {operation: {$ref: '#/paths/~1search/get'}, response: {mediaType: application/json, openAPIDocKey: '200', objectKey: $.things}}
      sqlVerbs:
        select:
        - {$ref: '#/components/x-stackQL-resources/things/methods/get'}
        - {$ref: '#/components/x-stackQL-resources/things/methods/list'}
        - {$ref: '#/components/x-stackQL-resources/things/methods/search'}
";

fn resource() -> Resource {
    let provider = "id: p\nname: p\nversion: v1\nproviderServices: {s: {id: s, name: s, service: {$ref: p/v1/s.yaml}}}\n";
    let (provider, _) = load_provider(provider, "provider.yaml").expect("valid");
    let entry = &provider.services["s"];
    let (service, reports) = load_service(DOCUMENT, &provider, entry, "s.yaml").expect("valid");
    assert!(reports.is_empty(), "{reports:?}");
    service.resources["things"].clone()
}

fn needs(bound: &[&str], parameter_only: &[&str], columns: &[&str]) -> Needs {
    let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    Needs { bound: set(bound), parameter_only: set(parameter_only), columns: set(columns) }
}

fn chosen(bound: &[&str], parameter_only: &[&str], columns: &[&str]) -> Result<String, NoChoice> {
    let resource = resource();
    choose(resource.candidates(SqlVerb::Select), &needs(bound, parameter_only, columns))
        .map(|choice| choice.method.name.clone())
}

#[test]
fn the_first_method_in_document_order_that_fits_is_chosen() {
    assert_eq!(chosen(&["org", "id"], &["org"], &["name"]).as_deref(), Ok("get"));
    assert_eq!(chosen(&["org"], &["org"], &["name"]).as_deref(), Ok("list"));
    assert_eq!(chosen(&["q"], &["q"], &["id"]).as_deref(), Ok("search"));
    // both search and list would do: the document has list first
    assert_eq!(chosen(&["org", "q"], &[], &["id"]).as_deref(), Ok("list"));
}

#[test]
fn a_value_for_a_parameter_is_never_dropped() {
    assert_eq!(
        chosen(&["org", "id", "page_size"], &["org", "page_size"], &[]).as_deref(),
        Ok("list")
    );
    let refused = chosen(&["org", "q"], &["org", "q"], &["id"]);
    assert!(matches!(refused, Err(NoChoice::NotAccepted { .. })), "{refused:?}");
}

#[test]
fn a_named_column_decides_and_a_bound_parameter_counts_as_one() {
    let detail = chosen(&["org"], &["org"], &["detail"]);
    let Err(NoChoice::Column { column, by: Some(lack) }) = detail else { panic!("{detail:?}") };
    assert_eq!((column.as_str(), lack.method.as_str()), ("detail", "get"));
    assert_eq!(lack.missing, ["id"]);
    assert_eq!(chosen(&["org"], &["org"], &["org", "name"]).as_deref(), Ok("list"));
    let unknown = chosen(&["org"], &["org"], &["nothing"]);
    assert_eq!(unknown, Err(NoChoice::Column { column: "nothing".into(), by: None }));
}

#[test]
fn missing_parameters_are_listed_for_every_method_that_would_do() {
    let Err(NoChoice::Missing(lacks)) = chosen(&[], &[], &["name"]) else {
        panic!("something fits")
    };
    let shown: Vec<(String, Vec<String>, bool)> =
        lacks.into_iter().map(|lack| (lack.method, lack.missing, lack.is_lookup)).collect();
    assert_eq!(
        shown,
        [
            ("get".into(), vec!["org".into(), "id".into()], true),
            ("list".into(), vec!["org".into()], false),
            ("search".into(), vec!["q".into()], false),
        ]
    );
    // only the get returns the column, so only it is named
    let Err(NoChoice::Missing(lacks)) = chosen(&[], &[], &["detail"]) else {
        panic!("something fits")
    };
    assert_eq!(lacks.len(), 1);
    assert_eq!(choose([], &Needs::default()).map(|_| ()), Err(NoChoice::NoMethods));
}

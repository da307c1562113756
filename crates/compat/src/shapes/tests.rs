//! Shapes over a registry of a test's own.

use std::fs;

use strataql_registry::{Origin, Settings, Source};
use tempfile::TempDir;

use super::*;

const PROVIDER: &str = "
id: shop
name: shop
version: v1
providerServices:
  store:
    id: store:v1
    name: store
    preferred: true
    service:
      $ref: shop/v1/services/store.yaml
    title: Store
    version: v1
    description: Things on sale
";

const SERVICE: &str = "
openapi: 3.0.3
info: {title: Store, version: v1, description: Things on sale}
servers:
  - url: https://{zone}.shop.example
    variables:
      zone: {default: z, x-stackQL-envVar: SHOP_ZONE}
paths:
  /{shelf}/things:
    get:
      operationId: list
      parameters:
        - {name: shelf, in: path, required: true, schema: {type: string}}
        - {name: page, in: query, schema: {type: integer}}
      responses:
        '200': {description: ok, content: {application/json: {schema: {$ref: '#/components/schemas/Things'}}}}
    post:
      operationId: create
      parameters:
        - {name: shelf, in: path, required: true, schema: {type: string}}
      requestBody:
        required: true
        content: {application/json: {schema: {$ref: '#/components/schemas/Thing'}}}
      responses:
        '200': {description: ok, content: {application/json: {schema: {$ref: '#/components/schemas/Thing'}}}}
  /{shelf}/things/{id}/sell:
    post:
      operationId: sell
      description: Sells it
      parameters:
        - {name: shelf, in: path, required: true, schema: {type: string}}
        - {name: id, in: path, required: true, schema: {type: string}}
      responses:
        '204': {description: sold}
components:
  schemas:
    Things:
      type: object
      properties:
        items: {type: array, items: {$ref: '#/components/schemas/Thing'}}
    Thing:
      type: object
      required: [name]
      properties:
        size: {type: integer, description: How large}
        name: {type: string}
        flag: {type: boolean}
        tags: {type: array, items: {type: string}}
        box: {type: object, properties: {w: {type: number}, label: {type: string}}}
        id: {type: string}
  x-stackQL-resources:
    things:
      id: shop.store.things
      name: things
      title: things
      methods:
        list:
          operation: {$ref: '#/paths/~1{shelf}~1things/get'}
          response: {mediaType: application/json, openAPIDocKey: '200', objectKey: $.items}
        create:
          operation: {$ref: '#/paths/~1{shelf}~1things/post'}
          response: {mediaType: application/json, openAPIDocKey: '200'}
        sell:
          operation: {$ref: '#/paths/~1{shelf}~1things~1{id}~1sell/post'}
          response: {mediaType: application/json, openAPIDocKey: '204'}
      sqlVerbs:
        select: [{$ref: '#/components/x-stackQL-resources/things/methods/list'}]
        insert: [{$ref: '#/components/x-stackQL-resources/things/methods/create'}]
        update: []
        replace: []
        delete: []
";

fn registry() -> (TempDir, Registry) {
    let folder = tempfile::tempdir().expect("a folder");
    let services = folder.path().join("src/shop/v1/services");
    fs::create_dir_all(&services).expect("made");
    fs::write(folder.path().join("src/shop/v1/provider.yaml"), PROVIDER).expect("written");
    fs::write(services.join("store.yaml"), SERVICE).expect("written");
    let sources = vec![Source::folder(Origin::Registry, folder.path())];
    let registry = Registry::new(Settings { sources, cache_dir: None }).expect("a registry");
    (folder, registry)
}

fn cells(table: &Table) -> Vec<Vec<&str>> {
    table
        .rows
        .iter()
        .map(|row| row.iter().map(|cell| cell.as_deref().unwrap_or("null")).collect())
        .collect()
}

const NAME: [&str; 3] = ["shop", "store", "things"];

#[test]
fn providers_services_and_resources_are_listed() {
    let (_folder, registry) = registry();
    let table = providers(&registry);
    assert_eq!(table.labels, ["name", "version"]);
    assert_eq!(cells(&table), [["shop", "v1"]]);
    let table = services(&registry, "shop", false).expect("known");
    assert_eq!(table.labels, ["id", "name", "title"]);
    assert_eq!(cells(&table), [["store:v1", "store", "Store"]]);
    let table = services(&registry, "shop", true).expect("known");
    assert_eq!(cells(&table), [["store:v1", "store", "Store", "Things on sale", "v1", "true"]]);
    let table = resources(&registry, "shop", "store", false).expect("known");
    assert_eq!(cells(&table), [["things", "shop.store.things"]]);
    assert_eq!(
        services(&registry, "shap", false).expect_err("unknown"),
        messages::no_provider("shap")
    );
    assert_eq!(
        resources(&registry, "shop", "stare", false).expect_err("unknown"),
        "cannot resolve service with key = 'stare'"
    );
}

#[test]
fn methods_come_by_verb_with_what_they_require() {
    let (_folder, registry) = registry();
    let unset = |_: &str| None;
    let table = methods(&registry, NAME, false, &unset).expect("known");
    assert_eq!(table.labels, ["MethodName", "RequiredParams", "SQLVerb"]);
    assert_eq!(
        cells(&table),
        [
            ["list", "shelf, zone", "SELECT"],
            ["create", "shelf, data__name, zone", "INSERT"],
            ["sell", "id, shelf, zone", "EXEC"]
        ]
    );
    let set = |name: &str| (name == "SHOP_ZONE").then(|| "z1".to_owned());
    let table = methods(&registry, NAME, true, &set).expect("known");
    assert_eq!(cells(&table)[2], ["sell", "id, shelf", "EXEC", "Sells it"]);
    assert_eq!(
        methods(&registry, ["shop", "store", "thing"], false, &unset).expect_err("unknown"),
        "OpenAPIService.GetResource() failure"
    );
}

#[test]
fn a_resource_is_described_with_its_key_first() {
    let (_folder, registry) = registry();
    let table = describe(&registry, NAME, false).expect("known");
    assert_eq!(
        cells(&table),
        [
            ["id", "string"],
            ["name", "string"],
            ["box", "object"],
            ["flag", "boolean"],
            ["size", "integer"],
            ["tags", "array"]
        ]
    );
    let table = describe(&registry, NAME, true).expect("known");
    assert_eq!(cells(&table)[4], ["size", "integer", "How large"]);
}

#[test]
fn a_method_is_described_with_its_inputs_first() {
    let (_folder, registry) = registry();
    let table =
        describe_method(&registry, ["shop", "store", "things", "create"], false).expect("known");
    assert_eq!(table.labels, ["name", "type", "param_type", "shape"]);
    let cells = cells(&table);
    assert_eq!(cells[0], ["shelf", "string", "input_required", ""]);
    assert_eq!(cells[1], ["data__name", "string", "input_required", ""]);
    assert!(cells.contains(&vec![
        "data__tags",
        "array",
        "input_optional",
        r#"{"items":{"type":"string"},"type":"array"}"#
    ]));
    assert_eq!(cells.last().expect("rows")[..3], ["tags", "array", "output"]);
    let sold =
        describe_method(&registry, ["shop", "store", "things", "sell"], true).expect("known");
    assert!(sold.rows.iter().all(|row| row[2].as_deref() != Some("output")));
    assert_eq!(
        describe_method(&registry, ["shop", "store", "things", "buy"], true).expect_err("unknown"),
        "could not find method for key = 'buy'"
    );
}

#[test]
fn an_insert_is_a_context_and_a_statement() {
    let (_folder, registry) = registry();
    let wanted = Wanted { required: true, ..Wanted::default() };
    let table = insert(&registry, NAME, wanted).expect("known");
    assert_eq!(table.labels, ["insert_statement"]);
    let first = table.rows[0][0].as_deref().expect("text");
    assert!(first.starts_with("<<<jsonnet\n{\n   shelf: << shelf >>,\n"), "{first}");
    assert!(first.contains("INSERT INTO shop.store.things(\n  shelf,\n"), "{first}");
    assert!(first.contains("  '{{ .values.data__name }}'"), "{first}");
    assert!(!first.contains("data__size"), "{first}");
    let columns = ["data__box".to_owned(), "data__size".to_owned()];
    let table =
        insert(&registry, NAME, Wanted { columns: &columns, ..Wanted::default() }).expect("known");
    assert_eq!(
        table.rows[0][0].as_deref(),
        Some(
            "<<<jsonnet\n{\n   data__box:    {\n   label: << label >>,\n   w: << w >>\n   },\n   data__size: << data__size >>\n}\n>>>\n\
             INSERT INTO shop.store.things(\n  data__box,\n  data__size\n)\nSELECT\n  \
             '{ \"label\": \"{{ .values.data__box.label }}\", \"w\": {{ .values.data__box.w }} }',\n  {{ .values.data__size }}\n;"
        )
    );
}

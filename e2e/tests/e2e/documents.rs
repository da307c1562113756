//! Invalid and hostile provider documents.

use std::fs::File;

use crate::process::{Ended, Home};

/// A registry folder with one provider that has one service.
struct Documents {
    home: Home,
}

const PROVIDER: &str = "id: evil\nname: evil\nversion: v1\nproviderServices:\n  things:\n    id: things:v1\n    name: things\n    version: v1\n    title: Things\n    service: {$ref: evil/v1/services/things.yaml}\nconfig:\n  auth: {type: null_auth}\n";

const SERVICE: &str = "openapi: 3.0.0
info: {title: things, version: v1}
servers: [{url: 'https://things.example.com'}]
paths:
  /things:
    get:
      operationId: list
      responses:
        '200': {description: ok, content: {application/json: {schema: {type: object, properties: {things: {type: array, items: {$ref: '#/components/schemas/Thing'}}}}}}}
components:
  schemas:
    Thing: {type: object, properties: {id: {type: integer}, name: {type: string}}}
  x-stackQL-resources:
    things:
      id: evil.things.things
      name: things
      methods:
        list: {operation: {$ref: '#/paths/~1things/get'}, response: {mediaType: application/json, openAPIDocKey: '200', objectKey: $.things}}
      sqlVerbs: {select: [{$ref: '#/components/x-stackQL-resources/things/methods/list'}]}
";

impl Documents {
    fn new(provider: &str, service: impl AsRef<[u8]>) -> Self {
        let home = Home::new();
        home.write("registry/src/evil/v1/provider.yaml", provider);
        home.write("registry/src/evil/v1/services/things.yaml", service);
        Self { home }
    }

    fn run(&self, sql: &str) -> Ended {
        let registry = format!("file:{}", self.home.path().join("registry").display());
        self.home.run(&["--registry", &registry, "--sandbox=rows=2", "-o", "text", sql])
    }

    fn count(&self) -> Ended {
        self.run("SELECT count(*) FROM evil.things.things")
    }
}

#[test]
fn a_good_document_works() {
    assert_eq!(Documents::new(PROVIDER, SERVICE).count().success(), "2\n");
}

#[test]
fn text_that_is_no_yaml_names_file_and_line() {
    let broken = Documents::new(PROVIDER, "openapi: 3.0.0\npaths: {a: [}\n");
    broken.count().refused("bad-document", 6, &["things.yaml:2"]);
    let broken = Documents::new("id: [", SERVICE);
    broken.count().refused("bad-document", 6, &["provider.yaml"]);
    let broken = Documents::new(PROVIDER, [b'a', b':', b' ', 0xff, 0xfe, b'\n']);
    broken.count().refused("bad-document", 6, &["things.yaml"]);
    let list = Documents::new(PROVIDER, "- 1\n- 2\n");
    let ended = list.count();
    assert!(matches!(ended.exit, Some(2 | 6)), "{ended:?}");
}

#[test]
fn documents_that_ask_for_too_much_are_refused() {
    let mut bomb = vec!["a0: &a0 [x, x, x, x, x, x, x, x, x, x]".to_owned()];
    for level in 1..12 {
        let below = vec![format!("*a{}", level - 1); 10].join(", ");
        bomb.push(format!("a{level}: &a{level} [{below}]"));
    }
    let bomb = bomb.join("\n");
    Documents::new(PROVIDER, &bomb).count().refused("untrusted-document", 6, &["things.yaml"]);
    let deep = format!("{}1{}\n", "[".repeat(50_000), "]".repeat(50_000));
    Documents::new(PROVIDER, format!("a: {deep}")).count().refused(
        "untrusted-document",
        6,
        &["things.yaml"],
    );
    let large = Documents::new(PROVIDER, "a: 1\n");
    let file = large.home.path().join("registry/src/evil/v1/services/things.yaml");
    let length = 100 << 20;
    File::options().write(true).open(file).and_then(|file| file.set_len(length)).expect("writable");
    large.count().refused("untrusted-document", 6, &["things.yaml", &length.to_string()]);
}

#[test]
fn cyclic_references_are_harmless() {
    let cyclic = SERVICE.replace(
        "name: {type: string}",
        "name: {type: string}, parent: {$ref: '#/components/schemas/Thing'}, all: {type: array, items: {$ref: '#/components/schemas/Thing'}}",
    );
    let documents = Documents::new(PROVIDER, cyclic);
    assert_eq!(documents.count().success(), "2\n");
    assert!(
        documents
            .run("SELECT id, parent.parent.parent.id, parent FROM evil.things.things")
            .success()
            .contains('\t')
    );
    let itself = SERVICE.replace(
        "Thing: {type: object, properties: {id: {type: integer}, name: {type: string}}}",
        "Thing: {$ref: '#/components/schemas/Other'}\n    Other: {$ref: '#/components/schemas/Thing'}",
    );
    let ended = Documents::new(PROVIDER, itself).count();
    assert!(matches!(ended.exit, Some(0 | 2 | 6)), "{ended:?}");
}

#[test]
fn one_bad_method_hides_nothing_else() {
    let more = SERVICE.replace(
        "      sqlVerbs:",
        "        gone: {operation: {$ref: '#/paths/~1gone/get'}, response: {mediaType: application/json, openAPIDocKey: '200'}}\n      sqlVerbs:",
    );
    assert_eq!(Documents::new(PROVIDER, more).count().success(), "2\n");
}

#[test]
fn a_document_reads_no_file_outside_its_folder() {
    let home = Home::new();
    home.write("secret.yaml", SERVICE);
    home.write(
        "registry/src/evil/v1/provider.yaml",
        PROVIDER.replace("evil/v1/services/things.yaml", "../../secret.yaml"),
    );
    let registry = format!("file:{}", home.path().join("registry").display());
    let ended =
        home.run(&["--registry", &registry, "--sandbox", "SELECT * FROM evil.things.things"]);
    assert_ne!(ended.exit, Some(0), "{ended:?}");
    ended.refused("untrusted-document", 6, &["secret.yaml"]);
}

#[test]
fn what_is_missing_is_named() {
    let home = Home::new();
    let nothing = format!("file:{}/nothing", home.path().display());
    home.run(&["--registry", &nothing, "SELECT 1"]).refused("local-io", 11, &["nothing"]);
    home.run(&["--registry", "https://example.com/registry", "SELECT 1"]).refused(
        "config",
        11,
        &["--registry"],
    );
    home.write("registry/src/evil/v1/provider.yaml", PROVIDER);
    let registry = format!("file:{}/registry", home.path().display());
    let ended =
        home.run(&["--registry", &registry, "--sandbox", "SELECT * FROM evil.things.things"]);
    ended.refused("local-io", 11, &["things.yaml"]);
}

#[test]
fn servers_of_documents_get_no_credential_of_others() {
    // a placeholder host that is not one of its own values is asked for, never called
    let placeholder = SERVICE.replace(
        "servers: [{url: 'https://things.example.com'}]",
        "servers: [{url: 'https://{org}.example.com', variables: {org: {default: my-org}}}]",
    );
    Documents::new(PROVIDER, placeholder).count().refused("missing-param", 2, &["org"]);
}

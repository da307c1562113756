//! API descriptions of several shapes become documents that load without a finding.

use std::fmt::Write as _;

use strataql_diag::Code;
use strataql_forge::{ImportOptions, Imported, import};
use strataql_spec::{lint, load_provider, load_service};

fn options() -> ImportOptions {
    ImportOptions {
        provider: "acme".to_owned(),
        service: "api".to_owned(),
        server: None,
        source: "api.yaml".to_owned(),
    }
}

/// The model of an imported service, as lines: methods with their request, rows, paging; verbs.
fn shown(imported: &Imported) -> String {
    let [(_, entry), (path, service)] = imported.documents.files.as_slice() else { panic!() };
    let (provider, mut reports) = load_provider(entry, "provider.yaml").expect("valid");
    assert_eq!(path, "acme/v1/services/api.yaml");
    let (service, found) =
        load_service(service, &provider, &provider.services[0], path).expect("valid");
    reports.extend(found);
    reports.extend(lint(&service));
    assert_eq!(reports, [], "{imported:?}");
    let mut text = String::new();
    for resource in service.resources.values() {
        for method in resource.methods.values() {
            let verbs: Vec<&str> =
                resource.verbs.listing(&method.name).iter().map(|verb| verb.as_str()).collect();
            writeln!(
                text,
                "{}.{} {} {} rows={} paging={} [{}]",
                resource.name,
                method.name,
                method.verb,
                method.operation_id.as_deref().unwrap_or("-"),
                method.response.rows.path().join("."),
                method.paging.name(),
                verbs.join(" "),
            )
            .expect("text");
        }
    }
    text
}

fn imported(text: &str) -> Imported {
    import(text, &options()).expect("complete")
}

fn why(imported: &Imported, subject: &str) -> String {
    let found = imported.guesses.iter().find(|guess| guess.subject == subject);
    found.map(|guess| format!("{} ({})", guess.guess, guess.why)).expect(subject)
}

#[test]
fn offsets_and_a_key() {
    let imported = imported(include_str!("import/tickets.yaml"));
    assert_eq!(
        shown(&imported),
        "tickets.list GET listTickets rows=tickets paging=offset [SELECT]
tickets.create POST createTicket rows= paging=none [INSERT]
tickets.get GET getTicket rows= paging=none [SELECT]
tickets.update PATCH updateTicket rows= paging=none [UPDATE]
tickets.delete DELETE deleteTicket rows= paging=none [DELETE]
tickets.close POST closeTicket rows= paging=none []
"
    );
    assert_eq!(imported.variables, ["ACME_API_KEY"]);
    assert_eq!(
        why(&imported, "paging of `tickets.list`"),
        "offset (`offset` takes the number of the first row, `$.total` is the number of rows)"
    );
    assert!(imported.guesses.iter().all(|guess| !guess.open), "{:?}", imported.guesses);
    let service = &imported.documents.files[1].1;
    for part in ["size:", "max: 100", "start: 0", "total: $.total"] {
        assert!(service.contains(part), "{part}: {service}");
    }
}

#[test]
fn cursors_below_an_envelope() {
    let imported = imported(include_str!("import/cursor.json"));
    assert_eq!(
        shown(&imported),
        "books.list GET books.list rows=data paging=token [SELECT]
books.create POST books.add rows=data paging=none [INSERT]
books.get GET books.get rows=data paging=none [SELECT]
books.update PATCH books.change rows=data paging=none [UPDATE]
books.delete DELETE books.remove rows= paging=none [DELETE]
"
    );
    assert_eq!(imported.variables, ["ACME_TOKEN"]);
    assert!(imported.documents.files[1].1.contains("page_after"));
}

#[test]
fn link_headers_over_bare_lists() {
    let imported = imported(include_str!("import/links.yaml"));
    assert_eq!(
        shown(&imported),
        "repos.list GET repos/list rows= paging=link [SELECT]
repos.create POST repos/create rows= paging=none [INSERT]
repos.get GET repos/get rows= paging=none [SELECT]
repos.update PATCH repos/update rows= paging=none [UPDATE]
repos.delete DELETE repos/delete rows= paging=none [DELETE]
"
    );
    assert_eq!(imported.variables, ["ACME_USERNAME", "ACME_PASSWORD"]);
}

#[test]
fn nested_envelopes_and_changes_by_post() {
    let imported = imported(include_str!("import/nested.yaml"));
    assert_eq!(
        shown(&imported),
        "vehicles.list GET vehiclesOfDepot rows=response.vehicles paging=page [SELECT]
vehicles.create POST addVehicle rows=response.vehicle paging=none [INSERT]
vehicles.get GET vehicle rows=response.vehicle paging=none [SELECT]
vehicles.update POST changeVehicle rows=response.vehicle paging=none [UPDATE]
vehicles.delete DELETE scrapVehicle rows= paging=none [DELETE]
"
    );
    assert!(why(&imported, "server").starts_with("https://fleet.example.com/rest ("));
    assert!(imported.documents.files[1].1.contains("total: $.response.pagination.totalPages"));
}

#[test]
fn discovery_documents_keep_their_tree() {
    let text = r##"{
        "kind": "discovery#restDescription", "discoveryVersion": "v1", "name": "depot", "version": "v1",
        "title": "Depot", "rootUrl": "https://depot.example.com/", "servicePath": "",
        "auth": {"oauth2": {"scopes": {"https://auth.example.com/all": {}}}},
        "parameters": {"fields": {"type": "string", "location": "query"}, "key": {"type": "string", "location": "query"}},
        "schemas": {
            "Box": {"id": "Box", "type": "object", "properties": {"name": {"type": "string"}, "size": {"type": "string", "format": "int64"}, "inner": {"$ref": "Box"}}},
            "Boxes": {"id": "Boxes", "type": "object", "properties": {"boxes": {"type": "array", "items": {"$ref": "Box"}}, "nextPageToken": {"type": "string"}}},
            "Empty": {"id": "Empty", "type": "object", "properties": {}}
        },
        "resources": {"halls": {"resources": {"boxes": {"methods": {
            "list": {"id": "depot.halls.boxes.list", "path": "v1/{+parent}/boxes", "flatPath": "v1/halls/{hallsId}/boxes", "httpMethod": "GET",
                "parameters": {"parent": {"type": "string", "location": "path", "required": true}, "pageSize": {"type": "integer", "location": "query", "maximum": "500"}, "pageToken": {"type": "string", "location": "query"}},
                "response": {"$ref": "Boxes"}},
            "create": {"id": "depot.halls.boxes.create", "path": "v1/{+parent}/boxes", "flatPath": "v1/halls/{hallsId}/boxes", "httpMethod": "POST",
                "request": {"$ref": "Box"}, "response": {"$ref": "Box"}},
            "get": {"id": "depot.halls.boxes.get", "path": "v1/{+name}", "flatPath": "v1/halls/{hallsId}/boxes/{boxesId}", "httpMethod": "GET", "response": {"$ref": "Box"}},
            "delete": {"id": "depot.halls.boxes.delete", "path": "v1/{+name}", "flatPath": "v1/halls/{hallsId}/boxes/{boxesId}", "httpMethod": "DELETE", "response": {"$ref": "Empty"}},
            "seal": {"id": "depot.halls.boxes.seal", "path": "v1/{+name}:seal", "flatPath": "v1/halls/{hallsId}/boxes/{boxesId}:seal", "httpMethod": "POST", "response": {"$ref": "Box"}}
        }}}}}
    }"##;
    let imported = imported(text);
    assert_eq!(
        shown(&imported),
        "boxes.list GET depot.halls.boxes.list rows=boxes paging=token [SELECT]
boxes.create POST depot.halls.boxes.create rows= paging=none [INSERT]
boxes.get GET depot.halls.boxes.get rows= paging=none [SELECT]
boxes.delete DELETE depot.halls.boxes.delete rows= paging=none [DELETE]
boxes.seal POST depot.halls.boxes.seal rows= paging=none []
"
    );
    assert_eq!(imported.variables, ["GOOGLE_CREDENTIALS"]);
}

#[test]
fn what_cannot_be_known_is_said() {
    let text = "openapi: 3.0.0
servers: [{url: 'https://a.example.com'}]
paths:
  /things:
    get:
      parameters: [{name: cursor, in: query, schema: {type: string}}]
      responses: {'200': {description: x, content: {application/json: {schema: {type: array, items: {type: object, properties: {id: {type: string}}}}}}}}
  /things/{id}:
    put: {requestBody: {content: {application/json: {schema: {type: object, properties: {a: {type: string}}}}}}, responses: {'200': {description: x}}}
  broken: {get: {}}
";
    let imported = imported(text);
    let open: Vec<&str> = imported
        .guesses
        .iter()
        .filter(|guess| guess.open)
        .map(|guess| guess.subject.as_str())
        .collect();
    assert_eq!(
        open,
        ["path `broken`", "credential", "paging of `things.list`", "UPDATE of `things`"]
    );
}

#[test]
fn documents_in_circles_end() {
    let text = "openapi: 3.0.0
servers: [{url: 'https://a.example.com'}]
paths:
  /loops:
    get:
      parameters: [{$ref: '#/components/parameters/A'}]
      responses: {'200': {$ref: '#/components/responses/A'}}
components:
  parameters: {A: {$ref: '#/components/parameters/B'}, B: {$ref: '#/components/parameters/A'}}
  responses: {A: {description: x, content: {application/json: {schema: {$ref: '#/components/schemas/A'}}}}}
  schemas:
    A: {allOf: [{$ref: '#/components/schemas/A'}, {$ref: '#/components/schemas/B'}], properties: {data: {$ref: '#/components/schemas/A'}, items: {type: array, items: {$ref: '#/components/schemas/A'}}}}
    B: {allOf: [{$ref: '#/components/schemas/A'}, {$ref: '#/components/schemas/B'}]}
";
    let imported = imported(text);
    assert_eq!(imported.resources, [("loops".to_owned(), vec!["select"])]);
}

#[test]
fn hostile_and_incomplete_documents_are_refused() {
    let mut bomb = vec!["a0: &a0 [x, x, x, x, x, x, x, x, x, x]".to_owned()];
    for level in 1..9 {
        let below = vec![format!("*a{}", level - 1); 10].join(", ");
        bomb.push(format!("a{level}: &a{level} [{below}]"));
    }
    let deep = format!("{}{}", "{\"a\":".repeat(5000), "1");
    let cases: Vec<(String, Code, &str)> = vec![
        (String::new(), Code::BadDocument, "not an API description"),
        ("- 1".to_owned(), Code::BadDocument, "not an API description"),
        ("{\"openapi\": ".to_owned(), Code::BadDocument, "not valid"),
        ("a: [".to_owned(), Code::BadDocument, "not valid YAML"),
        ("a: 1".to_owned(), Code::BadDocument, "neither `openapi`"),
        ("swagger: '2.0'".to_owned(), Code::BadDocument, "Swagger 2.0"),
        ("openapi: 4.0.0".to_owned(), Code::BadDocument, "OpenAPI 4.0.0"),
        ("openapi: 3.0.0".to_owned(), Code::BadDocument, "no `paths`"),
        ("openapi: 3.0.0\npaths: {/a: {get: {}}}".to_owned(), Code::BadDocument, "no server"),
        (
            "openapi: 3.0.0\nservers: [{url: /v1}]\npaths: {/a: {get: {}}}".to_owned(),
            Code::BadDocument,
            "without a host",
        ),
        (
            "openapi: 3.0.0\nservers: [{url: 'https://a.example.com'}]\npaths: {/a: {$ref: 'b.yaml#/x'}}"
                .to_owned(),
            Code::BadDocument,
            "another file: `b.yaml#/x`",
        ),
        (
            "openapi: 3.0.0\nservers: [{url: 'https://a.example.com'}]\npaths: {/a: {x: 1}}".to_owned(),
            Code::BadDocument,
            "no operation",
        ),
        (
            "openapi: 3.0.0\npaths: {/a: {get: {}}}\ncomponents: [1]".to_owned(),
            Code::BadDocument,
            "`components` is not a mapping",
        ),
        (
            "openapi: 3.0.0\npaths: {/a: {get: {}}}\ncomponents: {x-stackQL-resources: {}}".to_owned(),
            Code::BadDocument,
            "provider document already",
        ),
        ("discoveryVersion: v1".to_owned(), Code::BadDocument, "no `rootUrl`"),
        ("discoveryVersion: v1\nrootUrl: 'https://a.example.com/'".to_owned(), Code::BadDocument, "no methods"),
        (bomb.join("\n"), Code::UntrustedDocument, "expands to more than"),
        (deep, Code::BadDocument, "not valid"),
    ];
    for (text, code, part) in cases {
        let report = import(&text, &options()).expect_err(part);
        assert_eq!(report.code, code, "{report:?}");
        assert!(report.message.contains(part), "{part}: {report:?}");
        assert!(!report.help.is_empty() && report.place.is_some(), "{report:?}");
    }
    let named = ImportOptions { provider: "../x".to_owned(), ..options() };
    assert_eq!(import("a: 1", &named).expect_err("no name").code, Code::Usage);
}

#[test]
fn keys_that_configure_requests_are_left_out() {
    let text = include_str!("import/tickets.yaml").replace(
        "operationId: listTickets",
        "operationId: listTickets\n      x-strataql: {origins: ['https://evil.example']}\n      x-stackQL-config: {auth: {type: bearer}}",
    );
    let service = &imported(&text).documents.files[1].1;
    assert!(!service.contains("evil"), "{service}");
}

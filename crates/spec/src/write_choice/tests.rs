use super::*;
use crate::load::{load_provider, load_service};
use crate::service::Service;

const DOCUMENT: &str = "
paths:
  /repos/{owner}/{repo}/tags: {get: {responses: {'200': {content: {application/json: {schema: {type: array, items: {properties: {id: {type: integer}, name: {type: string}}}}}}}}}, delete: {responses: {'204': {}}}}
  /orgs/{org}/tags: {get: {responses: {'200': {content: {application/json: {schema: {type: array, items: {properties: {id: {type: integer}, name: {type: string}}}}}}}}}, delete: {responses: {'204': {}}}}
  /repos/{owner}/{repo}/tags/{name}:
    delete: {responses: {'204': {}}}
    patch: {requestBody: {content: {application/json: {schema: {properties: {name: {type: string}, color: {type: string}}}}}}, responses: {'200': {}}}
  /orgs/{org}/tags/{name}: {delete: {responses: {'204': {}}}}
  /tank: {get: {parameters: [{name: tank, in: query, required: true, schema: {type: string}}], responses: {'200': {content: {application/json: {schema: {properties: {tank: {type: string}, size: {type: integer}}}}}}}}}
  /tank/delete: {post: {requestBody: {content: {application/json: {schema: {required: [tank], properties: {tank: {type: string}, force: {type: boolean}}}}}}, responses: {'200': {}}}}
  /tank/update: {post: {requestBody: {content: {application/json: {schema: {required: [tank, kind], properties: {tank: {type: string}, kind: {type: string}, size: {type: integer}}}}}}, responses: {'200': {}}}}
  /pools: {get: {responses: {'200': {content: {application/json: {schema: {type: array, items: {properties: {pool: {type: string}, size: {type: integer}, color: {type: string}}}}}}}}}}
  /pools/delete: {post: {requestBody: {content: {application/json: {schema: {properties: {pool: {type: string}}}}}}, responses: {'200': {}}}}
  /pools/edit: {post: {requestBody: {content: {application/json: {schema: {properties: {color: {type: string}, pool: {type: string}, size: {type: integer}}}}}}, responses: {'200': {}}}}
  /notes/{id}:
    get: {responses: {'200': {content: {application/json: {schema: {properties: {id: {type: string}, text: {type: string}}}}}}}}
    patch: {parameters: [{name: update_mask, in: query, required: true, schema: {type: string}}, {name: dry_run, in: query, schema: {type: boolean}}], requestBody: {content: {application/json: {schema: {required: [text], properties: {text: {type: string}, size: {type: integer}}}}}}, responses: {'200': {}}}
    put: {requestBody: {content: {application/json: {schema: {properties: {id: {type: string}, text: {type: string}}}}}}, responses: {'200': {}}}
  /accounts/{account_id}/rules:
    get: {parameters: [{name: name, in: query, required: true, schema: {type: string}}, {name: etag, in: query, required: true, schema: {type: string}}], responses: {'200': {content: {application/json: {schema: {properties: {name: {type: string}, rules: {type: string}}}}}}}}
    put: {requestBody: {content: {application/json: {schema: {required: [name, rules], properties: {name: {type: string}, rules: {type: string}}}}}}, responses: {'200': {}}}
components:
  x-stackQL-resources:
    rules:
      methods:
        get: {operation: {$ref: '#/paths/~1accounts~1{account_id}~1rules/get'}}
        put: {operation: {$ref: '#/paths/~1accounts~1{account_id}~1rules/put'}}
      sqlVerbs: {select: [get], replace: [put]}
    tags:
      config: {requestBodyTranslate: {algorithm: naive}}
      methods:
        list_repo: {operation: {$ref: '#/paths/~1repos~1{owner}~1{repo}~1tags/get'}}
        list_org: {operation: {$ref: '#/paths/~1orgs~1{org}~1tags/get'}}
        clear_repo: {operation: {$ref: '#/paths/~1repos~1{owner}~1{repo}~1tags/delete'}}
        clear_org: {operation: {$ref: '#/paths/~1orgs~1{org}~1tags/delete'}}
        remove_repo: {operation: {$ref: '#/paths/~1repos~1{owner}~1{repo}~1tags~1{name}/delete'}}
        remove_org: {operation: {$ref: '#/paths/~1orgs~1{org}~1tags~1{name}/delete'}}
        edit: {operation: {$ref: '#/paths/~1repos~1{owner}~1{repo}~1tags~1{name}/patch'}}
      sqlVerbs: {select: [list_repo, list_org], delete: [clear_repo, clear_org, remove_repo, remove_org], update: [edit]}
    tanks:
      config: {requestBodyTranslate: {algorithm: naive}}
      methods:
        get: {operation: {$ref: '#/paths/~1tank/get'}}
        delete: {operation: {$ref: '#/paths/~1tank~1delete/post'}}
        update: {operation: {$ref: '#/paths/~1tank~1update/post'}}
      sqlVerbs: {select: [get], delete: [delete], update: [update]}
    pools:
      methods:
        list: {operation: {$ref: '#/paths/~1pools/get'}}
        delete: {operation: {$ref: '#/paths/~1pools~1delete/post'}}
        edit: {operation: {$ref: '#/paths/~1pools~1edit/post'}}
      sqlVerbs: {select: [list], delete: [delete], update: [edit]}
    notes:
      config: {requestBodyTranslate: {algorithm: naive}}
      methods:
        get: {operation: {$ref: '#/paths/~1notes~1{id}/get'}}
        patch: {operation: {$ref: '#/paths/~1notes~1{id}/patch'}}
        put: {operation: {$ref: '#/paths/~1notes~1{id}/put'}}
        again: {operation: {$ref: '#/paths/~1notes~1{id}/put'}}
      sqlVerbs: {select: [get], update: [patch], replace: [put, again], insert: [put]}
";

fn service() -> Service {
    let provider = "name: p\nproviderServices: {s: {service: {$ref: p/v1/services/s.yaml}}}\n";
    let (provider, _) = load_provider(provider, "p").expect("valid");
    load_service(DOCUMENT, &provider, &provider.services[0], "s").expect("valid").0
}

/// A statement whose WHERE gives constants, and mentions other names.
fn given(verb: SqlVerb, set: &[&str], constants: &[&str], others: &[&str]) -> StatementNames {
    let mut given = StatementNames::new(verb);
    for name in set {
        given = given.with_set(name);
    }
    for name in constants {
        given = given.with_constant(name);
    }
    given.conditions.extend(others.iter().map(|name| (*name).to_owned()));
    given
}

/// The chosen method with its keys, or why there is none.
fn chosen(resource: &str, given: &StatementNames) -> String {
    let service = service();
    match service.resources[resource].choose_write(&service.schemas, given) {
        Ok(choice) => {
            let keys: Vec<&str> = choice.keys.iter().map(plain).collect();
            format!("{} {}", choice.method.name, keys.join(",")).trim_end().to_owned()
        }
        Err(NoChoice::Lacks { missing, .. }) => format!("lacks {}", missing.join(",")),
        Err(NoChoice::ChangesAll { condition, .. }) => format!("changes all, not {condition}"),
        Err(NoChoice::NamesObject { name, .. }) => format!("names {name}"),
        Err(NoChoice::Twice(name)) => format!("twice {name}"),
        Err(why) => format!("{why:?}"),
    }
}

#[test]
fn a_deletion_is_chosen_by_what_where_gives_and_never_deletes_more() {
    let delete = |constants: &[&str], others: &[&str]| {
        chosen("tags", &given(SqlVerb::Delete, &[], constants, others))
    };
    assert_eq!(delete(&["org", "name"], &[]), "remove_org org,name");
    assert_eq!(delete(&["owner", "repo", "name"], &[]), "remove_repo owner,repo,name");
    // the list of the organisation returns the name, and not the repository
    assert_eq!(delete(&["org"], &["id"]), "remove_org org,name");
    assert_eq!(delete(&["owner", "repo"], &["id"]), "remove_repo owner,repo,name");
    // exactly what the other method takes
    assert_eq!(delete(&["org"], &[]), "clear_org org");
    assert_eq!(delete(&["owner", "repo"], &[]), "clear_repo owner,repo");
    assert_eq!(delete(&["name"], &[]), "lacks org");
    assert_eq!(delete(&["owner", "name"], &[]), "lacks repo");
}

#[test]
fn where_names_the_object_and_set_fills_the_body() {
    let update = |set: &[&str], constants: &[&str]| {
        chosen("tags", &given(SqlVerb::Update, set, constants, &[]))
    };
    assert_eq!(update(&["name"], &["owner", "repo", "name"]), "edit owner,repo,name");
    assert_eq!(
        update(&["color", "data__name"], &["owner", "repo", "name"]),
        "edit owner,repo,name"
    );
    assert_eq!(update(&["owner"], &["owner", "repo", "name"]), "names owner");
    assert_eq!(update(&["shade"], &["owner", "repo", "name"]), "Unknown(\"shade\")");
    // options of the request are set, and keys of the object are not
    let note = |set: &[&str]| chosen("notes", &given(SqlVerb::Update, set, &["id"], &[]));
    assert_eq!(note(&["text", "update_mask"]), "patch id");
    assert_eq!(note(&["text", "dry_run", "update_mask"]), "patch id");
    assert_eq!(note(&["text"]), "lacks update_mask");
    assert_eq!(note(&["id", "text"]), "names id");
}

#[test]
fn fields_of_the_body_name_the_object_where_nothing_else_does() {
    let delete = |resource: &str, constants: &[&str], others: &[&str]| {
        chosen(resource, &given(SqlVerb::Delete, &[], constants, others))
    };
    assert_eq!(delete("tanks", &["tank"], &[]), "delete tank");
    assert_eq!(delete("tanks", &["tank", "force"], &[]), "delete tank");
    assert_eq!(delete("tanks", &["size"], &[]), "lacks tank");
    assert_eq!(delete("pools", &["pool"], &[]), "delete pool");
    assert_eq!(delete("pools", &["size"], &[]), "delete pool");
    let update = |resource: &str, set: &[&str], constants: &[&str]| {
        chosen(resource, &given(SqlVerb::Update, set, constants, &[]))
    };
    assert_eq!(update("tanks", &["size", "kind"], &["tank"]), "update tank");
    assert_eq!(update("tanks", &["size"], &["tank", "size"]), "update tank");
    assert_eq!(update("pools", &["size"], &["pool"]), "edit pool");
    // a condition that is no name of the object finds rows, which tell it
    assert_eq!(update("pools", &["size"], &["color"]), "edit pool");
    // the lookup needs more than the method takes
    let rules = given(SqlVerb::Replace, &["rules"], &["account_id", "name"], &[]);
    assert_eq!(chosen("rules", &rules), "put account_id,name");
    // one field cannot hold the old name and the new one
    assert_eq!(update("tanks", &["tank"], &["tank"]), "twice tank");
    assert_eq!(update("pools", &["pool"], &["pool"]), "twice pool");
    assert_eq!(update("pools", &["pool", "size"], &["color"]), "changes all, not color");
}

#[test]
fn methods_of_the_same_parameters_and_fields_cannot_be_told_apart() {
    let service = service();
    let reached = |resource: &str, verb, method: &str| {
        let resource = &service.resources[resource];
        resource.is_reachable(&service.schemas, verb, &resource.methods[method])
    };
    for method in ["clear_repo", "clear_org", "remove_repo", "remove_org"] {
        assert!(reached("tags", SqlVerb::Delete, method), "{method}");
    }
    assert!(reached("notes", SqlVerb::Replace, "put"));
    assert!(!reached("notes", SqlVerb::Replace, "again"));
    assert!(reached("notes", SqlVerb::Insert, "put"));
    assert!(reached("tanks", SqlVerb::Update, "update"));
}

#[test]
fn a_scope_names_where_objects_are() {
    let service = service();
    let tags = &service.resources["notes"];
    assert!(!tags.is_scope("id"), "a lookup is no list");
    let pools = &service.resources["pools"];
    assert!(!pools.is_scope("pool"));
}

#[test]
fn the_only_object_of_its_kind_is_told_from_many() {
    let shape = |row: &str| {
        format!(
            "
paths:
  /thing:
    get: {{responses: {{'200': {{content: {{application/json: {{schema: {row}}}}}}}}}}}
    patch: {{requestBody: {{content: {{application/json: {{schema: {{properties: {{note: {{type: string}}}}}}}}}}}}, responses: {{'204': {{}}}}}}
    delete: {{responses: {{'204': {{}}}}}}
components:
  x-stackQL-resources:
    thing:
      methods:
        get: {{operation: {{$ref: '#/paths/~1thing/get'}}}}
        change: {{operation: {{$ref: '#/paths/~1thing/patch'}}}}
        drop: {{operation: {{$ref: '#/paths/~1thing/delete'}}}}
      sqlVerbs: {{select: [get], update: [change], delete: [drop]}}
"
        )
    };
    let provider = "name: p\nproviderServices: {s: {service: {$ref: p/v1/services/s.yaml}}}\n";
    let (provider, _) = load_provider(provider, "p").expect("valid");
    let is_only = |row: &str, method: &str| {
        let (service, _) =
            load_service(&shape(row), &provider, &provider.services[0], "s").expect("valid");
        let thing = &service.resources["thing"];
        thing.is_singleton(&service.schemas, &thing.methods[method])
    };
    let one = "{properties: {id: {type: string}, note: {type: string}}}";
    assert!(is_only(one, "change"));
    assert!(!is_only(one, "drop"));
    let holder = "{properties: {id: {type: string}, logs: {type: array, items: {type: object}}}}";
    assert!(is_only(holder, "change"));
    let many = "{properties: {things: {type: array, items: {type: object}}, next: {type: string}}}";
    assert!(!is_only(many, "change"));
    assert!(!is_only("{type: array, items: {properties: {id: {type: string}}}}", "change"));
}

/// Items below an organisation, their kinds and their log, whose rows show the organisation.
const COARSE: &str = "
paths:
  /orgs/{org}/items: {get: &list {responses: {'200': {content: {application/json: {schema: {type: array, items: {properties: {id: {type: string}, org: {type: string}, kind: {type: string}, n: {type: integer}}}}}}}}}, delete: &gone {responses: {'204': {}}}, patch: &edit {requestBody: {content: {application/json: {schema: {properties: {n: {type: integer}}}}}}, responses: {'200': {}}}}
  /orgs/{org}/items/{id}: {delete: *gone, patch: *edit}
  /kinds: {get: *list, delete: {parameters: [{name: kind, in: query, schema: {type: string}}], responses: {'204': {}}}}
  /kinds/of: {delete: {parameters: [{name: kind, in: query, required: true, schema: {type: string}}], responses: {'204': {}}}}
  /kinds/by/{kind}: {delete: *gone}
  /kinds/delete: {post: {requestBody: {content: {application/json: {schema: {properties: {kind: {type: string}}}}}}, responses: {'200': {}}}}
  /users/{user}/logs: {get: *list, delete: *gone}
  /users/{user}/logs/{id}: {get: {responses: {'200': {content: {application/json: {schema: {properties: {id: {type: string}, user: {type: string}}}}}}}}}
  /logs: {get: {responses: {'200': {content: {application/json: {schema: {type: array, items: {properties: {id: {type: string}, user: {type: string}}}}}}}}}}
components:
  x-stackQL-resources:
    items:
      methods:
        list: {operation: {$ref: '#/paths/~1orgs~1{org}~1items/get'}}
        clear: {operation: {$ref: '#/paths/~1orgs~1{org}~1items/delete'}}
        edit_all: {operation: {$ref: '#/paths/~1orgs~1{org}~1items/patch'}}
        drop: {operation: {$ref: '#/paths/~1orgs~1{org}~1items~1{id}/delete'}}
        edit: {operation: {$ref: '#/paths/~1orgs~1{org}~1items~1{id}/patch'}}
      sqlVerbs: {select: [list], delete: [clear, drop], update: [edit_all, edit]}
    cleared:
      methods:
        list: {operation: {$ref: '#/paths/~1orgs~1{org}~1items/get'}}
        clear: {operation: {$ref: '#/paths/~1orgs~1{org}~1items/delete'}}
      sqlVerbs: {select: [list], delete: [clear]}
    optional:
      methods:
        list: {operation: {$ref: '#/paths/~1kinds/get'}}
        clear: {operation: {$ref: '#/paths/~1kinds/delete'}}
      sqlVerbs: {select: [list], delete: [clear]}
    query:
      methods:
        list: {operation: {$ref: '#/paths/~1kinds/get'}}
        clear: {operation: {$ref: '#/paths/~1kinds~1of/delete'}}
      sqlVerbs: {select: [list], delete: [clear]}
    path:
      methods:
        list: {operation: {$ref: '#/paths/~1kinds/get'}}
        clear: {operation: {$ref: '#/paths/~1kinds~1by~1{kind}/delete'}}
      sqlVerbs: {select: [list], delete: [clear]}
    body:
      methods:
        list: {operation: {$ref: '#/paths/~1kinds/get'}}
        clear: {operation: {$ref: '#/paths/~1kinds~1delete/post'}}
      sqlVerbs: {select: [list], delete: [clear]}
    kinds:
      methods:
        list: {operation: {$ref: '#/paths/~1kinds/get'}}
        clear: {operation: {$ref: '#/paths/~1kinds~1delete/post'}}
      sqlVerbs: {select: [list], delete: [clear]}
    logs:
      methods:
        get: {operation: {$ref: '#/paths/~1users~1{user}~1logs~1{id}/get'}}
        list_all: {operation: {$ref: '#/paths/~1logs/get'}}
        list: {operation: {$ref: '#/paths/~1users~1{user}~1logs/get'}}
        clear: {operation: {$ref: '#/paths/~1users~1{user}~1logs/delete'}}
      sqlVerbs: {select: [get, list_all, list], delete: [clear]}
";

#[test]
fn a_method_for_many_is_not_taken_for_one_row() {
    let provider = "name: p\nproviderServices: {s: {service: {$ref: p/v1/services/s.yaml}}}\n";
    let (provider, _) = load_provider(provider, "p").expect("valid");
    let (service, _) = load_service(COARSE, &provider, &provider.services[0], "s").expect("valid");
    let chosen = |verb, resource: &str, constants: &[&str], others: &[&str]| {
        let set: &[&str] = if verb == SqlVerb::Update { &["n"] } else { &[] };
        let given = given(verb, set, constants, others);
        match service.resources[resource].choose_write(&service.schemas, &given) {
            Ok(choice) => choice.method.name.clone(),
            Err(NoChoice::ChangesAll { condition, .. }) => format!("not {condition}"),
            Err(why) => format!("{why:?}"),
        }
    };
    let delete = |resource, constants: &[&str], others: &[&str]| {
        chosen(SqlVerb::Delete, resource, constants, others)
    };
    // the rows show their scope
    assert_eq!(delete("items", &["org"], &["n"]), "drop");
    assert_eq!(delete("items", &["org", "n"], &[]), "drop");
    assert_eq!(delete("items", &["org"], &[]), "clear");
    assert_eq!(chosen(SqlVerb::Update, "items", &["org"], &["kind"]), "edit");
    assert_eq!(delete("cleared", &["org", "id"], &[]), "not id");
    // an option takes a constant, and is not sent for the rows that are found
    assert_eq!(delete("optional", &["kind"], &[]), "clear");
    assert_eq!(delete("optional", &[], &["kind"]), "not kind");
    // what rows have in common names none of them, wherever it goes
    for resource in ["query", "path", "body", "kinds"] {
        assert_eq!(delete(resource, &["kind"], &[]), "clear", "{resource}");
        assert_eq!(delete(resource, &["kind", "n"], &[]), "not n", "{resource}");
        assert_eq!(delete(resource, &["kind"], &["id"]), "not id", "{resource}");
    }
    assert_eq!(delete("query", &[], &["kind", "n"]), "not n");
    // a lookup needs the owner, and more that the method does not take
    assert_eq!(delete("logs", &["user"], &[]), "clear");
    assert_eq!(delete("logs", &["id"], &[]), "not id");
    assert_eq!(delete("logs", &["user", "id"], &[]), "not id");
}

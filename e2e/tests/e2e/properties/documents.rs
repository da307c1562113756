//! Documents for the generated tables.

/// Provider and service: with everything that can be pushed down, or with what cannot be left out.
pub(crate) fn documents(provider: &str, pushdown: bool) -> [String; 2] {
    let head = format!(
        "id: {provider}\nname: {provider}\nversion: v1\ntitle: {provider}\ndescription: Exists in tests only.\n\
         providerServices:\n  data:\n    id: data:v1\n    name: data\n    preferred: true\n    \
         service: {{$ref: {provider}/v1/services/data.yaml}}\n    title: Data\n    version: v1\n    description: Tables.\n\
         config:\n  auth:\n    type: null_auth\n"
    );
    let (group, clauses) = if pushdown {
        (
            "{name: g, in: query, schema: {type: string}}, ",
            "            queryParamPushdown:\n              filter: {dialect: odata}\n              \
             select: {dialect: odata}\n              top: {dialect: odata}\n",
        )
    } else {
        ("", "")
    };
    let k = "{name: k, in: path, required: true, schema: {type: string}}, ";
    let m = "{name: m, in: query, required: true, schema: {type: integer}}, ";
    let id = "{name: id, in: path, required: true, schema: {type: integer}}";
    let service = [
        format!(
            "openapi: 3.0.3\ninfo: {{title: data, version: v1}}\nservers:\n  - url: https://{provider}.example.com\npaths:\n"
        ),
        list("/parents", group, "k: {type: string}, n: {type: integer}, g: {type: string}"),
        list(
            "/parents/{k}/children",
            k,
            "id: {type: integer}, v: {type: integer}, t: {type: string}",
        ),
        list("/parents/{k}/pairs", &format!("{k}{m}"), "w: {type: integer}"),
        list(
            "/items",
            "",
            "id: {type: integer}, a: {type: integer}, b: {type: string}, c: {type: boolean}",
        ),
        list("/things", "", "id: {type: integer}, n: {type: integer}"),
        get("/things/{id}", id, "id: {type: integer}, n: {type: integer}, d: {type: string}"),
        "components:\n  x-stackQL-resources:\n".to_owned(),
        resource(provider, "parents", &[("/parents", paged(""))]),
        resource(provider, "children", &[("/parents/{k}/children", paged(""))]),
        resource(provider, "pairs", &[("/parents/{k}/pairs", paged(""))]),
        resource(provider, "items", &[("/items", paged(clauses))]),
        resource(provider, "things", &[("/things", paged("")), ("/things/{id}", single())]),
    ];
    [head, service.concat()]
}

/// An operation that answers with pages of such rows.
fn list(path: &str, parameters: &str, row: &str) -> String {
    let page = format!("items: {{type: array, items: {{type: object, properties: {{{row}}}}}}}");
    let parameters = format!("{parameters}{{name: cursor, in: query, schema: {{type: string}}}}");
    get(path, &parameters, &format!("{page}, next: {{type: string}}"))
}

/// An operation that answers with an object.
fn get(path: &str, parameters: &str, properties: &str) -> String {
    format!(
        "  {path}:\n    get:\n      parameters: [{parameters}]\n      responses:\n        \
         '200': {{description: rows, content: {{application/json: {{schema: {{type: object, properties: {{{properties}}}}}}}}}}}\n"
    )
}

/// The rest of a method that reads pages.
fn paged(clauses: &str) -> String {
    format!(
        "          response: {{mediaType: application/json, openAPIDocKey: '200', objectKey: $.items}}\n          \
         config:\n            pagination:\n              requestToken: {{key: cursor, location: query}}\n              \
         responseToken: {{key: $.next, location: body}}\n{clauses}"
    )
}

/// The rest of a method that reads one object.
fn single() -> String {
    "          response: {mediaType: application/json, openAPIDocKey: '200'}\n".to_owned()
}

/// A resource with the methods that SELECT may use.
fn resource(provider: &str, name: &str, methods: &[(&str, String)]) -> String {
    let head = format!(
        "    {name}:\n      id: {provider}.data.{name}\n      name: {name}\n      methods:\n"
    );
    let methods: Vec<[String; 2]> = methods
        .iter()
        .enumerate()
        .map(|(number, (path, rest))| {
            let path = path.replace('/', "~1");
            let method = format!(
                "        read{number}:\n          operation: {{$ref: '#/paths/{path}/get'}}\n{rest}"
            );
            let reference =
                format!("{{$ref: '#/components/x-stackQL-resources/{name}/methods/read{number}'}}");
            [method, reference]
        })
        .collect();
    let texts: String = methods.iter().map(|[method, _]| method.as_str()).collect();
    let references: Vec<&str> = methods.iter().map(|[_, reference]| reference.as_str()).collect();
    format!("{head}{texts}      sqlVerbs:\n        select: [{}]\n", references.join(", "))
}

//! Lint of a compiled service: what loads, and still cannot work as written.
//!
//! Owns: rules that need the whole model: the place of the rows, paging, which methods write, and which of
//! them a statement can call.
//! Refuses: what only prevents a part from loading; loaders report that.

use strataql_diag::{Code, Report};

use crate::method::{HttpVerb, Method, RowShape, SqlVerb, changes_by_name};
use crate::paging::{Paging, TokenSource};
use crate::schema::Schemas;
use crate::service::{Resource, Service};

/// Top-level keys of a list's response that only paging explains, without separators and case.
const PAGING_KEYS: &[&str] = &[
    "next",
    "nextlink",
    "nexturl",
    "nextpage",
    "nexttoken",
    "nextpagetoken",
    "nextcursor",
    "nextmarker",
    "hasmore",
    "hasnext",
    "istruncated",
];

/// Parameters that only paging needs, without separators and case.
const PAGING_INPUTS: &[&str] = &[
    "pagetoken",
    "nexttoken",
    "nextpagetoken",
    "cursor",
    "startingafter",
    "marker",
    "continuationtoken",
    "continuation",
    "pagenumber",
    "offset",
    "startindex",
];

/// Everything in a service that breaks a rule of its documents, with lines; files are set by the caller.
pub fn lint(service: &Service) -> Vec<Report> {
    let mut reports = Vec::new();
    for resource in service.resources.values() {
        for method in resource.methods.values() {
            let name = format!("{}.{}", resource.name, method.name);
            let listed = resource.verbs.listing(&method.name);
            reports.extend(object_key(&service.schemas, method, &name));
            if listed.contains(&SqlVerb::Select) {
                reports.extend(paging(&service.schemas, method, &name));
                reports.extend(page_address(&service.schemas, method, &name));
            }
            reports.extend(access(method, &listed, &name));
            reports.extend(unreachable(&service.schemas, resource, method, &listed, &name));
        }
    }
    reports
}

/// Rows are looked for at a place that the response schema does not have.
fn object_key(schemas: &Schemas, method: &Method, name: &str) -> Option<Report> {
    let path = method.response.rows.path();
    let schema = method.response.schema?;
    let is_closed = !schemas[schema].properties.is_empty();
    if !is_closed || path.is_empty() || schemas.at_path(schema, path).is_some() {
        return None;
    }
    let known: Vec<&str> = schemas[schema].properties.keys().map(String::as_str).collect();
    Some(
        Report::warning(
            Code::BadDocument,
            format!(
                "`objectKey` of `{name}` is `$.{}`, which its response schema does not have",
                path.join(".")
            ),
        )
        .with_place("", method.line as usize)
        .with_help(format!("the schema has `{}`", known.join("`, `"))),
    )
}

/// A list documents a next page, and no paging reads it.
fn paging(schemas: &Schemas, method: &Method, name: &str) -> Option<Report> {
    let is_list = matches!(
        method.response.rows,
        RowShape::List { .. } | RowShape::Scalars { .. } | RowShape::MapValues { .. }
    );
    if !is_list || method.paging != Paging::None {
        return None;
    }
    let ignored = &method.extension.paging_ignore;
    let counts = |key: &str, words: &[&str]| {
        words.contains(&plain(key).as_str()) && !ignored.iter().any(|ignored| ignored == key)
    };
    let schema = &schemas[method.response.schema?];
    let returned = schema.properties.keys().find(|key| counts(key, PAGING_KEYS));
    let (how, key) = match returned {
        Some(key) => ("returns", key.as_str()),
        None => ("takes", method.inputs().map(|it| it.wire).find(|it| counts(it, PAGING_INPUTS))?),
    };
    Some(
        Report::warning(
            Code::BadDocument,
            format!("`{name}` {how} `{key}`, and its document declares no paging"),
        )
        .with_place("", method.line as usize)
        .with_help(format!(
            "declare `x-strataql.paging`, or `paging: {{ignore: ['{key}']}}` if one response has all rows"
        )),
    )
}

/// The address of the next page is read from a place that the response schema does not have.
fn page_address(schemas: &Schemas, method: &Method, name: &str) -> Option<Report> {
    let (Paging::Token { response: source, .. }
    | Paging::Link { source }
    | Paging::Next { source, .. }) = &method.paging
    else {
        return None;
    };
    let TokenSource::Body(path) = source else { return None };
    let schema = method.response.schema?;
    let is_closed = !schemas[schema].properties.is_empty() && !schemas[schema].open;
    // elements of lists have numbers
    let is_plain = path.iter().all(|step| step.parse::<usize>().is_err());
    if !is_closed || !is_plain || schemas.at_path(schema, path).is_some() {
        return None;
    }
    Some(
        Report::warning(
            Code::BadDocument,
            format!(
                "the paging of `{name}` reads `$.{}`, which its response schema does not have",
                path.join(".")
            ),
        )
        .with_place("", method.line as usize)
        .with_help("correct the paging, or add the field to the schema"),
    )
}

/// A key without separators and case.
fn plain(key: &str) -> String {
    let key = key.rsplit("odata.").next().unwrap_or(key);
    key.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
}

/// A SELECT that changes something, or a write by an HTTP verb that reads.
fn access(method: &Method, listed: &[SqlVerb], name: &str) -> Option<Report> {
    if method.extension.safe.is_some() {
        return None;
    }
    let changes = matches!(method.verb, HttpVerb::Put | HttpVerb::Patch | HttpVerb::Delete);
    let write = listed.iter().find(|verb| **verb != SqlVerb::Select);
    let (report, help) = match write {
        None if changes && listed.contains(&SqlVerb::Select) => (
            Report::new(
                Code::BadDocument,
                format!("`{name}` is listed under `select` and sends {}", method.verb),
            ),
            "list it under another verb, or set `x-strataql.safe: true` if it only reads",
        ),
        None if listed.contains(&SqlVerb::Select)
            && changes_by_name(method.operation_id.as_deref().unwrap_or(&method.name)) =>
        {
            (
                Report::warning(
                    Code::BadDocument,
                    format!(
                        "`{name}` is listed under `select`, and its operation is called `{}`",
                        method.operation_id.as_deref().unwrap_or(&method.name)
                    ),
                ),
                "list it under another verb, or set `x-strataql.safe: true` if it only reads",
            )
        }
        Some(verb) if method.verb.is_safe() => (
            Report::warning(
                Code::BadDocument,
                format!(
                    "`{name}` is listed under `{}` and sends {}",
                    verb.as_str().to_ascii_lowercase(),
                    method.verb
                ),
            ),
            "it is treated as a write; set `x-strataql.safe: false` if that is right",
        ),
        _ => return None,
    };
    Some(report.with_place("", method.line as usize).with_help(help))
}

/// A write method that no statement calls, since another one takes all that it takes.
fn unreachable(
    schemas: &Schemas,
    resource: &Resource,
    method: &Method,
    listed: &[SqlVerb],
    name: &str,
) -> Option<Report> {
    let writes = listed.iter().copied().filter(|verb| *verb != SqlVerb::Select);
    let verbs: Vec<SqlVerb> = writes.collect();
    let verb = *verbs.first()?;
    if verbs.iter().any(|verb| resource.is_reachable(schemas, *verb, method)) {
        return None;
    }
    let report = Report::warning(
        Code::BadDocument,
        format!(
            "no {} calls `{name}`: another method takes the same parameters and fields",
            verb.as_str()
        ),
    );
    let help = "list it under another verb or not at all; EXEC calls it by its name";
    Some(report.with_place("", method.line as usize).with_help(help))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::{load_provider, load_service};

    const DOCUMENT: &str = "
paths:
  /things:
    get: {responses: {'200': {content: {application/json: {schema: {properties: {things: {type: array, items: {properties: {id: {type: string}}}}, has_more: {type: boolean}}}}}}}}
    delete: {responses: {'200': {content: {application/json: {schema: {type: array, items: {type: string}}}}}}}
    post: {operationId: deleteThings, responses: {'200': {content: {application/json: {schema: {type: array, items: {type: string}}}}}}}
  /pages:
    get:
      parameters: [{name: page_token, in: query, schema: {type: string}}]
      responses: {'200': {content: {application/json: {schema: {properties: {things: {type: array, items: {properties: {id: {type: string}}}}}}}}}}
components:
  x-stackQL-resources:
    things:
      methods:
        list: {operation: {$ref: '#/paths/~1things/get'}, response: {objectKey: $.things}}
        wrong: {operation: {$ref: '#/paths/~1things/get'}, response: {objectKey: $.items}}
        quiet:
          operation: {$ref: '#/paths/~1things/get'}
          response: {objectKey: $.things}
          config: {x-strataql: {paging: {ignore: [has_more]}}}
        purge: {operation: {$ref: '#/paths/~1things/delete'}}
        safe: {operation: {$ref: '#/paths/~1things/delete'}, config: {x-strataql: {safe: true}}}
        sweep: {operation: {$ref: '#/paths/~1things/post'}}
        pages: {operation: {$ref: '#/paths/~1pages/get'}, response: {objectKey: $.things}}
        astray:
          operation: {$ref: '#/paths/~1pages/get'}
          response: {objectKey: $.things}
          config: {pagination: {requestToken: {key: page_token, location: query}, responseToken: {key: $.next, location: body}}}
      sqlVerbs: {select: [list, quiet, purge, safe, sweep, pages, astray], insert: [wrong]}
";

    #[test]
    fn each_rule_names_the_method() {
        let provider = "name: p\nproviderServices: {s: {service: {$ref: p/v1/services/s.yaml}}}\n";
        let (provider, _) = load_provider(provider, "p").expect("valid");
        let (service, _) =
            load_service(DOCUMENT, &provider, &provider.services[0], "s").expect("valid");
        let found: Vec<String> = lint(&service).into_iter().map(|report| report.message).collect();
        assert_eq!(
            found,
            [
                "`things.list` returns `has_more`, and its document declares no paging",
                "`objectKey` of `things.wrong` is `$.items`, which its response schema does not have",
                "`things.wrong` is listed under `insert` and sends GET",
                "`things.purge` is listed under `select` and sends DELETE",
                "`things.sweep` is listed under `select`, and its operation is called `deleteThings`",
                "`things.pages` takes `page_token`, and its document declares no paging",
                "the paging of `things.astray` reads `$.next`, which its response schema does not have",
            ]
        );
    }
}

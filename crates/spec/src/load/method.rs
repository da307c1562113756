//! Loading one method: operation, parameters, body, effective configuration.

use std::collections::HashSet;

use indexmap::IndexMap;
use strataql_diag::Report;

use super::body::read_body;
use super::response::read_response;
use super::{Context, check_extension, split};
use crate::body::Body;
use crate::extension::Extension;
use crate::graphql::GraphQl;
use crate::method::{HttpVerb, Location, Method, Param, Response};
use crate::naming::snake;
use crate::node::Node;
use crate::paging::implied::{Asked, Beside, Evidence, beside_xml, is_holder};
use crate::paging::{Paging, TokenLocation};
use crate::path::{PathTemplate, holds_slash, is_path_name};
use crate::pushdown::Pushdown;
use crate::schema::{SchemaBuilder, SchemaId, SchemaKind};
use crate::server::{Server, ServerVariable};

impl<'a> Context<'a> {
    /// Loads a method; the error says why it cannot be used.
    pub(super) fn method(
        &self,
        key: &str,
        node: &'a Node,
        resource_config: Option<&'a Node>,
        schemas: &mut SchemaBuilder<'a>,
        reports: &mut Vec<Report>,
    ) -> Result<Method, String> {
        let (root, path_key, verb) = self.operation_reference(node)?;
        let http_verb =
            HttpVerb::parse(&verb).ok_or_else(|| format!("`{verb}` is no HTTP verb"))?;
        let item = root
            .get("paths")
            .and_then(|paths| paths.map()?.get(path_key.as_str()))
            .and_then(|item| schemas.resolve(item))
            .ok_or_else(|| format!("the document has no path `{path_key}`"))?;
        let operation = item
            .get(&verb)
            .ok_or_else(|| format!("path `{path_key}` has no `{verb}` operation"))?;
        check_extension(node.get("config"), reports);
        let levels = self.levels(root, node, resource_config);
        let mut extension = Extension::resolve(&levels);
        let request = node.get("request");
        let native_casing = request.is_some_and(|request| request.get("nativeCasing").is_some());
        let names = Names {
            extension: &extension,
            snake: native_casing || self.provider.snake_case_aliases,
        };
        let path = PathTemplate::parse(&path_key);
        let servers = servers([operation, item, node, root]);
        let mut params = read_params(item, operation, &names, &path, schemas);
        let graphql = GraphQl::read(operation);
        if graphql.is_none() {
            settle_path_params(&path, &mut params);
        }
        add_undeclared_path_params(&path, &names, schemas, &mut params);
        mark_multi_segment(&extension.path, &mut params);
        add_server_variables(&servers, schemas, &mut params);
        params.sort_by_key(|param| param.location);
        let body = read_body(node, operation, &levels, &names, schemas);
        schemas.charge(params.len() + body.as_ref().map_or(0, |body| body.properties.len()));
        let response = read_response(self, node, operation, schemas);
        name_in_sql(&mut extension.exact, &params);
        let algorithm = |block: &str| {
            levels
                .iter()
                .find_map(|level| level.get(block)?.text_at("algorithm"))
                .filter(|text| !text.is_empty())
                .map(str::to_owned)
        };
        let protocol = root.get("info").and_then(|info| info.text_at("x-protocol"));
        let evidence = evidence(&response, &params, body.as_ref(), protocol, schemas);
        let mut paging = Paging::resolve(&levels, &self.provider.name, &evidence);
        if response.rows.is_single() {
            let at_root = response.rows.path().is_empty();
            paging = paging.of_single(at_root, node.get("config"), &evidence);
        }
        let mut pushdown = Pushdown::resolve(&levels);
        if let Some(graphql) = &graphql {
            // the query says how it goes on, whatever the service's other operations do
            paging = graphql.paging();
            pushdown = pushdown.or_else(|| graphql.pushdown());
        }
        Ok(Method {
            name: key.to_owned(),
            operation_id: operation.string_at("operationId"),
            verb: http_verb,
            path,
            servers,
            params,
            body,
            response,
            paging,
            query_transpose: algorithm("queryParamTranspose"),
            request_translate: algorithm("requestTranslate"),
            pushdown,
            graphql,
            summary: operation.string_at("summary"),
            description: operation.string_at("description"),
            deprecated: operation.flag_at("deprecated"),
            line: node.line,
            extension,
            // decided once it is known which SQL verbs list the method
            writes: true,
        })
    }

    /// The document that has the operation of a method, with its path key and verb.
    fn operation_reference(&self, node: &Node) -> Result<(&'a Node, String, String), String> {
        let reference = node
            .get("operation")
            .and_then(|operation| operation.text_at("$ref"))
            .ok_or("it has no `operation.$ref`")?;
        let Some((root, fragment)) = split::document(self.root, reference) else {
            let document = reference.split('#').next().unwrap_or_default();
            return Err(format!("its document `{document}` is not there"));
        };
        let fragment = fragment.trim_start_matches('#').trim_start_matches('/');
        let fragment = fragment.strip_prefix("paths/").unwrap_or(fragment);
        let (path, verb) =
            fragment.rsplit_once('/').ok_or_else(|| format!("`{reference}` names no operation"))?;
        // the format decodes `~1` only, and tolerates slashes that are not encoded
        let path = path.replace("~1", "/");
        let path =
            if path.starts_with('/') || has_path(root, &path) { path } else { format!("/{path}") };
        Ok((root, path, verb.to_ascii_lowercase()))
    }
}

fn has_path(root: &Node, path: &str) -> bool {
    root.get("paths").and_then(|paths| paths.map()?.get(path)).is_some()
}

/// The servers of the first of these nodes that has some.
fn servers(nodes: [&Node; 4]) -> Vec<Server> {
    nodes
        .into_iter()
        .map(|node| Server::read_all(node.get("servers")))
        .find(|servers| !servers.is_empty())
        .unwrap_or_default()
}

/// How deep an object such as `meta.pagination.links` may lie.
const DEEPEST: usize = 4;

/// What the schemas of request and response say about pages.
fn evidence(
    response: &Response,
    params: &[Param],
    body: Option<&Body>,
    protocol: Option<&str>,
    schemas: &SchemaBuilder<'_>,
) -> Evidence {
    let number = |id| schemas.schema(id).default.as_ref().and_then(serde_json::Value::as_i64);
    let queries = params.iter().filter_map(|param| {
        let location = match param.location {
            Location::Query => TokenLocation::Query,
            Location::Header => TokenLocation::Header,
            Location::Path | Location::Server => return None,
        };
        Some(Asked { wire: param.wire.clone(), location, default: number(param.schema) })
    });
    let fields = body.into_iter().flat_map(|body| &body.properties).map(|property| Asked {
        wire: property.wire.clone(),
        location: TokenLocation::Body,
        default: number(property.schema),
    });
    let asked: Vec<Asked> = queries.chain(fields).collect();
    let mut beside = Vec::new();
    let transform = response.transform.as_ref().map(|transform| transform.kind.as_str());
    if transform.is_some_and(|kind| kind.starts_with("schema_driven_xml")) {
        beside = beside_xml(&asked, protocol == Some("rest-xml"));
    } else if let Some(schema) = response.schema {
        read_beside(schema, response.rows.path(), &mut Vec::new(), schemas, &mut beside);
    }
    Evidence { beside, asked }
}

/// What stands beside the rows, and in objects that speak of the list.
fn read_beside(
    schema: SchemaId,
    rows: &[String],
    path: &mut Vec<String>,
    schemas: &SchemaBuilder<'_>,
    found: &mut Vec<Beside>,
) {
    for (key, id) in &schemas.schema(schema).properties {
        path.push(key.clone());
        let kind = schemas.schema(*id).kind;
        let leads_on = is_holder(key) || rows.starts_with(path);
        if path.as_slice() != rows {
            found.push(Beside { path: path.clone(), kind });
            if kind == SchemaKind::Object && leads_on && path.len() < DEEPEST {
                read_beside(*id, rows, path, schemas, found);
            }
        }
        path.pop();
    }
}

/// How wire names are spelled in SQL.
pub(super) struct Names<'a> {
    extension: &'a Extension,
    snake: bool,
}

impl Names<'_> {
    pub(super) fn sql(&self, wire: &str, declared_alias: Option<&str>) -> String {
        if let Some(alias) = self.extension.param_alias.get(wire) {
            return alias.clone();
        }
        match declared_alias {
            Some(alias) => alias.to_owned(),
            None if self.snake => snake(wire),
            None => wire.to_owned(),
        }
    }
}

/// Operation parameters, then those of the path item that the operation does not repeat.
fn read_params<'a>(
    item: &'a Node,
    operation: &'a Node,
    names: &Names<'_>,
    path: &PathTemplate,
    schemas: &mut SchemaBuilder<'a>,
) -> Vec<Param> {
    let mut params: Vec<Param> = Vec::new();
    let mut seen: HashSet<(Location, String)> = HashSet::new();
    let declared = operation.get("parameters").map_or(&[][..], Node::items);
    let shared = item.get("parameters").map_or(&[][..], Node::items);
    for node in declared.iter().chain(shared) {
        let Some(node) = schemas.resolve(node) else { continue };
        let (Some(wire), Some(place)) = (node.string_at("name"), node.text_at("in")) else {
            continue;
        };
        let location = match place {
            "path" => Location::Path,
            "query" => Location::Query,
            "header" => Location::Header,
            // cookies are never sent; `context` is bookkeeping of the reference
            _ => continue,
        };
        if !seen.insert((location, wire.clone())) {
            continue;
        }
        let schema_node = node.get("schema").or_else(|| {
            node.get("content").and_then(|content| content.entries().next()?.1.get("schema"))
        });
        let schema = match schema_node {
            Some(schema) => schemas.add(schema),
            None => schemas.add(node),
        };
        let default = (location == Location::Header)
            .then(|| schema_node.and_then(|schema| schema.string_at("default")))
            .flatten();
        params.push(Param {
            name: names.sql(&wire, node.text_at("x-stackQL-alias")),
            required: location == Location::Path
                || (node.flag_at("required")
                    && !node.flag_at("allowEmptyValue")
                    && default.is_none()),
            description: node
                .string_at("description")
                .or_else(|| schemas.schema(schema).description.clone()),
            explode: node.get("explode").and_then(Node::flag),
            multi_segment: location == Location::Path
                && says_multi_segment(node, schema_node)
                    .unwrap_or_else(|| spans_segments(path, &wire)),
            wire,
            location,
            schema,
            default,
        });
    }
    params
}

/// Whether a parameter says itself that its value may be several segments of the path.
fn says_multi_segment(node: &Node, schema: Option<&Node>) -> Option<bool> {
    let own = node.get("x-strataql").and_then(|block| block.text_at("path"));
    if own == Some("multi") || node.flag_at("allowReserved") {
        return Some(true);
    }
    let pattern = schema.and_then(|schema| schema.text_at("pattern"));
    let pattern = pattern.filter(|pattern| pattern.contains('/')).map(holds_slash);
    node.get("x-multi-segment").and_then(Node::flag).or(pattern)
}

/// What the template says about that, and else the name: a path of files ends its template.
fn spans_segments(path: &PathTemplate, wire: &str) -> bool {
    path.spans_segments(wire) || (path.ends_with(wire) && is_path_name(wire))
}

/// Marks the path parameters that the `x-strataql` block lists; `multi` stands for all.
fn mark_multi_segment(listed: &[String], params: &mut [Param]) {
    for param in params.iter_mut().filter(|param| param.location == Location::Path) {
        param.multi_segment |=
            listed.iter().any(|name| *name == param.wire || *name == param.name || name == "multi");
    }
}

/// Documents may list parameters as the wire spells them; everything else compares SQL names.
fn name_in_sql(listed: &mut [String], params: &[Param]) {
    for entry in listed {
        if let Some(param) = params.iter().find(|param| param.wire == *entry) {
            entry.clone_from(&param.name);
        }
    }
}

/// Removes declared path parameters that the template does not have. One that differs from a
/// placeholder only in `-`, `_` and case is renamed and keeps its name in SQL.
fn settle_path_params(path: &PathTemplate, params: &mut Vec<Param>) {
    let held: HashSet<&str> = path.params().into_iter().collect();
    let plain = |name: &str| name.replace(['-', '_'], "").to_ascii_lowercase();
    let is_path =
        |param: &Param, wire: &str| param.location == Location::Path && param.wire == wire;
    for wire in path.params() {
        if params.iter().any(|param| is_path(param, wire)) {
            continue;
        }
        let meant = params.iter_mut().find(|param| {
            param.location == Location::Path
                && !held.contains(param.wire.as_str())
                && plain(&param.wire) == plain(wire)
        });
        if let Some(param) = meant {
            wire.clone_into(&mut param.wire);
        }
    }
    params.retain(|param| param.location != Location::Path || held.contains(param.wire.as_str()));
}

/// Placeholders of the path that no parameter declares are required path parameters.
fn add_undeclared_path_params(
    path: &PathTemplate,
    names: &Names<'_>,
    schemas: &mut SchemaBuilder<'_>,
    params: &mut Vec<Param>,
) {
    for wire in path.params() {
        if !params.iter().any(|param| param.wire == wire && param.location == Location::Path) {
            params.push(Param {
                name: names.sql(wire, None),
                wire: wire.to_owned(),
                location: Location::Path,
                required: true,
                schema: schemas.text(),
                default: None,
                description: None,
                explode: None,
                multi_segment: spans_segments(path, wire),
            });
        }
    }
}

/// Variables of the first server are parameters too; docs/decisions/0008-server-variables.md says
/// which are required.
fn add_server_variables(
    servers: &[Server],
    schemas: &mut SchemaBuilder<'_>,
    params: &mut Vec<Param>,
) {
    let mut variables: IndexMap<&String, &ServerVariable> = IndexMap::new();
    for (name, variable) in servers.iter().flat_map(|server| &server.variables) {
        variables.entry(name).or_insert(variable);
    }
    for (name, variable) in variables {
        if params.iter().any(|param| &param.name == name) {
            continue;
        }
        params.push(Param {
            name: name.clone(),
            wire: name.clone(),
            location: Location::Server,
            required: variable.trusted_default().is_none()
                && servers.first().is_some_and(|first| first.variables.contains_key(name)),
            schema: schemas.text(),
            default: variable.trusted_default().map(str::to_owned),
            description: variable.description.clone(),
            explode: None,
            multi_segment: false,
        });
    }
}

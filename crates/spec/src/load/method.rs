//! Reading one method: operation, parameters, body, effective configuration.

use indexmap::IndexMap;
use strataql_diag::Report;

use super::response::read_response;
use super::{Context, check_extension};
use crate::body::{Body, BodyNaming, BodyProperty};
use crate::extension::Extension;
use crate::method::{HttpVerb, Location, Method, Param, Transform};
use crate::naming::snake;
use crate::node::Node;
use crate::paging::Paging;
use crate::path::PathTemplate;
use crate::pushdown::Pushdown;
use crate::schema::{SchemaBuilder, SchemaId};
use crate::server::Server;

/// Media types tried in this order when a method names none.
pub(super) const MEDIA_PREFERENCE: [&str; 3] =
    ["application/json", "application/xml", "application/octet-stream"];

impl<'a> Context<'a> {
    /// Reads a method; the error says why it cannot be used.
    pub(super) fn method(
        &self,
        key: &str,
        node: &'a Node,
        resource_config: Option<&'a Node>,
        schemas: &mut SchemaBuilder<'a>,
        reports: &mut Vec<Report>,
    ) -> Result<Method, String> {
        let (path_key, verb) = self.operation_reference(node)?;
        let http_verb =
            HttpVerb::parse(&verb).ok_or_else(|| format!("`{verb}` is no HTTP verb"))?;
        let item = self
            .root
            .get("paths")
            .and_then(|paths| paths.map()?.get(path_key.as_str()))
            .and_then(|item| schemas.resolve(item))
            .ok_or_else(|| format!("the document has no path `{path_key}`"))?;
        let operation = item
            .get(&verb)
            .ok_or_else(|| format!("path `{path_key}` has no `{verb}` operation"))?;
        check_extension(node.get("config"), reports);
        let levels = self.levels(node, resource_config);
        let extension = Extension::resolve(&levels);
        let request = node.get("request");
        let native_casing = request.is_some_and(|request| request.get("nativeCasing").is_some());
        let names = Names {
            extension: &extension,
            snake: native_casing || self.provider.snake_case_aliases,
        };
        let path = PathTemplate::parse(&path_key);
        let servers = self.servers(node, item, operation);
        let mut params = read_params(item, operation, &names, schemas);
        add_undeclared_path_params(&path, &names, schemas, &mut params);
        add_server_variables(&servers, schemas, &mut params);
        params.sort_by_key(|param| param.location);
        let body = read_body(node, operation, &levels, &names, schemas);
        let response = read_response(self, node, operation, schemas)?;
        let algorithm = |block: &str| {
            levels
                .iter()
                .find_map(|level| level.get(block)?.text_at("algorithm"))
                .filter(|text| !text.is_empty())
                .map(str::to_owned)
        };
        let paging = schemas_paging(&levels, self, schemas, response.schema);
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
            pushdown: Pushdown::resolve(&levels),
            summary: operation.string_at("summary"),
            description: operation.string_at("description"),
            deprecated: operation.flag_at("deprecated"),
            line: node.line,
            extension,
        })
    }

    /// The path key and verb that `operation.$ref` names.
    fn operation_reference(&self, node: &Node) -> Result<(String, String), String> {
        let reference = node
            .get("operation")
            .and_then(|operation| operation.text_at("$ref"))
            .ok_or("it has no `operation.$ref`")?;
        let fragment = reference.split_once('#').map_or(reference, |(_, fragment)| fragment);
        let fragment = fragment.trim_start_matches('/');
        let fragment = fragment.strip_prefix("paths/").unwrap_or(fragment);
        let (path, verb) =
            fragment.rsplit_once('/').ok_or_else(|| format!("`{reference}` names no operation"))?;
        // the format decodes `~1` only, and tolerates slashes that are not encoded
        let path = path.replace("~1", "/");
        let path = if path.starts_with('/') || self.has_path(&path) { path } else { format!("/{path}") };
        Ok((path, verb.to_ascii_lowercase()))
    }

    fn has_path(&self, path: &str) -> bool {
        self.root.get("paths").and_then(|paths| paths.map()?.get(path)).is_some()
    }

    fn servers(&self, method: &Node, item: &Node, operation: &Node) -> Vec<Server> {
        [operation, item, method, self.root]
            .into_iter()
            .map(|node| Server::read_all(node.get("servers")))
            .find(|servers| !servers.is_empty())
            .unwrap_or_default()
    }
}

fn schemas_paging(
    levels: &[&Node],
    context: &Context<'_>,
    schemas: &SchemaBuilder<'_>,
    envelope: Option<SchemaId>,
) -> Paging {
    Paging::resolve(levels, &context.provider.name, &|name| {
        envelope.is_some_and(|id| schemas.schema(id).properties.contains_key(name))
    })
}

/// How wire names are spelt in SQL.
pub(super) struct Names<'a> {
    extension: &'a Extension,
    snake: bool,
}

impl Names<'_> {
    fn sql(&self, wire: &str, declared_alias: Option<&str>) -> String {
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
    schemas: &mut SchemaBuilder<'a>,
) -> Vec<Param> {
    let mut params: Vec<Param> = Vec::new();
    let declared = operation.get("parameters").map_or(&[][..], Node::items);
    let shared = item.get("parameters").map_or(&[][..], Node::items);
    for node in declared.iter().chain(shared) {
        let Some(node) = schemas.resolve(node) else { continue };
        let (Some(wire), Some(place)) = (node.string_at("name"), node.text_at("in")) else { continue };
        let location = match place {
            "path" => Location::Path,
            "query" => Location::Query,
            "header" => Location::Header,
            // cookies are never sent; `context` is bookkeeping of the reference
            _ => continue,
        };
        if params.iter().any(|param| param.wire == wire && param.location == location) {
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
                || (node.flag_at("required") && !node.flag_at("allowEmptyValue") && default.is_none()),
            description: node
                .string_at("description")
                .or_else(|| schemas.schema(schema).description.clone()),
            explode: node.get("explode").and_then(Node::flag),
            wire,
            location,
            schema,
            default,
        });
    }
    params
}

/// Placeholders of the path that no parameter declares are required path parameters.
fn add_undeclared_path_params(
    path: &PathTemplate,
    names: &Names<'_>,
    schemas: &mut SchemaBuilder<'_>,
    params: &mut Vec<Param>,
) {
    let wanted: Vec<String> = path.params().into_iter().map(str::to_owned).collect();
    // a declared path parameter that the template does not hold cannot be sent
    params.retain(|param| param.location != Location::Path || wanted.contains(&param.wire));
    for wire in wanted {
        if !params.iter().any(|param| param.wire == wire && param.location == Location::Path) {
            params.push(Param {
                name: names.sql(&wire, None),
                wire,
                location: Location::Path,
                required: true,
                schema: schemas.text(),
                default: None,
                description: None,
                explode: None,
            });
        }
    }
}

/// Variables of the first server are parameters too (decision 8 settles which are required).
fn add_server_variables(
    servers: &[Server],
    schemas: &mut SchemaBuilder<'_>,
    params: &mut Vec<Param>,
) {
    let variables: IndexMap<&String, _> =
        servers.iter().rev().flat_map(|server| &server.variables).collect();
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
        });
    }
}

fn read_body<'a>(
    method: &'a Node,
    operation: &'a Node,
    levels: &[&'a Node],
    names: &Names<'_>,
    schemas: &mut SchemaBuilder<'a>,
) -> Option<Body> {
    let request = method.get("request");
    let declared = operation.get("requestBody").and_then(|body| schemas.resolve(body));
    let part = |key: &str| request.and_then(|request| request.get(key));
    let base = part("base");
    let default = part("default");
    if declared.is_none() && base.is_none() && default.is_none() {
        return None;
    }
    let content = declared.and_then(|body| body.get("content"));
    let wanted = part("mediaType").and_then(Node::text);
    let chosen = choose_media(content, wanted);
    let media_type = wanted
        .or(chosen.map(|(name, _)| name))
        .unwrap_or("application/json")
        .to_owned();
    let schema_node =
        part("schema_override").or_else(|| chosen.and_then(|(_, media)| media.get("schema")));
    let schema = schema_node.map(|node| schemas.add(node));
    let algorithm = levels
        .iter()
        .find_map(|level| level.get("requestBodyTranslate")?.text_at("algorithm"))
        .unwrap_or("default");
    let naming = match algorithm {
        "naive" => BodyNaming::Naive,
        other => match other.strip_prefix("naive_") {
            Some(path) => BodyNaming::Nested(path.to_owned()),
            None => BodyNaming::Prefixed("data__".to_owned()),
        },
    };
    let properties = schema.map(|id| body_properties(id, &naming, names, schemas)).unwrap_or_default();
    let transform = part("transform").and_then(read_transform);
    let as_json = |node: &Node| match node.text() {
        Some(text) => serde_json::from_str(text).ok(),
        None => Some(node.to_json()),
    };
    Some(Body {
        media_type,
        schema,
        required: declared.is_some_and(|body| body.flag_at("required")),
        naming,
        properties,
        base: base.and_then(as_json),
        default: default.map(|node| {
            node.text().map_or_else(|| node.to_json().to_string(), str::to_owned)
        }),
        transform,
        xml_declaration: part("xmlDeclaration").and_then(Node::text).map(str::to_owned),
        xml_root_annotation: part("xmlRootAnnotation").and_then(Node::text).map(str::to_owned),
    })
}

fn body_properties(
    schema: SchemaId,
    naming: &BodyNaming,
    names: &Names<'_>,
    schemas: &SchemaBuilder<'_>,
) -> Vec<BodyProperty> {
    let holder = match naming {
        BodyNaming::Nested(path) => schemas.schema(schema).properties.get(path).copied(),
        _ => Some(schema),
    };
    let Some(holder) = holder.map(|id| schemas.schema(id)) else { return Vec::new() };
    holder
        .properties
        .iter()
        .filter(|(_, id)| !schemas.schema(**id).read_only)
        .map(|(wire, id)| {
            let plain = names.sql(wire, schemas.schema(*id).alias.as_deref());
            let name = match naming {
                BodyNaming::Prefixed(prefix) => format!("{prefix}{plain}"),
                _ => plain,
            };
            BodyProperty {
                name,
                wire: wire.clone(),
                schema: *id,
                required: holder.required.iter().any(|required| required == wire),
            }
        })
        .collect()
}

/// The `content` entry to use: the wanted one, else the first of the usual types, else the first.
pub(super) fn choose_media<'a>(
    content: Option<&'a Node>,
    wanted: Option<&str>,
) -> Option<(&'a str, &'a Node)> {
    let content = content?;
    if let Some(wanted) = wanted {
        return content.entries().find(|(name, _)| *name == wanted);
    }
    MEDIA_PREFERENCE
        .iter()
        .find_map(|preferred| content.entries().find(|(name, _)| name == preferred))
        .or_else(|| content.entries().next())
}

pub(super) fn read_transform(node: &Node) -> Option<Transform> {
    Some(Transform {
        kind: node.string_at("type")?,
        body: node.string_at("body").unwrap_or_default(),
    })
}

//! Binding: values of parameters to a request.
//!
//! Owns: the location of each value, type checks, URL and body assembly, the identity of a call.
//! Refuses: sending.
//! Surprise: a path value can never change which endpoint is called: it is one segment, with all that
//! could end one encoded, unless the document says that it may be several. Empty values and dot
//! segments are errors, and so are several segments that spell another path of the same document.

mod body;
mod graphql;
mod key;
mod path;
mod query;
mod secrets;
mod server;

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, header};
use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use strataql_diag::{Code, Report};
use strataql_net::{Repeat, Request, SigningScope};
use strataql_spec::paging::TokenLocation;
use strataql_spec::{HttpVerb, Location, Method, Param, Piece, Service};
use url::Url;

use crate::pager::PageAddress;
use crate::value::Value;

pub use body::attribute_json;
pub(crate) use key::bind_with_key;
pub(crate) use path::slash_note;
pub use secrets::{is_secret, masked_body};

/// Values by SQL name (or wire name), in the order given.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Arguments(pub IndexMap<String, Value>);

impl Arguments {
    /// The value of a parameter, by either of its names.
    pub fn value(&self, param: &Param) -> Option<&Value> {
        self.0.get(&param.name).or_else(|| self.0.get(&param.wire))
    }
}

/// Values of the body by SQL name (or wire name), in the order given: what is set. A parameter of the same
/// name is another value; those are in [`Arguments`].
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Fields(pub IndexMap<String, Value>);

impl FromIterator<(String, Value)> for Fields {
    fn from_iter<I: IntoIterator<Item = (String, Value)>>(pairs: I) -> Self {
        Self(pairs.into_iter().collect())
    }
}

impl FromIterator<(String, Value)> for Arguments {
    fn from_iter<I: IntoIterator<Item = (String, Value)>>(pairs: I) -> Self {
        Self(pairs.into_iter().collect())
    }
}

/// A request with everything but page values and credentials.
#[derive(Debug, Clone)]
pub(crate) struct BoundCall {
    /// Provider, for credentials and endpoints.
    pub(crate) provider: String,
    /// HTTP verb.
    pub(crate) verb: HttpVerb,
    /// Base URL and path, without the query string.
    base: Url,
    /// Query pairs in the order they are sent; values absent for valueless keys.
    pub(crate) query: Vec<(String, Option<String>)>,
    /// Headers, without credentials.
    headers: HeaderMap,
    /// JSON body attributes, when the method has a body.
    pub(crate) body: Option<body::BodyContent>,
    /// The body of a GraphQL method, in place of the other.
    graphql: Option<graphql::GraphQlBody>,
    /// Rewrites of the finished request (`requestTranslate`).
    translate: Option<String>,
    /// True if it only reads and may be sent again after its response was lost.
    may_repeat: bool,
    /// What signatures are valid for.
    scope: Arc<SigningScope>,
    /// Values that must not be shown.
    pub(crate) secrets: Vec<String>,
}

/// Binds values to a method.
///
/// Arguments go to parameters, and to body attributes of which there is no parameter; fields go to the body
/// only. Arguments that are neither are ignored: whoever chose the method has already decided that they are
/// filters.
///
/// # Errors
/// `missing-param` for a required parameter without a value, `bad-param-value` for a value that
/// does not fit, would call another endpoint or stands twice, `unknown-column` for a field that the body does
/// not have. All name the method.
pub(crate) fn bind(
    service: &Service,
    method: &Method,
    args: &Arguments,
    fields: &Fields,
) -> Result<BoundCall, Box<Report>> {
    let binder = Binder { service, method, args, fields };
    let server = server::choose(&binder)?;
    let base = binder.base_url(&server)?;
    let mut query = query::of_path_key(&binder)?;
    query.extend(query::of_params(&binder)?);
    let graphql = graphql::assemble(&binder)?;
    let body = if graphql.is_some() { None } else { body::assemble(&binder)? };
    let mut headers = binder.headers(body.as_ref())?;
    if graphql.is_some() {
        // what the path key holds only tells operations of the document apart
        query.clear();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    }
    Ok(BoundCall {
        provider: service.provider.clone(),
        verb: method.verb,
        base,
        query,
        headers,
        body,
        graphql,
        translate: method.request_translate.clone(),
        may_repeat: method.may_repeat(),
        scope: Arc::new(binder.signing_scope()),
        secrets: secrets::of_arguments(method, args, fields),
    })
}

/// The inputs of a request.
struct Binder<'a> {
    service: &'a Service,
    method: &'a Method,
    args: &'a Arguments,
    fields: &'a Fields,
}

impl<'a> Binder<'a> {
    fn base_url(&self, server: &str) -> Result<Url, Box<Report>> {
        let path = path::fill(self)?;
        let text = format!("{}{path}", server.trim_end_matches('/'));
        let url = Url::parse(&text).map_err(|error| {
            Box::new(Report::new(
                Code::BadDocument,
                format!("method `{}` has no usable URL: {error}", self.method.name),
            ))
        })?;
        // `Url` resolves dot segments: if it changed the path, the values would have moved the call
        let written = text.split_once("://").map_or("", |(_, rest)| rest);
        let written = written.find('/').map_or("/", |at| &written[at..]);
        if url.path() != written {
            return Err(Box::new(
                Report::new(
                    Code::BadParamValue,
                    format!(
                        "the values given for method `{}` change the path that is called",
                        self.method.name
                    ),
                )
                .with_help("give path values without `.` and `..` segments"),
            ));
        }
        Ok(url)
    }

    fn headers(&self, body: Option<&body::BodyContent>) -> Result<HeaderMap, Box<Report>> {
        let mut headers = HeaderMap::new();
        for param in self.params(Location::Header) {
            let given = self.args.value(param).map(Value::text);
            let Some(text) = given.or_else(|| param.default.clone()) else {
                self.require(param)?;
                continue;
            };
            let value = HeaderValue::from_str(&text).map_err(|_| {
                self.bad(param, "text without control characters", "headers cannot carry them")
            })?;
            let name = HeaderName::try_from(param.wire.as_str()).map_err(|_| {
                Box::new(Report::new(
                    Code::BadDocument,
                    format!(
                        "method `{}` declares a header `{}`, which is no header name",
                        self.method.name, param.wire
                    ),
                ))
            })?;
            headers.insert(name, value);
        }
        // a header that the document declares is sent as declared, or as the statement says
        if !headers.contains_key(header::ACCEPT)
            && let Some(accept) = &self.method.response.media_type
            && let Ok(value) = HeaderValue::from_str(accept)
        {
            headers.insert(header::ACCEPT, value);
        }
        if let Some(body) = body {
            // the boundary of the parts is not in what the document declares
            if (!headers.contains_key(header::CONTENT_TYPE)
                || body.media_type.starts_with("multipart/"))
                && let Ok(value) = HeaderValue::from_str(&body.media_type)
            {
                headers.insert(header::CONTENT_TYPE, value);
            }
        } else {
            headers.remove(header::CONTENT_TYPE);
        }
        Ok(headers)
    }

    /// The service's name in signatures, and the region, which is a parameter of that name.
    fn signing_scope(&self) -> SigningScope {
        let is_region = |param: &&Param| param.name == "region" || param.wire == "region";
        let region = self.method.params.iter().find(is_region);
        let given = |param: &Param| self.args.value(param).map(Value::text);
        let region = region.and_then(|param| given(param).or_else(|| param.default.clone()));
        SigningScope {
            service: self.service.signing_name.clone(),
            region: region.filter(|region| !region.is_empty()),
        }
    }

    fn params(&self, location: Location) -> impl Iterator<Item = &'a Param> {
        self.method.params.iter().filter(move |param| param.location == location)
    }

    /// An error if the parameter is required.
    fn require(&self, param: &Param) -> Result<(), Box<Report>> {
        if !param.required {
            return Ok(());
        }
        Err(Box::new(
            Report::new(
                Code::MissingParam,
                format!("method `{}` needs `{}`", self.method.name, param.name),
            )
            .with_help(format!("add `{} = '…'`", param.name)),
        ))
    }

    fn bad(&self, param: &Param, expected: &str, why: &str) -> Box<Report> {
        let given = self.args.value(param).map(Value::text).unwrap_or_default();
        let given = match shortened(&given) {
            empty if empty.is_empty() => "the empty text".to_owned(),
            text => format!("`{text}`"),
        };
        Box::new(
            Report::new(
                Code::BadParamValue,
                format!(
                    "{} is no value for parameter `{}` of method `{}`",
                    given, param.name, self.method.name
                ),
            )
            .with_help(format!("give {expected}"))
            .with_note(why.to_owned()),
        )
    }

    /// The single text of a parameter's value, checked against its schema.
    fn text(&self, param: &Param, value: &Value) -> Result<String, Box<Report>> {
        let texts = self.texts(param, value)?;
        Ok(texts.join(","))
    }

    fn texts(&self, param: &Param, value: &Value) -> Result<Vec<String>, Box<Report>> {
        let schema = &self.service.schemas[param.schema];
        value.wire_texts(schema).map_err(|expected| {
            self.bad(param, &expected, &format!("its type is {}", schema.kind.name()))
        })
    }
}

/// The address of a method's requests; `{name}` stands for a value that is not known.
pub(crate) fn template(method: &Method, known: &dyn Fn(&str) -> Option<String>) -> String {
    let mut url = server::template(method, known) + &filled(&method.path.path, known);
    if !method.path.query.is_empty() {
        url.push('?');
        url.push_str(&filled(&method.path.query, known));
    }
    url
}

fn filled(pieces: &[Piece], known: &dyn Fn(&str) -> Option<String>) -> String {
    let piece = |piece: &Piece| match piece {
        Piece::Literal(text) => text.clone(),
        Piece::Param(name) => known(name).unwrap_or_else(|| format!("{{{name}}}")),
    };
    pieces.iter().map(piece).collect()
}

/// At most 60 characters of a text, with control characters made visible.
fn shortened(text: &str) -> String {
    let clean: String = text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
    if clean.chars().count() <= 60 {
        return clean;
    }
    clean.chars().take(59).chain(['…']).collect()
}

impl BoundCall {
    /// The URL with its query string and further pairs (page values), which replace pairs of the
    /// same name.
    pub(crate) fn url(&self, page: &[(&str, &str)]) -> Url {
        let mut url = self.base.clone();
        if self.graphql.is_some() {
            return url;
        }
        let mut pairs: Vec<(&str, Option<&str>)> = self
            .query
            .iter()
            .filter(|(name, _)| !page.iter().any(|(replaced, _)| name == replaced))
            .map(|(name, value)| (name.as_str(), value.as_deref()))
            .collect();
        pairs.extend(page.iter().map(|(name, value)| (*name, Some(*value))));
        if self.translate.as_deref() == Some("drop_double_underscore_params") {
            pairs.retain(|(name, _)| !name.starts_with("__"));
        }
        let text = query::encode(&pairs);
        url.set_query((!text.is_empty()).then_some(text.as_str()));
        url
    }

    /// The body bytes, with a page value in the given attribute.
    fn body_bytes(&self, page: Option<(&str, &str)>) -> Result<Option<Bytes>, Box<Report>> {
        if let Some(graphql) = &self.graphql {
            return graphql.bytes(&self.query, page.map(|(_, value)| value)).map(Some);
        }
        match (&self.body, page) {
            (Some(body), page) => body.bytes(page).map(Some),
            (None, Some((name, value))) => {
                let object = serde_json::json!({ name: value });
                Ok(Some(Bytes::from(object.to_string())))
            }
            (None, None) => Ok(None),
        }
    }

    /// How a read may be repeated; writes decide by more than that.
    pub(crate) fn repeat(&self) -> Repeat {
        if self.may_repeat { Repeat::Safe } else { Repeat::RefusedOnly }
    }

    /// The request for a page.
    ///
    /// # Errors
    /// `internal` if the body cannot be serialised.
    pub(crate) fn request(
        &self,
        address: &PageAddress,
        repeat: Repeat,
    ) -> Result<Request, Box<Report>> {
        let mut headers = self.headers.clone();
        let (url, body) = match address {
            PageAddress::First => (self.url(&[]), self.body_bytes(None)?),
            PageAddress::Url(url) => (url.clone(), self.body_bytes(None)?),
            PageAddress::Value { target, value } => match target.location {
                TokenLocation::Query => {
                    (self.url(&[(&target.name, value)]), self.body_bytes(None)?)
                }
                TokenLocation::Body => {
                    (self.url(&[]), self.body_bytes(Some((&target.name, value)))?)
                }
                TokenLocation::Header => {
                    if let (Ok(name), Ok(value)) =
                        (HeaderName::try_from(target.name.as_str()), HeaderValue::from_str(value))
                    {
                        headers.insert(name, value);
                    }
                    (self.url(&[]), self.body_bytes(None)?)
                }
            },
        };
        let (verb, url, body) = self.translated(url, body, &mut headers);
        let (provider, scope) = (self.provider.clone(), Some(Arc::clone(&self.scope)));
        Ok(Request { verb, url, headers, body, provider, repeat, scope })
    }

    /// `requestTranslate`: the query string of a GET as the form body of a POST.
    fn translated(
        &self,
        mut url: Url,
        body: Option<Bytes>,
        headers: &mut HeaderMap,
    ) -> (HttpVerb, Url, Option<Bytes>) {
        if self.translate.as_deref() != Some("get_query_to_post_form_utf_8") || body.is_some() {
            return (self.verb, url, body);
        }
        let form = url.query().unwrap_or_default().to_owned();
        url.set_query(None);
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/x-www-form-urlencoded; charset=utf-8"),
        );
        (HttpVerb::Post, url, Some(Bytes::from(form)))
    }

    /// A text that is equal for identical calls.
    pub(crate) fn identity(&self) -> String {
        let headers: Vec<String> =
            self.headers.iter().map(|(name, value)| format!("{name}:{value:?}")).collect();
        let body = self.body_bytes(None).ok().flatten().unwrap_or_default();
        format!(
            "{} {} {} {} {}",
            self.provider,
            self.verb,
            self.url(&[]),
            headers.join(";"),
            String::from_utf8_lossy(&body)
        )
    }
}

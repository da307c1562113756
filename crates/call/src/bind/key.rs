//! Idempotency keys in requests (`x-strataql.idempotencyKey`).
//!
//! Owns: the location of the key, and keeping a key that the user gave.
//! Refuses: generating keys; `net` does.

use http::{HeaderName, HeaderValue, header};
use strataql_diag::{Code, Report};
use strataql_spec::paging::{TokenLocation, TokenTarget};
use strataql_spec::{Method, Service};

use super::body::BodyContent;
use super::{Arguments, BoundCall, Fields, bind};
use crate::value::Value;

/// Binds values to a method that changes something. If its document declares an idempotency key,
/// the request has one. Returns the key: the user's, else a new one.
///
/// # Errors
/// As [`bind`]; `bad-document` when the document names no possible header; what `fresh` fails with.
pub(crate) fn bind_with_key(
    service: &Service,
    method: &Method,
    arguments: &mut Arguments,
    fields: &mut Fields,
    fresh: impl FnOnce() -> Result<String, Box<Report>>,
) -> Result<(BoundCall, Option<String>), Box<Report>> {
    let target = method
        .extension
        .idempotency_key
        .as_ref()
        .filter(|_| method.is_write() || !method.verb.is_safe());
    let Some(target) = target else { return Ok((bind(service, method, arguments, fields)?, None)) };
    let key = fresh()?;
    // the declared parameter may be required, so it gets its value before binding
    if let Some(name) = not_given(method, target, arguments, fields) {
        let value = Value::Text(key.clone());
        match target.location {
            TokenLocation::Body => fields.0.insert(name, value),
            _ => arguments.0.insert(name, value),
        };
    }
    let mut call = bind(service, method, arguments, fields)?;
    let key = ensure(&mut call, method, target, &key)?;
    Ok((call, key))
}

/// Name of the parameter or attribute that carries the key, unless the user gave it a value.
fn not_given(
    method: &Method,
    target: &TokenTarget,
    arguments: &mut Arguments,
    fields: &mut Fields,
) -> Option<String> {
    let is_null = |value: &Value| *value == Value::Json(serde_json::Value::Null);
    if target.location == TokenLocation::Body {
        let body = method.body.as_ref()?;
        let property = body.property(&target.name)?;
        let same = |name: &str| body.property(name).is_some_and(|it| it.wire == property.wire);
        // NULL is no key
        fields.0.retain(|name, value| !(same(name) && is_null(value)));
        arguments.0.retain(|name, value| !(same(name) && is_null(value)));
        // a whole body in one column may contain the key
        let wrapped = |name: &str| method.extension.body_wrapper.as_deref() == Some(name);
        let named = arguments.0.keys().filter(|name| method.param(name).is_none());
        let has = named.chain(fields.0.keys()).any(|name| same(name) || wrapped(name));
        return (!has).then(|| property.name.clone());
    }
    let is_it = |name: &str| match target.location {
        TokenLocation::Header => name.eq_ignore_ascii_case(&target.name),
        _ => name == target.name,
    };
    let param = method.params.iter().find(|param| is_it(&param.wire) || is_it(&param.name))?;
    let same = |name: &str| name == param.name || name == param.wire;
    let has = arguments.0.iter().any(|(name, value)| same(name) && !is_null(value));
    (!has).then(|| param.name.clone())
}

/// The key in the finished request; inserted if absent.
fn ensure(
    call: &mut BoundCall,
    method: &Method,
    target: &TokenTarget,
    key: &str,
) -> Result<Option<String>, Box<Report>> {
    match target.location {
        TokenLocation::Header => {
            let wrong = |what: &str| {
                Box::new(
                    Report::new(
                        Code::BadDocument,
                        format!(
                            "the idempotency key of method `{}` cannot be sent: `{}` is no {what}",
                            method.name, target.name
                        ),
                    )
                    .with_help("correct `x-strataql.idempotencyKey` in the provider document"),
                )
            };
            let name = HeaderName::try_from(target.name.as_str()).map_err(|_| wrong("header"))?;
            if let Some(given) = call.headers.get(&name) {
                return Ok(Some(String::from_utf8_lossy(given.as_bytes()).into_owned()));
            }
            let value = HeaderValue::from_str(key).map_err(|_| wrong("header for a key"))?;
            call.headers.insert(name, value);
        }
        TokenLocation::Query => {
            let known = call.query.iter().find(|(name, _)| *name == target.name);
            if let Some((_, Some(given))) = known {
                return Ok(Some(given.clone()));
            }
            call.query.push((target.name.clone(), Some(key.to_owned())));
        }
        TokenLocation::Body => {
            let Some(body) = &mut call.body else {
                let body = BodyContent::of_attribute(&target.name, key);
                if let Ok(value) = HeaderValue::from_str(&body.media_type) {
                    call.headers.insert(header::CONTENT_TYPE, value);
                }
                call.body = Some(body);
                return Ok(Some(key.to_owned()));
            };
            return Ok(body.ensure(&target.name, key));
        }
    }
    Ok(Some(key.to_owned()))
}

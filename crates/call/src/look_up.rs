//! Reading one object, and whether the answer is that object.
//!
//! Owns: which answers show the object that was asked for, which say that there is none, and which decide
//! nothing.
//! Refuses: what follows from it. Nothing is written on an answer that is another object.
//! Surprise: a 404 says that there is no object only if the API says so. A gateway's page says nothing.

use serde_json::Value as Json;
use strataql_diag::{Code, Report};
use strataql_net::Response;
use strataql_spec::Location;

use crate::decode::media::Body;
use crate::error_object::error_key;
use crate::exact::read_answer;
use crate::exchange::Exchange;
use crate::method_call::MethodCall;
use crate::metrics::CallMetrics;
use crate::stream::refusal;
use crate::value::json_text;

/// What an answer to a lookup shows.
#[derive(Debug, Clone)]
pub enum Sight {
    /// The object that was asked for.
    Object(Shown),
    /// The API says that there is no such object.
    Missing(Response),
    /// Nothing about the object: the report says what the answer is.
    Unclear(Box<Report>),
}

/// An object as it is.
#[derive(Debug, Clone)]
pub struct Shown {
    /// The object, without what is around it; numbers with all their digits, as [`read_json`](crate::read_json) has them.
    pub object: Json,
    /// The answer that shows it.
    pub response: Response,
}

impl MethodCall {
    /// Reads the object that the arguments name.
    ///
    /// # Errors
    /// The report of a missing response.
    pub async fn look_up(
        &self,
        exchange: &dyn Exchange,
        metrics: &CallMetrics,
    ) -> Result<Sight, Box<Report>> {
        let response = self.read(exchange, metrics).await?;
        Ok(self.sight(response))
    }

    /// What an answer to this lookup shows.
    pub fn sight(&self, response: Response) -> Sight {
        match response.status {
            404 | 410 if is_structured(&response) => Sight::Missing(response),
            200..=299 => match self.object(&response) {
                Ok(object) => Sight::Object(Shown { object, response }),
                Err(report) => Sight::Unclear(report),
            },
            _ => Sight::Unclear(Box::new(refusal(&response))),
        }
    }

    /// The object in a success answer, if it is the one that was asked for.
    fn object(&self, response: &Response) -> Result<Json, Box<Report>> {
        let unreadable = |what: &str| {
            let message = format!(
                "the answer of `{}` is no object that can be read: {what}",
                self.target().name()
            );
            Box::new(Report::new(Code::UnexpectedBody, message).with_help(
                "run the statement again; read the object with SELECT to see what comes",
            ))
        };
        if Body::of(response).is_empty() {
            return Err(unreadable("it is empty"));
        }
        let json =
            self.target().json_of(response).map_err(|what| unreadable(&format!("it {what}")))?;
        let body =
            read_answer(&json).map_err(|what| unreadable(&format!("it is no JSON: {what}")))?;
        let answer = &self.method().response;
        let shown = self.row_of(&body);
        let Json::Object(fields) = shown else {
            return Err(unreadable(&format!("it is {}", kind(shown))));
        };
        let schemas = &self.target().service().schemas;
        let known = answer.row_schema.map(|id| &schemas[id].properties);
        let is_known = |name: &str| known.is_some_and(|known| known.contains_key(name));
        if let Some(key) = error_key(fields, is_known) {
            return Err(unreadable(&format!("it has `{key}`")));
        }
        let is_described = known.is_some_and(|known| !known.is_empty());
        let has_known =
            if is_described { fields.keys().any(|key| is_known(key)) } else { !fields.is_empty() };
        if !has_known {
            return Err(unreadable("it has no field of the object"));
        }
        if let Some((name, asked, shown)) = self.differs(shown) {
            return Err(wrong_object(&self.target().resource_name(), &name, &asked, &shown));
        }
        Ok(shown.clone())
    }

    /// What stands where the document has the row of an answer; null if nothing does.
    pub(crate) fn row_of<'j>(&self, body: &'j Json) -> &'j Json {
        let path = self.method().response.rows.path();
        let shown = path.iter().try_fold(body, |json, step| json.get(step));
        shown.unwrap_or(&Json::Null)
    }

    /// The first required parameter of which an object shows another value: its name, what was asked for, and
    /// what is shown.
    pub(crate) fn differs(&self, object: &Json) -> Option<(String, String, String)> {
        let method = self.method();
        let asked = method.required_params().filter(|param| param.location != Location::Server);
        asked.into_iter().find_map(|param| {
            let asked = self.arguments().value(param)?;
            let column = method.column(&param.name);
            let wire = column.map_or(param.wire.as_str(), |column| column.wire.as_str());
            let shown = object.get(wire).filter(|shown| shown.is_string() || shown.is_number())?;
            let shown = json_text(shown);
            let is_same = asked.is_same_object(&shown);
            (!is_same).then(|| (param.name.clone(), asked.text(), shown))
        })
    }
}

/// The report of a lookup that showed another object than the one that was asked for.
pub fn wrong_object(resource: &str, name: &str, asked: &str, shown: &str) -> Box<Report> {
    Box::new(
        Report::new(
            Code::WrongObject,
            format!(
                "`{resource}` was asked for `{name}` = `{asked}` and showed an object with `{name}` = `{shown}`"
            ),
        )
        .with_help("name the object as the service does: read it with SELECT first")
        .with_note("nothing is written on an answer that is about another object"),
    )
}

/// True for an answer in a form that APIs give; a page for people, text and nothing are none.
pub(crate) fn is_structured(response: &Response) -> bool {
    let body = response.body.trim_ascii();
    match body.first() {
        Some(b'{' | b'[') => serde_json::from_slice::<Json>(body).is_ok(),
        Some(b'<') => strataql_net::HtmlPage::read(body).is_none(),
        _ => false,
    }
}

fn kind(json: &Json) -> &'static str {
    match json {
        Json::Null => "null",
        Json::Array(_) => "an array",
        Json::Object(_) => "an object",
        _ => "a single value",
    }
}

#[cfg(test)]
mod tests;

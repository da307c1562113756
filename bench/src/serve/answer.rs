//! The response to a request.

use super::World;

/// A request, as far as it matters here.
pub(super) struct Asked<'a> {
    pub(super) verb: &'a str,
    /// Path and query.
    pub(super) target: &'a str,
}

/// An answer: a status and a body in pieces, which are joined only in the socket.
pub(super) struct Answer<'a> {
    pub(super) status: &'static str,
    pub(super) head: String,
    pub(super) rows: &'a [u8],
    pub(super) tail: String,
    /// True if the answer waits as a remote API would.
    pub(super) is_remote: bool,
}

impl<'a> Answer<'a> {
    fn ok(head: String, rows: &'a [u8], tail: String) -> Self {
        Self { status: "200 OK", head, rows, tail, is_remote: true }
    }

    fn local(text: String) -> Self {
        Self { status: "200 OK", head: text, rows: &[], tail: String::new(), is_remote: false }
    }

    fn missing() -> Self {
        let text =
            r#"{"error_code":"RESOURCE_DOES_NOT_EXIST","message":"there is no such object"}"#;
        Self { status: "404 Not Found", ..Self::ok(text.to_owned(), &[], String::new()) }
    }
}

/// The answer to a request.
pub(super) fn answer<'a>(world: &'a World, asked: &Asked<'_>) -> Answer<'a> {
    let (path, query) = asked.target.split_once('?').unwrap_or((asked.target, ""));
    if path == "/__count" {
        return Answer::local(world.counter.take());
    }
    if asked.verb == "POST" && path.starts_with("/oidc/") && path.ends_with("/v1/token") {
        world.counter.token();
        let token = r#"{"access_token":"bench","token_type":"Bearer","expires_in":3600}"#;
        return Answer::local(token.to_owned());
    }
    let Some(rest) = path.strip_prefix("/api/2.0/accounts/") else { return Answer::missing() };
    let Some((_account, rest)) = rest.split_once('/') else { return Answer::missing() };
    if asked.verb == "POST" && rest == "oauth2/published-app-integrations" {
        let created = r#"{"integration_id":"00000000-7c1d-4e2f-9a3b-5d6e7f809102"}"#;
        return Answer::ok(created.to_owned(), &[], String::new());
    }
    match rest {
        "oauth2/published-app-integrations" => list(world, &world.published, query),
        "oauth2/custom-app-integrations" => list(world, &world.custom, query),
        _ => single(world, rest).unwrap_or_else(Answer::missing),
    }
}

/// One page.
fn list<'a>(world: &World, rows: &'a super::Rows, query: &str) -> Answer<'a> {
    let (mut size, mut start) = (world.page_rows, 0);
    for (name, value) in query.split('&').filter_map(|pair| pair.split_once('=')) {
        match name {
            "page_size" => size = value.parse().unwrap_or(size),
            "page_token" => start = value.strip_prefix('r').map_or(0, whole),
            _ => {}
        }
    }
    let (page, next) = rows.page(start, size);
    let tail = match next {
        Some(next) => format!(r#"],"next_page_token":"r{next}"}}"#),
        None => "]}".to_owned(),
    };
    Answer::ok(r#"{"apps":["#.to_owned(), page, tail)
}

/// One object, or the one secret of a principal.
fn single<'a>(world: &'a World, rest: &str) -> Option<Answer<'a>> {
    if let Some(id) = rest.strip_prefix("oauth2/published-app-integrations/") {
        let number = usize::from_str_radix(id.get(..8)?, 16).ok()?;
        return Some(Answer::ok(String::new(), world.published.object(number)?, String::new()));
    }
    let rest = rest.strip_prefix("servicePrincipals/")?;
    let principal = rest.strip_suffix("/credentials/secrets")?;
    let head = format!(
        r#"{{"secrets":[{{"id":"secret-{principal}","create_time":"2025-01-01T00:00:00Z","status":"ACTIVE"}}]}}"#
    );
    Some(Answer::ok(head, &[], String::new()))
}

fn whole(text: &str) -> usize {
    text.parse().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::counter::Counter;
    use super::super::delay::Delay;
    use super::super::rows::{Rows, custom, published};
    use super::*;

    fn ask(verb: &str, target: &str) -> (&'static str, String) {
        let world = World {
            published: Rows::new(5, published),
            custom: Rows::new(5, |number| custom(number, 2)),
            page_rows: 2,
            delay: Delay::new(Duration::ZERO),
            counter: Counter::default(),
        };
        let answer = answer(&world, &Asked { verb, target });
        let rows = String::from_utf8(answer.rows.to_vec()).expect("text");
        (answer.status, [answer.head, rows, answer.tail].concat())
    }

    fn page(query: &str) -> (usize, Option<String>) {
        let target = format!("/api/2.0/accounts/a1/oauth2/published-app-integrations{query}");
        let (_, body) = ask("GET", &target);
        let value: serde_json::Value = serde_json::from_str(&body).expect("JSON");
        let next = value["next_page_token"].as_str().map(str::to_owned);
        (value["apps"].as_array().expect("a list").len(), next)
    }

    #[test]
    fn lists_are_cut_into_pages() {
        assert_eq!(page(""), (2, Some("r2".into())));
        assert_eq!(page("?page_token=r4"), (1, None));
        assert_eq!(page("?page_size=3&page_token=r2"), (3, None));
    }

    #[test]
    fn creation_answers_with_an_identifier() {
        let target = "/api/2.0/accounts/a1/oauth2/published-app-integrations";
        let (status, body) = ask("POST", target);
        assert_eq!(status, "200 OK");
        assert!(body.starts_with(r#"{"integration_id":""#), "{body}");
    }

    #[test]
    fn objects_are_found_by_their_ids() {
        let of = |id: &str| {
            ask("GET", &format!("/api/2.0/accounts/x/oauth2/published-app-integrations/{id}"))
        };
        assert_eq!(of("00000003-7c1d-4e2f-9a3b-5d6e7f809102"), ("200 OK", published(3)));
        assert_eq!(of("00000005-7c1d-4e2f-9a3b-5d6e7f809102").0, "404 Not Found");
        assert_eq!(of("none").0, "404 Not Found");
    }

    #[test]
    fn tokens_are_for_everybody() {
        for target in ["/oidc/accounts/a1/v1/token", "/oidc/v1/token"] {
            let (status, body) = ask("POST", target);
            assert_eq!(status, "200 OK");
            assert!(body.contains("access_token"), "{body}");
        }
        assert_eq!(ask("GET", "/elsewhere").0, "404 Not Found");
    }
}

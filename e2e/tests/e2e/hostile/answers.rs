//! Responses of services, gateways and broken connections.

use super::server::Wire;

/// The credential, which some responses repeat.
pub(super) const SECRET: &str = "canary-5e1f/7a0c+99d2";

/// What a response means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Meaning {
    /// The documented response.
    Whole,
    /// A write was carried out; a list has no such form.
    Done,
    /// A write was carried out; a list without rows.
    DoneOrEmpty,
    /// The service did nothing.
    Refused,
    /// Nothing is certain.
    Open,
}

/// A response, made from the documented body.
#[derive(Clone, Copy)]
pub(super) struct Answer {
    pub(super) name: &'static str,
    pub(super) meaning: Meaning,
    wire: Form,
}

#[derive(Clone, Copy)]
enum Form {
    /// Status, headers and body; `{BODY}` in the body is the documented one, `{HALF}` its first half.
    Http(u16, &'static str, &'static str),
    /// These bytes, then the end of the connection.
    Raw(&'static str),
    /// These bytes, then a reset.
    Reset(&'static str),
    /// A header line repeated until it has this many bytes.
    Headers(usize),
    /// A body of this many bytes.
    Long(usize),
    /// Arrays in arrays.
    Deep(usize),
    /// Bytes that are no UTF-8.
    Bytes,
}

const JSON: &str = "content-type: application/json\r\n";
const HTML: &str = "content-type: text/html\r\n";
const PAGE: &str =
    "<!doctype html><html><head><title>Sign in</title></head><body>{TOKEN}</body></html>";
const GATEWAY: &str = "<html><head><title>Bad Gateway</title></head><body>{TOKEN}</body></html>";
const ERROR: &str =
    r#"{"error_code":"DENIED","message":"no: Bearer {TOKEN} {BASE64} {HEX} {PERCENT} {ESCAPED}"}"#;

const fn http(
    name: &'static str,
    meaning: Meaning,
    status: u16,
    headers: &'static str,
    body: &'static str,
) -> Answer {
    Answer { name, meaning, wire: Form::Http(status, headers, body) }
}

const fn raw(name: &'static str, bytes: &'static str) -> Answer {
    Answer { name, meaning: Meaning::Open, wire: Form::Raw(bytes) }
}

const fn odd(name: &'static str, wire: Form) -> Answer {
    Answer { name, meaning: Meaning::Open, wire }
}

/// All of them.
pub(super) const ANSWERS: &[Answer] = {
    use Meaning::{Done, DoneOrEmpty, Open, Refused, Whole};
    &[
        http("as documented", Whole, 200, JSON, "{BODY}"),
        http("as documented, 201", Whole, 201, JSON, "{BODY}"),
        http("as text", Whole, 200, "content-type: text/plain\r\n", "{BODY}"),
        http("with a byte order mark", Whole, 200, JSON, "\u{feff}{BODY}"),
        http("with white space", Whole, 200, JSON, "\r\n \t{BODY}\n\n"),
        http("without a type", Whole, 200, "", "{BODY}"),
        http("empty", Done, 200, JSON, ""),
        http("empty, 202", Done, 202, "", ""),
        http("204", DoneOrEmpty, 204, "", ""),
        http("empty object", DoneOrEmpty, 200, JSON, "{}"),
        http("sign-in page", Open, 200, HTML, PAGE),
        http("sign-in page called JSON", Open, 200, JSON, PAGE),
        http("sign-in page, 202", Open, 202, HTML, PAGE),
        http("sign-in page, 203", Open, 203, HTML, PAGE),
        http("error object", Open, 200, JSON, ERROR),
        http("error object, 201", Open, 201, JSON, ERROR),
        http("error object, 202", Open, 202, JSON, ERROR),
        http("fault", Open, 200, JSON, r#"{"fault":{"faultstring":"no {TOKEN}"}}"#),
        http("list of errors", Open, 200, JSON, r#"{"errors":[{"message":"no {TOKEN}"}]}"#),
        http(
            "error status in the body",
            Open,
            200,
            JSON,
            r#"{"status":403,"message":"no {TOKEN}"}"#,
        ),
        http(
            "XML error",
            Open,
            200,
            "content-type: application/xml\r\n",
            "<Error><Code>No</Code></Error>",
        ),
        http("half a document", Open, 200, JSON, "{HALF}"),
        http("half a document, 201", Open, 201, JSON, "{HALF}"),
        http("null", Open, 200, JSON, "null"),
        http("array of numbers", Open, 200, JSON, "[1,2]"),
        http("number", Open, 200, JSON, "5"),
        http("boolean", Open, 200, JSON, "true"),
        http("text", Open, 200, JSON, "\"done\""),
        http("plain text", Open, 200, "content-type: text/plain\r\n", "Service restarting {TOKEN}"),
        http("another object", Open, 200, JSON, r#"{"build_id":"b1","log":"{TOKEN}"}"#),
        http("two documents", Open, 200, JSON, "{BODY}{BODY}"),
        http("document and page", Open, 200, JSON, "{BODY}<html>"),
        http("not a number", Open, 200, JSON, r#"{"machine_id":NaN}"#),
        http("unquoted", Open, 200, JSON, "{machine_id: 'm1'}"),
        http("CSV", Open, 200, "content-type: text/csv\r\n", "machine_id,name\nm1,alpha\n"),
        http("gzip that is none", Open, 200, "content-encoding: gzip\r\n", "{BODY}"),
        http("unknown encoding", Open, 200, "content-encoding: x-secret\r\n", "{BODY}"),
        http("partial", Open, 206, "content-range: items 0-0/9\r\n", "{HALF}"),
        http("several outcomes", Open, 207, JSON, r#"{"responses":[]}"#),
        odd("bytes", Form::Bytes),
        odd("deep", Form::Deep(20_000)),
        odd("long", Form::Long(2 << 20)),
        http("300", Open, 300, "", ""),
        http("301 elsewhere", Open, 301, "location: http://evil.example/{TOKEN}\r\n", ""),
        http("302 elsewhere", Open, 302, "location: https://127.0.0.1:1/\r\n", GATEWAY),
        http("303 in circles", Open, 303, "location: /again\r\n", ""),
        http("304", Open, 304, "", ""),
        http("307 without a place", Open, 307, "", ""),
        http("308 elsewhere", Open, 308, "location: //evil.example/\r\n", ""),
        http("400", Refused, 400, JSON, ERROR),
        http("401", Refused, 401, JSON, ERROR),
        http("403 page", Refused, 403, HTML, PAGE),
        http("405", Refused, 405, JSON, "{}"),
        http("408", Open, 408, JSON, ERROR),
        http("409", Refused, 409, JSON, ERROR),
        http("410", Refused, 410, "", ""),
        http("422", Refused, 422, JSON, "{HALF}"),
        http("429", Refused, 429, JSON, ERROR),
        http("499", Open, 499, "", ""),
        http("500", Open, 500, JSON, ERROR),
        http("500 empty", Open, 500, "", ""),
        http("501", Refused, 501, JSON, ERROR),
        http("502 page", Open, 502, HTML, GATEWAY),
        http("503", Open, 503, HTML, GATEWAY),
        http("504 page", Open, 504, HTML, GATEWAY),
        http("520", Open, 520, HTML, GATEWAY),
        http("524", Open, 524, "", ""),
        http("599", Open, 599, "", ""),
        http("700", Open, 700, "", ""),
        raw("nothing", ""),
        raw("no HTTP", "SSH-2.0-x\r\n"),
        raw("no status", "HTTP/1.1 \r\n\r\n"),
        raw("half a header", "HTTP/1.1 200 OK\r\ncontent-ty"),
        raw(
            "less than announced",
            "HTTP/1.1 200 OK\r\ncontent-length: 900\r\n\r\n{\"machine_id\":",
        ),
        raw(
            "half of chunks",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n9\r\n{\"machine\r\n",
        ),
        raw(
            "no chunks",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
        ),
        raw("two lengths", "HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 9\r\n\r\n{}"),
        raw("continue only", "HTTP/1.1 100 Continue\r\n\r\n"),
        odd("reset", Form::Reset("")),
        odd(
            "reset in the body",
            Form::Reset("HTTP/1.1 200 OK\r\ncontent-length: 900\r\n\r\n{\"machine_id\":\"m1\""),
        ),
        odd("headers without end", Form::Headers(1 << 20)),
    ]
};

impl Answer {
    /// The bytes, for a documented body.
    pub(super) fn wire(&self, body: &str) -> Wire {
        let message = |status: u16, headers: &str, body: &[u8]| {
            let length = body.len();
            let mut out = format!("HTTP/1.1 {status} X\r\n{headers}content-length: {length}\r\nconnection: close\r\n\r\n").into_bytes();
            out.extend_from_slice(body);
            Wire::Bytes(out)
        };
        match self.wire {
            Form::Http(status, headers, template) => {
                let half = &body[..body.len() / 2];
                let text = echoes(&template.replace("{BODY}", body).replace("{HALF}", half));
                if status == 204 || status == 304 {
                    return Wire::Bytes(
                        format!("HTTP/1.1 {status} X\r\nconnection: close\r\n\r\n").into_bytes(),
                    );
                }
                message(status, &echoes(headers), text.as_bytes())
            }
            Form::Raw(text) => Wire::Bytes(text.as_bytes().to_vec()),
            Form::Reset(text) => Wire::Reset(text.as_bytes().to_vec()),
            Form::Headers(bytes) => {
                let line = format!("x-{}: {}\r\n", "a".repeat(20), "b".repeat(1000));
                Wire::Bytes(
                    format!("HTTP/1.1 200 OK\r\n{}", line.repeat(bytes / line.len())).into_bytes(),
                )
            }
            Form::Long(bytes) => {
                message(200, JSON, format!("{{\"name\":\"{}\"}}", "x".repeat(bytes)).as_bytes())
            }
            Form::Deep(depth) => message(200, JSON, "[".repeat(depth).as_bytes()),
            Form::Bytes => message(200, JSON, b"{\"machine_id\": \"\xff\xfe\"}"),
        }
    }
}

/// The secret in every form in which a service may repeat it.
fn echoes(template: &str) -> String {
    use std::fmt::Write as _;

    let each = |form: fn(&mut String, u8)| {
        SECRET.bytes().fold(String::new(), |mut out, byte| {
            form(&mut out, byte);
            out
        })
    };
    let hex = each(|out, byte| {
        let _never_fails = write!(out, "{byte:02X}");
    });
    let percent = each(|out, byte| {
        let _never_fails = write!(out, "%{byte:02x}");
    });
    let escaped = each(|out, byte| {
        let _never_fails = write!(out, "\\u{byte:04x}");
    });
    template
        .replace("{TOKEN}", SECRET)
        // of the secret and what is in front of it
        .replace("{BASE64}", "QmVhcmVyIGNhbmFyeS01ZTFmLzdhMGMrOTlkMg==")
        .replace("{HEX}", &hex)
        .replace("{PERCENT}", &percent)
        .replace("{ESCAPED}", &escaped)
}

/// What must not be in any output.
pub(super) fn secrets() -> [&'static str; 5] {
    [
        SECRET,
        "Y2FuYXJ5LTVlMWYvN2EwYys5OWQy",
        "IGNhbmFyeS01ZTFm",
        "63616E6172792D",
        "%63%61%6e%61%72%79",
    ]
}

//! How a list continues.
//!
//! Surprise: both sides must show a sign. A token that no request takes, or a parameter whose answer
//! says nothing, would end a list at its first page.

use serde_json::{Value as Json, json};

use super::document::{Answer, Description};
use super::names::plain;
use super::rows::{Place, dotted, is_envelope};

/// Parameters that take the token of a page, without case and separators.
const TOKENS: [&str; 17] = [
    "pagetoken",
    "nexttoken",
    "nextpagetoken",
    "cursor",
    "nextcursor",
    "pagecursor",
    "startcursor",
    "after",
    "startingafter",
    "pageafter",
    "marker",
    "startmarker",
    "continuationtoken",
    "continuation",
    "continue",
    "scrollid",
    "starttoken",
];
/// Keys of answers with the token of the next page.
const NEXT_TOKENS: [&str; 14] = [
    "nextpagetoken",
    "nexttoken",
    "nextcursor",
    "nextpagecursor",
    "nextmarker",
    "continuationtoken",
    "nextcontinuationtoken",
    "continuation",
    "continue",
    "endcursor",
    "next",
    "after",
    "cursor",
    "scrollid",
];
/// Keys of answers with the address of the next page.
const NEXT_LINKS: [&str; 7] =
    ["nextlink", "nexturl", "nextpageurl", "nexthref", "nexturi", "next", "nextpage"];
const OFFSETS: [&str; 6] = ["offset", "skip", "startindex", "pageoffset", "from", "start"];
const PAGES: [&str; 6] = ["page", "pagenumber", "pageno", "pagenum", "currentpage", "pageindex"];
const SIZES: [&str; 11] = [
    "limit",
    "pagesize",
    "perpage",
    "maxresults",
    "pagelimit",
    "count",
    "size",
    "take",
    "top",
    "max",
    "maxitems",
];
/// Keys of answers with the number of rows.
const TOTALS: [&str; 6] =
    ["total", "totalcount", "totalresults", "totalitems", "totalrecords", "count"];
/// Keys of answers with the number of pages.
const TOTAL_PAGES: [&str; 7] =
    ["totalpages", "pagecount", "pages", "numpages", "lastpage", "pagetotal", "pagestotal"];
/// How deep an answer is searched.
const MAX_DEPTH: usize = 3;

/// The paging of a list: the `paging` block, and why. `Err` says what stands alone.
pub(super) fn guess(
    description: &Description<'_>,
    parameters: &[&Json],
    answer: &Answer<'_>,
    rows: &Place,
) -> Result<Option<(Json, String)>, String> {
    let mut fields = Vec::new();
    if let Some(schema) = answer.schema {
        collect(description, schema, rows, &mut Vec::new(), &mut fields);
    }
    let input = |words: &[&str]| {
        words.iter().find_map(|word| {
            parameters.iter().copied().find(|parameter| is_called(parameter, word))
        })
    };
    let field = |words: &[&str], is_right: &dyn Fn(&Field<'_>) -> bool| {
        words.iter().find_map(|word| {
            fields.iter().find(|field| plain(field.name()) == *word && is_right(field))
        })
    };
    let size = input(&SIZES);
    let token = input(&TOKENS);
    let next_token = field(&NEXT_TOKENS, &|field| field.is_token() && !field.is_address());
    let next_link = field(&NEXT_LINKS, &|field| {
        field.is_token() && (field.is_address() || plain(field.name()) != "next" || token.is_none())
    });
    if let (Some(token), Some(next)) = (token, next_token) {
        let mut block =
            json!({"style": "token", "request": place(token), "response": dotted(&next.path)});
        set_size(&mut block, size);
        let why = format!("`{}` of the answer goes into `{}`", dotted(&next.path), name(token));
        return Ok(Some((block, why)));
    }
    if let Some(next) = next_link {
        let block = json!({"style": "link", "response": dotted(&next.path)});
        return Ok(Some((block, format!("`{}` of the answer is an address", dotted(&next.path)))));
    }
    if answer.has_link {
        return Ok(Some((json!({"style": "link"}), "the answer has a `Link` header".to_owned())));
    }
    let numeric = |field: &Field<'_>| field.kind == "integer" || field.kind == "number";
    // what only looks like an offset needs a page size beside it
    let offset = input(&OFFSETS)
        .filter(|it| is_number(description, it))
        .filter(|it| size.is_some() || !["from", "start"].contains(&plain(name(it)).as_str()));
    if let Some(offset) = offset {
        let total = field(&TOTALS, &numeric);
        let start = start_of(offset).unwrap_or(i64::from(plain(name(offset)) == "startindex"));
        let mut block = json!({"style": "offset", "request": place(offset), "start": start});
        let mut why = format!("`{}` takes the number of the first row", name(offset));
        if let Some(total) = total {
            block["total"] = json!(dotted(&total.path));
            why = format!("{why}, `{}` is the number of rows", dotted(&total.path));
        }
        set_size(&mut block, size);
        return Ok(Some((block, why)));
    }
    if let Some(page) = input(&PAGES).filter(|it| is_number(description, it)) {
        let start = start_of(page).unwrap_or(1);
        let mut block = json!({"style": "page", "request": place(page), "start": start});
        let mut why = format!("`{}` takes the number of a page", name(page));
        match field(&TOTAL_PAGES, &numeric) {
            // pages that are counted from 0 end one earlier than their number says
            Some(total) if start == 1 => {
                block["total"] = json!(dotted(&total.path));
                why = format!("{why}, `{}` is the number of pages", dotted(&total.path));
            }
            _ => why.push_str(", an empty page is the last"),
        }
        return Ok(Some((block, why)));
    }
    match (token, next_token) {
        (Some(token), None) => {
            Err(format!("it takes `{}`, and its answer shows no next one", name(token)))
        }
        (None, Some(next)) => {
            Err(format!("its answer has `{}`, and no parameter takes it", dotted(&next.path)))
        }
        _ => Ok(None),
    }
}

/// A field of an answer outside of its rows.
struct Field<'a> {
    path: Vec<String>,
    kind: &'a str,
    format: &'a str,
}

impl Field<'_> {
    fn name(&self) -> &str {
        self.path.last().map_or("", String::as_str)
    }

    fn is_token(&self) -> bool {
        matches!(self.kind, "string" | "integer" | "")
    }

    fn is_address(&self) -> bool {
        let key = plain(self.name());
        matches!(self.format, "uri" | "url" | "uri-reference")
            || ["link", "url", "href", "uri"].iter().any(|word| key.ends_with(word))
            || self.path.iter().rev().skip(1).any(|key| plain(key) == "links")
    }
}

fn collect<'a>(
    description: &Description<'a>,
    schema: &'a Json,
    rows: &Place,
    path: &mut Vec<String>,
    out: &mut Vec<Field<'a>>,
) {
    for (name, property) in description.properties(schema) {
        path.push(name.to_owned());
        let kind = description.kind(property);
        if *path != rows.path {
            match kind {
                // other objects are about something else
                "object" if path.len() < MAX_DEPTH && leads(name, path, rows) => {
                    collect(description, property, rows, path, out);
                }
                "object" | "array" => {}
                _ => {
                    let format = property.get("format").and_then(Json::as_str).unwrap_or("");
                    out.push(Field { path: path.clone(), kind, format });
                }
            }
        }
        path.pop();
    }
}

/// True for envelopes, and for what the rows are in.
fn leads(name: &str, path: &[String], rows: &Place) -> bool {
    is_envelope(name) || rows.path.starts_with(path)
}

fn name(parameter: &Json) -> &str {
    parameter.get("name").and_then(Json::as_str).unwrap_or("")
}

fn is_called(parameter: &Json, word: &str) -> bool {
    let location = parameter.get("in").and_then(Json::as_str);
    matches!(location, Some("query" | "header")) && plain(name(parameter)) == word
}

fn is_number(description: &Description<'_>, parameter: &Json) -> bool {
    let kind = parameter.get("schema").map(|schema| description.kind(schema));
    // descriptions call numbers text at times
    matches!(kind, None | Some("integer" | "number" | "string" | ""))
}

/// The first value of a counter, from its default or minimum.
fn start_of(parameter: &Json) -> Option<i64> {
    let schema = parameter.get("schema")?;
    let value =
        |key: &str| schema.get(key).and_then(Json::as_i64).filter(|value| (0..=1).contains(value));
    value("default").or_else(|| value("minimum"))
}

/// A parameter as `paging` names it.
fn place(parameter: &Json) -> Json {
    match parameter.get("in").and_then(Json::as_str) {
        Some("header") => json!({"key": name(parameter), "location": "header"}),
        _ => json!(name(parameter)),
    }
}

fn set_size(block: &mut Json, size: Option<&Json>) {
    let Some(size) = size.filter(|size| size.get("in") == Some(&json!("query"))) else { return };
    let max = size.pointer("/schema/maximum").and_then(Json::as_u64);
    block["size"] = match max {
        Some(max) => json!({"key": name(size), "max": max}),
        None => json!(name(size)),
    };
}

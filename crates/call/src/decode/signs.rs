//! Signs of rows that are not in an answer: flags, totals and next pages beside the rows.
//!
//! Owns: the words by which services say that a list goes on or is not complete, in any spelling.
//! Refuses: judging them; the page driver knows what the document's paging explains.
//! Surprise: a sign is looked for only where envelopes keep them (beside the rows, and in objects
//! called `meta`, `links`, `pagination` and the like), never inside a row.

use jiter::Peek;
use serde_json::Value as Json;

use super::envelope::{Failure, Reader};

/// How deep an object such as `meta.pagination.links` may lie.
const DEEPEST: usize = 4;

/// Something in an answer that speaks of rows which are not in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sign {
    /// Where it stands: a path of keys with dots, a header, or a status.
    pub key: String,
    /// What it says.
    pub kind: SignKind,
}

/// What a sign says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum SignKind {
    /// Rows of this page are missing, or what leads on cannot be read; the words continue "the answer".
    Missing(String),
    /// There are rows after this page; the words continue "the answer".
    More(String),
    /// The number of all rows.
    Total(i64),
    /// The number of all pages.
    Pages(i64),
}

/// What a key stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Word {
    /// A true value: there is more.
    More,
    /// A false value: there is more.
    Last,
    /// The token or address of the next page.
    Next,
    /// A true value: rows of this page are missing.
    Missing,
    /// A false value: the request failed.
    Success,
    /// The number of all rows.
    Total,
    /// The number of all pages.
    Pages,
}

/// A key without separators and case: `has_more`, `hasMore` and `HasMore` are one word.
fn plain(key: &str) -> String {
    let key = key.strip_prefix("@odata.").or_else(|| key.strip_prefix("odata.")).unwrap_or(key);
    key.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
}

/// What a key stands for; `rows` is the key of the rows (`total_apps` counts `apps`).
fn word(key: &str, rows: Option<&str>) -> Option<Word> {
    let plain = plain(key);
    if let Some(rest) = plain.strip_prefix("next") {
        let known = [
            "",
            "link",
            "links",
            "url",
            "uri",
            "href",
            "page",
            "pageurl",
            "pageuri",
            "pagelink",
            "pagetoken",
            "pagecursor",
            "pageno",
            "pagenumber",
            "token",
            "cursor",
            "marker",
            "key",
            "continuationtoken",
            "continuation",
            "offset",
            "start",
            "startindex",
            "recordsurl",
            "results",
            "batch",
            "partitionkey",
            "rowkey",
            "keymarker",
            "versionidmarker",
            "sequencetoken",
        ];
        return known.contains(&rest).then_some(Word::Next);
    }
    if let Some(rest) = plain.strip_prefix("total") {
        let known = [
            "",
            "count",
            "counts",
            "results",
            "result",
            "items",
            "item",
            "size",
            "records",
            "record",
            "rows",
            "row",
            "elements",
            "hits",
            "entries",
            "objects",
            "number",
            "matches",
            "found",
            "available",
            "resultcount",
            "resultscount",
            "itemcount",
            "itemscount",
            "recordcount",
            "recordscount",
            "rowcount",
            "numberofitems",
            "numberofresults",
            "numberofrecords",
        ];
        if matches!(rest, "pages" | "pagecount" | "page") {
            return Some(Word::Pages);
        }
        let counts_rows = rows.is_some_and(|rows| rest == self::plain(rows));
        return (known.contains(&rest) || counts_rows).then_some(Word::Total);
    }
    if plain.starts_with("hasmore") || plain.starts_with("hasnext") {
        return Some(Word::More);
    }
    if plain.starts_with("unreachable") || plain.starts_with("incomplete") {
        return Some(Word::Missing);
    }
    Some(match plain.as_str() {
        "more"
        | "moreitems"
        | "moreresults"
        | "moreavailable"
        | "moredata"
        | "morerecords"
        | "moreresultsavailable"
        | "ismore"
        | "truncated"
        | "istruncated"
        | "resultstruncated"
        | "resulttruncated"
        | "listtruncated"
        | "exceededtransferlimit"
        | "remainingitemcount" => Word::More,
        "last" | "islast" | "lastpage" | "islastpage" | "done" | "complete" | "iscomplete"
        | "endoflist" | "endofresults" => Word::Last,
        "continue"
        | "continuation"
        | "continuationtoken"
        | "continuationuri"
        | "lastevaluatedkey"
        | "lastevaluatedtablename"
        | "scrollid" => Word::Next,
        "partial" | "ispartial" | "partialresult" | "partialresults" | "timedout" | "error"
        | "errors" => Word::Missing,
        "success" | "ok" => Word::Success,
        "recordstotal" | "itemstotal" | "resultstotal" | "numfound" => Word::Total,
        "pages" | "pagecount" | "numpages" | "pagestotal" | "numberofpages" => Word::Pages,
        _ => return None,
    })
}

/// True for keys whose object speaks of the list.
fn is_holder(key: &str) -> bool {
    let plain = plain(key);
    matches!(
        plain.as_str(),
        "links"
            | "meta"
            | "metadata"
            | "paging"
            | "pagination"
            | "page"
            | "pages"
            | "pageinfo"
            | "pagingdata"
            | "paginginfo"
            | "paginationinfo"
            | "cursor"
            | "cursors"
            | "info"
            | "resultinfo"
            | "resultset"
            | "responsemetadata"
            | "listmetadata"
            | "listmeta"
            | "result"
            | "response"
            | "data"
            | "d"
            | "shards"
    )
}

/// What a value under a word says.
fn says(word: Word, value: &Json) -> Option<SignKind> {
    let shown = match value {
        Json::String(_) | Json::Array(_) | Json::Object(_) => None,
        scalar => Some(format!("`{scalar}`")),
    };
    let is = |truth: bool| -> bool {
        match value {
            Json::Null => false,
            Json::Bool(flag) => *flag == truth,
            Json::Number(number) => (number.as_f64() != Some(0.0)) == truth,
            Json::String(text) => {
                let text = text.trim().to_ascii_lowercase();
                let is_false = matches!(text.as_str(), "" | "false" | "no" | "0");
                if truth { !is_false } else { text == "false" || text == "no" }
            }
            Json::Array(items) => truth && !items.is_empty(),
            Json::Object(fields) => truth && !fields.is_empty(),
        }
    };
    let number = || match value {
        Json::Number(number) => number.as_i64(),
        Json::String(text) => text.trim().parse().ok(),
        _ => None,
    };
    let shown = shown.unwrap_or_else(|| "something".to_owned());
    match word {
        Word::More if is(true) => Some(SignKind::More(shown)),
        Word::Last if matches!(value, Json::Bool(_) | Json::String(_)) && is(false) => {
            Some(SignKind::More(shown))
        }
        Word::Next => match value {
            Json::Number(number) if number.as_f64().is_some_and(|number| number > 0.0) => {
                Some(SignKind::More(shown))
            }
            Json::Number(_) => None,
            Json::String(text) => (!text.is_empty()).then_some(SignKind::More(shown)),
            _ => is(true).then_some(SignKind::More(shown)),
        },
        Word::Missing if is(true) => Some(SignKind::Missing(format!("has {shown}"))),
        Word::Success if *value == Json::Bool(false) => {
            Some(SignKind::Missing(format!("has {shown}")))
        }
        Word::Total => number().map(SignKind::Total),
        Word::Pages => number().map(SignKind::Pages),
        _ => None,
    }
}

/// What a header says about rows that are not in the answer.
pub(crate) fn header_sign(name: &str, value: &str) -> Option<Sign> {
    let kind = if name == "content-range" {
        let (range, total) = value.rsplit_once('/')?;
        if range.trim_start().starts_with("bytes") {
            return None;
        }
        SignKind::Total(total.trim().parse().ok()?)
    } else {
        let own = ["x-ms-", "x-", "opc-"].iter().find_map(|prefix| name.strip_prefix(prefix));
        let word = word(own.unwrap_or(name).trim_start_matches("pagination-"), None)?;
        let speaks = own.is_some() || matches!(word, Word::Total | Word::Pages);
        let is_list_word = !matches!(word, Word::Missing | Word::Success | Word::Last);
        if !speaks || !is_list_word {
            return None;
        }
        says(word, &Json::String(value.trim().to_owned()))?
    };
    Some(Sign { key: name.to_owned(), kind })
}

impl Reader<'_> {
    /// A value beside the rows, or below a key that speaks of the list.
    pub(super) fn beside(&mut self, peek: Peek, path: &mut Vec<String>) -> Result<(), Failure> {
        let rows = self.decoder.plan.rows.path();
        let Some(key) = path.last() else {
            return self.jiter.known_skip(peek).map_err(Failure::syntax);
        };
        let is_shard = path.len() > 1 && plain(&path[path.len() - 2]) == "shards";
        let word = match word(key, rows.last().map(String::as_str)) {
            // how many parts of a search there are, and how many of them gave no rows
            _ if is_shard => (plain(key) == "failed").then_some(Word::Missing),
            word => word,
        };
        let holds = is_holder(key) && path.len() < DEEPEST;
        if peek == Peek::Object && holds && word != Some(Word::Next) {
            return self.object(path);
        }
        if word.is_none() && !(peek == Peek::Array && plain(key) == "links") {
            return self.jiter.known_skip(peek).map_err(Failure::syntax);
        }
        let start = self.jiter.current_index();
        self.jiter.known_skip(peek).map_err(Failure::syntax)?;
        let value = serde_json::from_slice(self.jiter.slice_to_current(start));
        let value = value.map_err(|error| Failure::Syntax(error.to_string()))?;
        let kind = match word {
            Some(word) => says(word, &value),
            None => has_next_relation(&value).then(|| SignKind::More("a next link".to_owned())),
        };
        if let Some(kind) = kind {
            self.signs.push(Sign { key: path.join("."), kind });
        }
        Ok(())
    }
}

/// True for a list of links of which one leads to the next page.
fn has_next_relation(links: &Json) -> bool {
    links.as_array().is_some_and(|links| {
        links.iter().any(|link| {
            let relation = link.get("rel").and_then(Json::as_str).unwrap_or_default();
            let leads =
                link.get("href").or_else(|| link.get("url")).is_some_and(|to| !to.is_null());
            leads && relation.split_ascii_whitespace().any(|one| one.eq_ignore_ascii_case("next"))
        })
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(key: &str, value: &Json, expected: Option<&str>) {
        let found =
            word(key, Some("apps")).and_then(|word| says(word, value)).map(|kind| match kind {
                SignKind::Missing(_) => "missing".to_owned(),
                SignKind::More(_) => "more".to_owned(),
                SignKind::Total(number) => format!("total {number}"),
                SignKind::Pages(number) => format!("pages {number}"),
            });
        assert_eq!(found.as_deref(), expected, "{key}: {value}");
    }

    #[test]
    fn flags_speak_in_every_spelling() {
        for key in ["has_more", "hasMore", "more", "isTruncated", "IsTruncated", "truncated"] {
            check(key, &json!(true), Some("more"));
            check(key, &json!("true"), Some("more"));
            check(key, &json!(false), None);
            check(key, &json!(null), None);
            check(key, &json!("false"), None);
            check(key, &json!(0), None);
        }
        check("isLast", &json!(false), Some("more"));
        check("done", &json!(true), None);
        check("last", &json!({"href": "/x"}), None);
        for key in ["incomplete_results", "incompleteSearch", "unreachable", "partial", "errors"] {
            check(key, &json!(true), Some("missing"));
            check(key, &json!(["eu"]), Some("missing"));
            check(key, &json!([]), None);
        }
        check("success", &json!(false), Some("missing"));
        check("success", &json!(true), None);
    }

    #[test]
    fn next_pages_speak_unless_they_are_empty() {
        for key in ["next", "nextLink", "@odata.nextLink", "next_page_token", "NextMarker"] {
            check(key, &json!("x"), Some("more"));
            check(key, &json!({"after": "x"}), Some("more"));
            for end in [json!(""), json!(null), json!(false), json!({}), json!([]), json!(0)] {
                check(key, &end, None);
            }
        }
        check("next_run", &json!("2024"), None);
        check("continue", &json!("abc"), Some("more"));
        check("_scroll_id", &json!("abc"), Some("more"));
        let more = SignKind::More("something".to_owned());
        let sign = Sign { key: "opc-next-page".to_owned(), kind: more };
        assert_eq!(header_sign("opc-next-page", "t"), Some(sign));
    }

    #[test]
    fn totals_are_numbers() {
        for key in ["total", "total_count", "totalResults", "totalItems", "total_apps"] {
            check(key, &json!(5), Some("total 5"));
            check(key, &json!("5"), Some("total 5"));
            check(key, &json!({"value": 5}), None);
            check(key, &json!(1.5), None);
        }
        check("total_bytes", &json!(5), None);
        check("totalPages", &json!(3), Some("pages 3"));
    }

    #[test]
    fn lists_of_links_are_read() {
        assert!(has_next_relation(&json!([{"rel": "self"}, {"rel": "next", "href": "/2"}])));
        assert!(!has_next_relation(&json!([{"rel": "prev", "href": "/2"}, {"rel": "next"}])));
    }
}

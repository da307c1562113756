//! Lint of `x-strataql` blocks: unknown keys and values outside the schema.
//!
//! Owns: the same rules as `schemas/x-strataql.schema.json`, as lint messages.
//! Surprise: valid parts of the block are used; nothing here prevents a method from loading.

use crate::node::Node;

/// Keys of the block.
const KEYS: &[&str] = &[
    "paging",
    "wait",
    "idempotencyKey",
    "missing",
    "path",
    "safe",
    "exact",
    "bodyWrapper",
    "paramAlias",
    "defaults",
    "updateMask",
    "scopes",
    "origins",
    "secret",
];
/// Keys of `wait`.
const WAIT_KEYS: &[&str] = &["poll", "status", "success", "failure", "message"];
/// Locations of a value in a request.
const REQUEST_PLACES: &[&str] = &["query", "body", "header"];
/// Locations of a value in a response.
const ANSWER_PLACES: &[&str] = &["body", "header"];

type Problems = Vec<(String, u32)>;

/// The problems of a block, with lines.
pub(crate) fn problems(block: &Node) -> Problems {
    let mut problems = Problems::new();
    if block.map().is_none() {
        problems.push(("`x-strataql` is not a mapping".to_owned(), block.line));
        return problems;
    }
    unknown_keys("x-strataql", block, KEYS, &mut problems);
    for (key, node) in block.entries().filter(|(_, node)| !node.is_null()) {
        match key {
            "paging" => paging(node, &mut problems),
            "wait" => wait(node, &mut problems),
            "missing" => one_of("missing", node, &["empty"], &mut problems),
            "idempotencyKey" | "updateMask" => target(key, node, REQUEST_PLACES, &mut problems),
            "bodyWrapper" => text(key, node, &mut problems),
            "safe" if node.flag().is_none() => {
                problems.push(("`safe` is not `true` or `false`".to_owned(), node.line));
            }
            "exact" | "path" | "scopes" | "origins" | "secret" => texts(key, node, &mut problems),
            "paramAlias" | "defaults" => {
                if node.map().is_none() {
                    problems.push((format!("`{key}` is not a mapping of names"), node.line));
                }
                for (_, alias) in node.entries() {
                    text(key, alias, &mut problems);
                }
            }
            _ => {}
        }
    }
    problems
}

fn paging(node: &Node, problems: &mut Problems) {
    if node.text().is_some() {
        one_of("paging", node, &["none"], problems);
        return;
    }
    let style = node.get("style");
    let Some(name) = style.and_then(Node::text) else {
        let Some(ignore) = node.get("ignore") else {
            problems.push(("`paging` has no `style`".to_owned(), node.line));
            return;
        };
        unknown_keys("paging", node, &["ignore"], problems);
        texts("ignore", ignore, problems);
        return;
    };
    let (allowed, needed): (&[&str], &[&str]) = match name {
        "none" => (&["style", "ignore"], &[]),
        "token" => {
            (&["style", "request", "response", "size", "more", "ignore"], &["request", "response"])
        }
        "link" => (&["style", "response", "ignore"], &[]),
        "next" => (&["style", "request", "response", "ignore"], &["response"]),
        "page" => (
            &["style", "request", "response", "total", "rows", "more", "start", "ignore"],
            &["request"],
        ),
        "offset" => {
            (&["style", "request", "total", "more", "start", "size", "ignore"], &["request"])
        }
        _ => {
            let styles = ["none", "token", "link", "next", "page", "offset"];
            one_of("paging.style", style.unwrap_or(node), &styles, problems);
            return;
        }
    };
    unknown_keys("paging", node, allowed, problems);
    for key in needed.iter().filter(|key| node.get(key).is_none()) {
        problems.push((format!("`paging` of style `{name}` has no `{key}`"), node.line));
    }
    for (key, part) in node.entries().filter(|(_, part)| !part.is_null()) {
        match key {
            "request" | "size" => target(key, part, REQUEST_PLACES, problems),
            "response" | "total" | "rows" | "more" => target(key, part, ANSWER_PLACES, problems),
            "ignore" => texts(key, part, problems),
            "start" if part.integer().is_none() => {
                problems.push(("`start` is not a whole number".to_owned(), part.line));
            }
            _ => {}
        }
    }
}

fn wait(node: &Node, problems: &mut Problems) {
    if node.map().is_none() {
        problems.push(("`wait` is not a mapping".to_owned(), node.line));
    }
    unknown_keys("wait", node, WAIT_KEYS, problems);
    for (key, part) in node.entries().filter(|(_, part)| !part.is_null()) {
        match key {
            "success" | "failure" => texts(key, part, problems),
            _ => text(key, part, problems),
        }
    }
}

/// A name, or `{key, location}`; a page size also has `max`.
fn target(key: &str, node: &Node, places: &[&str], problems: &mut Problems) {
    if node.text().is_some() {
        return;
    }
    let allowed: &[&str] =
        if key == "size" { &["key", "location", "max"] } else { &["key", "location"] };
    unknown_keys(key, node, allowed, problems);
    if node.text_at("key").is_none() {
        problems.push((format!("`{key}` has no `key`"), node.line));
    }
    if let Some(location) = node.get("location") {
        one_of(&format!("{key}.location"), location, places, problems);
    }
    if let Some(max) = node.get("max")
        && max.integer().is_none_or(|max| max < 1)
    {
        problems.push((format!("`{key}.max` is not a positive whole number"), max.line));
    }
}

fn unknown_keys(owner: &str, node: &Node, allowed: &[&str], problems: &mut Problems) {
    for (key, child) in node.entries().filter(|(key, _)| !allowed.contains(key)) {
        problems.push((format!("`{owner}` has no key `{key}`"), child.line));
    }
}

fn one_of(key: &str, node: &Node, values: &[&str], problems: &mut Problems) {
    if node.text().is_none_or(|text| !values.contains(&text)) {
        let list: Vec<String> = values.iter().map(|value| format!("`{value}`")).collect();
        problems.push((format!("`{key}` is not {}", list.join(" or ")), node.line));
    }
}

fn text(key: &str, node: &Node, problems: &mut Problems) {
    if node.text().is_none() {
        problems.push((format!("`{key}` is not a text"), node.line));
    }
}

fn texts(key: &str, node: &Node, problems: &mut Problems) {
    let is_list = node.is_sequence() && node.items().iter().all(|item| item.text().is_some());
    if !is_list && node.text().is_none() {
        problems.push((format!("`{key}` is not a list of texts"), node.line));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml;

    fn check(block: &str, expected: &[&str]) {
        let node = yaml::parse(block).expect("valid").0;
        let found: Vec<String> = problems(&node).into_iter().map(|(text, _)| text).collect();
        assert_eq!(found, expected, "{block}");
    }

    fn repository_file(path: &str) -> String {
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        std::fs::read_to_string(root.join(path)).expect("a file of the repository")
    }

    #[test]
    fn the_json_schema_has_the_same_keys() {
        let text = repository_file("schemas/x-strataql.schema.json");
        let schema: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        let keys = |pointer: &str| -> Vec<String> {
            let part = schema.pointer(pointer).and_then(|part| part.as_object()).expect(pointer);
            part.keys().cloned().collect()
        };
        assert_eq!(keys("/properties"), KEYS);
        assert_eq!(keys("/$defs/wait/properties"), WAIT_KEYS);
        for style in ["none", "token", "link", "next", "page", "offset"] {
            let name = if style == "none" { "no" } else { style };
            for key in keys(&format!("/$defs/{name}Paging/properties")) {
                let block = format!("{{paging: {{style: {style}, {key}: ~}}}}");
                let node = yaml::parse(&block).expect("valid").0;
                let unknown = format!("`paging` has no key `{key}`");
                assert!(problems(&node).iter().all(|(text, _)| *text != unknown), "{block}");
            }
        }
    }

    #[test]
    fn the_page_explains_every_key_with_a_right_example() {
        let page = repository_file("docs/documents.md");
        for key in KEYS {
            assert!(page.contains(&format!("\n## `{key}`\n")), "{key}");
        }
        let mut examples = 0;
        for example in page.split("```yaml\n").skip(1).filter_map(|rest| rest.split("```").next()) {
            let node = yaml::parse(example).expect(example).0;
            // the first example of the page is a whole document
            let Some(block) = node.get("x-strataql") else { continue };
            assert_eq!(problems(block), [], "{example}");
            examples += 1;
        }
        assert!(examples >= KEYS.len(), "{examples}");
    }

    #[test]
    fn right_blocks_pass() {
        check("{paging: none, missing: empty, exact: [a], bodyWrapper: policy}", &[]);
        check(
            "{updateMask: {key: update_mask, location: query}, secret: a.b, scopes: [x, y]}",
            &[],
        );
        check(
            "{paging: {style: token, request: t, response: {key: $.a, location: body}, size: {key: n, max: 9}}}",
            &[],
        );
        check("{paging: {ignore: [total, meta.has_more]}}", &[]);
        check("{paging: {style: link, ignore: total}}", &[]);
        check("{safe: true, path: [file_path]}", &[]);
        check("{wait: {poll: get, status: $.state, success: [DONE], failure: FAILED}}", &[]);
        check("{paramAlias: {userId: user_id}, origins: ['https://b.example']}", &[]);
    }

    #[test]
    fn each_wrong_value_is_named() {
        check("{pagin: none}", &["`x-strataql` has no key `pagin`"]);
        check("[a]", &["`x-strataql` is not a mapping"]);
        check(
            "{paging: {style: tokn}}",
            &["`paging.style` is not `none` or `token` or `link` or `next` or `page` or `offset`"],
        );
        check(
            "{paging: {style: token, request: a}}",
            &["`paging` of style `token` has no `response`"],
        );
        check("{paging: {style: link, request: a}}", &["`paging` has no key `request`"]);
        check("{paging: {ignore: {a: b}}}", &["`ignore` is not a list of texts"]);
        check("{missing: zero}", &["`missing` is not `empty`"]);
        check(
            "{updateMask: {location: path}}",
            &[
                "`updateMask` has no `key`",
                "`updateMask.location` is not `query` or `body` or `header`",
            ],
        );
        check(
            "{safe: maybe, path: {a: b}}",
            &["`safe` is not `true` or `false`", "`path` is not a list of texts"],
        );
        check("{wait: {polls: x}}", &["`wait` has no key `polls`"]);
        check("{exact: {a: b}}", &["`exact` is not a list of texts"]);
        check(
            "{paging: {style: offset, request: o, start: one, size: {key: n, max: 0}}}",
            &["`start` is not a whole number", "`size.max` is not a positive whole number"],
        );
    }
}

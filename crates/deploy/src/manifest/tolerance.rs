//! YAML that is none: values such as `{{ region }}` without quotes.
//!
//! Surprise: block texts are left alone; an expression in them is part of the text.

use std::sync::LazyLock;

use regex::Regex;

use super::value::SINGLE;

/// The text with quotes around values that begin with `{{`.
pub(super) fn quoted(text: &str) -> String {
    static VALUE: LazyLock<Option<Regex>> = LazyLock::new(|| {
        Regex::new(
            r"^(\s*(?:-\s+)*(?:[\w.$/\x22' -]*[\w\x22']\s*:\s+)?)(\{\{.*\}\}[^#]*?)(\s+#.*)?$",
        )
        .ok()
    });
    let Some(value) = &*VALUE else { return text.to_owned() };
    let mut out = String::with_capacity(text.len());
    let mut block: Option<usize> = None;
    for line in text.split_inclusive('\n') {
        let content = line.trim_end_matches(['\n', '\r']);
        let end = &line[content.len()..];
        let indent = content.len() - content.trim_start().len();
        if let Some(outer) = block {
            if content.trim().is_empty() || indent > outer {
                out.push_str(line);
                continue;
            }
            block = None;
        }
        match value.captures(content) {
            Some(parts) => {
                let (head, tail) = (&parts[1], parts.get(3).map_or("", |tail| tail.as_str()));
                let body = parts[2].trim_end();
                let body = body.replace('\'', "''");
                out.extend([head, "'", &SINGLE.to_string(), &body, "'", tail, end]);
            }
            None => out.push_str(line),
        }
        if opens_block(content) {
            block = Some(block_indent(content, indent));
        }
    }
    out
}

/// True for a line that ends with `|` or `>`.
fn opens_block(line: &str) -> bool {
    let line = line.split(" #").next().unwrap_or(line).trim_end();
    let line = line.trim_end_matches(|c: char| c.is_ascii_digit() || matches!(c, '-' | '+'));
    let Some(head) = line.strip_suffix(['|', '>']) else { return false };
    let head = head.trim_end();
    head.ends_with(':') || head.ends_with('-')
}

/// The indentation that the lines of a block have more than.
fn block_indent(line: &str, indent: usize) -> usize {
    let mut indent = indent;
    let mut rest = line.trim_start();
    // `- value: |` is indented as its key
    while let Some(inner) = rest.strip_prefix("- ") {
        if !inner.contains(':') {
            break;
        }
        indent += rest.len() - inner.trim_start().len();
        rest = inner.trim_start();
    }
    indent
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_get_quotes_and_texts_stay() {
        let text = "a: {{ x }}\n- {{ y }} # c\n- name: v\n  value: {{ a }}-{{ b | f('q') }}\nsql: |\n  {{ z }}\n\n  k: {{ z }}\nb: \"{{ ok }}\"\n- value: >-\n    {{ w }}\n  k: {{ v }}\n";
        let expected = format!(
            "a: '{SINGLE}{{{{ x }}}}'\n- '{SINGLE}{{{{ y }}}}' # c\n- name: v\n  value: '{SINGLE}{{{{ a }}}}-{{{{ b | f(''q'') }}}}'\nsql: |\n  {{{{ z }}}}\n\n  k: {{{{ z }}}}\nb: \"{{{{ ok }}}}\"\n- value: >-\n    {{{{ w }}}}\n  k: '{SINGLE}{{{{ v }}}}'\n"
        );
        assert_eq!(quoted(text), expected);
    }
}

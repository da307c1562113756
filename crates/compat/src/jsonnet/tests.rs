//! Contexts in Jsonnet.

use std::path::Path;

use serde_json::json;

use super::evaluate;

fn value(text: &str) -> serde_json::Value {
    let vars = ["project=p1".to_owned(), "region=r1".to_owned()];
    evaluate(text, Path::new(""), &vars).unwrap_or_else(|error| panic!("{text}: {error}"))
}

#[test]
fn objects_have_locals_and_refer_to_themselves() {
    assert_eq!(
        value(
            "// a context
             local project = std.extVar('project');
             local name(x, suffix='-vm') = x + suffix;
             {
               local zone = 'z' + 1,
               project: project, # its project
               zone: zone, 'quoted key': self.zone, [project + '_x']: 1.5,
               nested: { up: $.project, list: [1, 2,], },
               hidden:: 7, shown: self.hidden * 2,
               vm: name('a'), other: name(suffix='!', x='b'),
             }"
        ),
        json!({
            "project": "p1", "zone": "z1", "quoted key": "z1", "p1_x": 1.5,
            "nested": {"up": "p1", "list": [1, 2]}, "shown": 14, "vm": "a-vm", "other": "b!"
        })
    );
}

#[test]
fn objects_are_layered() {
    assert_eq!(
        value(
            "local base = { a: 1, b: self.a + 1, c: { x: 1 } }; base { a: 5, c+: { y: 2 }, d: super.a }"
        ),
        json!({"a": 5, "b": 6, "c": {"x": 1, "y": 2}, "d": 1})
    );
    assert_eq!(value("{ a: 1 } + { a:: 2 }"), json!({}));
    assert_eq!(value("({ a:: 1 } + { a::: 2 }).a"), json!(2));
    assert_eq!(value("'a' in { a: 1 }"), json!(true));
}

#[test]
fn comprehensions_and_conditions_are_computed() {
    assert_eq!(
        value("[x * y for x in [1, 2, 3] if x != 2 for y in [10, 100]]"),
        json!([10, 100, 30, 300])
    );
    assert_eq!(value("{ ['k' + i]: i for i in std.range(1, 2) }"), json!({"k1": 1, "k2": 2}));
    assert_eq!(
        value("if std.length('abc') >= 3 && !false then 'yes' else error 'no'"),
        json!("yes")
    );
    assert_eq!(value("if false then 1"), json!(null));
    assert_eq!(value("local f = function(n) if n == 0 then 1 else n * f(n - 1); f(5)"), json!(120));
    assert_eq!(value("'abcdef'[1:4] + [1, 2, 3][2]"), json!("bcd3"));
}

#[test]
fn texts_come_in_many_forms() {
    assert_eq!(value("|||\n  two\n    lines\n|||"), json!("two\n  lines\n"));
    assert_eq!(value(r#"@"a\b" + 'it\'s' + "\u00e9\n""#), json!("a\\bit'sé\n"));
    assert_eq!(value("'%s has %05d and %.1f%%' % ['x', 42, 1.25]"), json!("x has 00042 and 1.2%"));
    assert_eq!(value("'%(a)s' % { a: [1, 'b'] }"), json!("[1, \"b\"]"));
}

#[test]
fn functions_of_std_are_there() {
    for (text, expected) in [
        ("std.join('-', ['a', 'b'])", json!("a-b")),
        ("std.map(function(x) x + 1, [1, 2])", json!([2, 3])),
        ("std.filter(function(x) x > 1, [1, 2])", json!([2])),
        ("std.foldl(function(a, x) a + x, [1, 2, 3], 0)", json!(6)),
        ("std.split('a,b', ',')", json!(["a", "b"])),
        ("std.objectFields({ b: 1, a: 2 })", json!(["a", "b"])),
        ("std.objectHas({ a: 1 }, 'b')", json!(false)),
        ("std.get({ a: 1 }, 'b', 9)", json!(9)),
        ("std.sort([3, 1, 2])", json!([1, 2, 3])),
        ("std.set(['b', 'a', 'b'])", json!(["a", "b"])),
        ("std.mergePatch({ a: 1, b: 2 }, { b: null, c: 3 })", json!({"a": 1, "c": 3})),
        ("std.parseJson('{\"a\": [1]}').a", json!([1])),
        ("std.manifestJsonEx({ a: 1 }, ' ')", json!("{\n \"a\": 1\n}")),
        ("std.base64('hello')", json!("aGVsbG8=")),
        ("std.type(null)", json!("null")),
        ("std.strReplace('aXb', 'X', '-')", json!("a-b")),
        ("std.prune({ a: null, b: [], c: 1 })", json!({"c": 1})),
        ("std.toString({ a: 1 })", json!("{\"a\": 1}")),
    ] {
        assert_eq!(value(text), expected, "{text}");
    }
}

#[test]
fn files_are_imported() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::create_dir(folder.path().join("lib")).expect("made");
    std::fs::write(
        folder.path().join("lib/a.libsonnet"),
        "{ a: import 'b.json', t: importstr 'b.json' }",
    )
    .expect("written");
    std::fs::write(folder.path().join("lib/b.json"), "{\"b\": 1}").expect("written");
    let value =
        evaluate("(import 'lib/a.libsonnet') { c: 2 }", folder.path(), &[]).expect("a value");
    assert_eq!(value, json!({"a": {"b": 1}, "t": "{\"b\": 1}", "c": 2}));
}

#[test]
fn what_has_no_value_is_said() {
    for (text, message) in [
        ("std.extVar('none')", "RUNTIME ERROR: undefined external variable: none"),
        ("{ a: b }", "Unknown variable: b"),
        ("error 'why'", "RUNTIME ERROR: why"),
        ("{ a: self.a }", "RUNTIME ERROR: "),
        ("local x = x; x", "RUNTIME ERROR: infinite recursion"),
        ("{ assert 1 == 2 : 'unequal', a: 1 }", "RUNTIME ERROR: unequal"),
        ("1 / 0", "RUNTIME ERROR: Division by zero."),
        ("{}.x", "RUNTIME ERROR: Field does not exist: x"),
        ("import 'nowhere.json'", "RUNTIME ERROR: couldn't open import"),
        ("{ a: 1", "the context"),
        ("function(x) x", "RUNTIME ERROR: couldn't manifest function as JSON"),
    ] {
        let error = evaluate(text, Path::new(""), &[]).expect_err(text);
        assert!(error.starts_with(message), "{text}: {error}");
    }
}

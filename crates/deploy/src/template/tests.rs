//! One case per filter, function and quirk.

use serde_json::json;

use super::json::{structured, to_template};
use super::*;

fn templates() -> Templates {
    let lookup = |name: &str| (name == "REGION").then(|| "eu-1".to_owned());
    Templates::new(Path::new("."), Arc::new(lookup))
}

fn context() -> Value {
    to_template(&json!({
        "name": "O'Brien", "tags": [{"Key": "a", "Value": "b"}, {"Key": "c"}],
        "list": ["x", "y'z", 3], "empty": [], "flag": false, "none": null, "number": 5,
        "object": {"b": "3600", "a/c": "text", "n": {"m": true}}, "text_list": "[\"x\", \"w\"]",
        "base": "YQ==", "path": "a-b-c", "day": "2024-02-29T12:34:56Z",
    }))
}

fn render(text: &str) -> String {
    templates().render(text, &context()).unwrap_or_else(|failure| format!("{failure:?}"))
}

#[test]
fn every_filter_has_a_case() {
    let cases = [
        ("{{ '{\"a\": [1, 2]}' | from_json }}", r#"{"a":[1,2]}"#),
        ("{{ object | from_json | tojson }}", r#"{"b":"3600","a/c":"text","n":{"m":true}}"#),
        ("{{ '<&>' | tojson }}", "\"<&>\""),
        ("{{ list | json_encode(pretty=true) }}", "[\n  \"x\",\n  \"y'z\",\n  3\n]"),
        ("{{ 'a' | base64_encode }} {{ 'a' | base64 }}", "YQ== YQ=="),
        ("{{ base | base64_decode }}", "a"),
        ("{{ name | sql_escape }}{{ none | sql_escape }}{{ 5 | sql_escape }}", "O''Brien5"),
        ("{{ list | sql_list }}", "('x','y''z','3')"),
        ("{{ text_list | sql_list }} {{ empty | sql_list }}", "('x','w') (NULL)"),
        ("{{ 'one' | sql_list }}", "('one')"),
        ("{{ list | merge_lists(text_list) }}", r#"["x","y'z",3,"w"]"#),
        ("{{ list | merge_lists(other=text_list) }}", r#"["x","y'z",3,"w"]"#),
        (
            "{{ object | merge_objects('{\"b\": 1, \"z\": null}') }}",
            r#"{"b":1,"a/c":"text","n":{"m":true},"z":null}"#,
        ),
        (
            "{{ object | generate_patch_document }}",
            r#"[{"op":"add","path":"/b","value":3600},{"op":"add","path":"/a~1c","value":"text"},{"op":"add","path":"/n","value":{"m":true}}]"#,
        ),
        (
            "{{ {'Name': name, 'Gone': missing} | generate_patch_document }}",
            r#"[{"op":"add","path":"/Name","value":"O'Brien"}]"#,
        ),
        ("{{ tags | to_aws_tag_filters }}", r#"[{"Key":"a","Values":["b"]}]"#),
        ("{{ object | get(key='b') }} {{ object | get(key='x', default='d') }}", "3600 d"),
        ("{{ path | replace('-', '_') }} {{ path | replace(from='-', to='') }}", "a_b_c abc"),
        ("{{ path | split(pat='-') | last }} {{ path.split('-')[0] }}", "c a"),
        ("{{ missing | default(value='v') }} {{ missing | default('w') }}", "v w"),
        ("{{ list | slice(start=1, end=2) }} {{ list | slice(start=-1) }}", r#"["y'z"] [3]"#),
        ("{{ list | nth(n=0) }} {{ list | first }} {{ list | length }}", "x x 3"),
        ("{{ list | concat(with=text_list) | unique | length }}", "4"),
        ("{{ tags | map(attribute='Key') | join(',') }}", "a,c"),
        ("{{ ['a', 'b'] | map('upper') | join }}", "AB"),
        ("{{ tags | filter(attribute='Value', value='b') | length }}", "1"),
        ("{{ 'Hello,  World' | slugify }}", "hello-world"),
        (r#"{{ "a'b" | addslashes }}"#, r"a\'b"),
        ("{{ 'abcdef' | truncate(length=3) }} {{ 'ab' | truncate(3) }}", "abc… ab"),
        ("{{ day | date(format='%d.%m.%Y') }} {{ 0 | date }}", "29.02.2024 1970-01-01"),
        ("{{ 'a b' | urlencode }} {{ 'ab' | upper }} {{ ' a ' | trim }}", "a%20b AB a"),
        ("{{ '7' | int + 1 }} {{ 2.7 | round }} {{ -1 | abs }}", "8 3.0 1"),
    ];
    for (text, expected) in cases {
        assert_eq!(render(text), expected, "{text}");
    }
}

#[test]
fn functions_and_tests() {
    assert_eq!(render("{% for i in range('3' | int) %}{{ i }}{% endfor %}"), "012");
    assert_eq!(render("{% for i in range(end=3, start=1) %}{{ i }}{% endfor %}"), "12");
    assert_eq!(render("{{ range(1, 9, 4) }}"), "[1,5]");
    assert_eq!(render("{{ uuid() | length }}{{ uuid() == uuid() }}"), "36false");
    assert_eq!(render("{{ env('REGION') }} {{ env.REGION }} {{ env('X', 'd') }}"), "eu-1 eu-1 d");
    assert_eq!(render("{{ path is starting_with('a') and path is ending_with('c') }}"), "true");
    assert_eq!(render("{{ list is containing('x') }} {{ path is matching('^a') }}"), "true true");
    assert_eq!(render("{{ 'a' if flag else 'b' }}"), "b");
    assert!(render("{{ throw(message='stop') }}").contains("stop"));
    assert!(render("{{ range(9000000000) }}").contains("more than"));
    assert!(render("{{ now() }}").ends_with('Z'));
}

#[test]
fn values_interpolate_as_the_reference_prints_them() {
    assert_eq!(render("{{ object }}"), r#"{"b":"3600","a/c":"text","n":{"m":true}}"#);
    assert_eq!(
        render("{{ flag }}|{{ none }}|{{ number }}|{{ list ~ 1 }}"),
        r#"false||5|["x","y'z",3]1"#
    );
    assert_eq!(render("{% for k, v in object.n %}{{ k }}={{ v }}{% endfor %}"), "m=true");
    assert_eq!(render("{% for k, v in object.items() %}{{ k }};{% endfor %}"), "b;a/c;n;");
    assert_eq!(render("a\n"), "a\n");
    assert_eq!(structured(" [1]"), Some(json!([1])));
    assert_eq!(structured("{{ x }}"), None);
}

#[test]
fn names_without_a_value_are_listed_with_the_line() {
    let failure = templates().render("a\n{{ x }} {{ name }} {{ this.id }}", &context());
    let expected =
        Failure::Undefined { names: vec!["this.id".to_owned(), "x".to_owned()], line: 2 };
    assert_eq!(failure, Err(expected));
    assert!(render("{{ x | from_json }}").contains("Undefined"));
    assert!(render("{{ x | nothing }}").contains("unknown filter"));
    assert_eq!(render("{% if x %}a{% else %}b{% endif %}"), "b");
    assert_eq!(render("SELECT 1 -- force = {{ force }}\n"), "SELECT 1 -- force =    force   \n");
}

#[test]
fn one_expression_keeps_its_type() {
    let value = |text: &str| templates().value(text, &context()).expect("rendered");
    assert_eq!(value("{{ number }}"), json!(5));
    assert_eq!(value("{{ object.n }}"), json!({"m": true}));
    assert_eq!(value("{{ number }}0"), json!("50"));
    assert_eq!(value("plain"), json!("plain"));
    assert!(templates().value("{{ x }}", &context()).is_err());
}

#[test]
fn names_are_known_before_anything_is_rendered() {
    let names =
        templates().names("{{ a.b }} {% for x in c %}{{ x }}{{ d }}{% endfor %} {{ uuid() }}");
    assert_eq!(names.into_iter().collect::<Vec<_>>(), ["a.b", "c", "d"]);
    assert!(templates().mistake("{{ a").is_some());
}

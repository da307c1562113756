//! Replacement of variables, in the statements of a real reference page and with hostile values.

use super::*;

const GET: &str = "\
SELECT
name,
token_access_policy
FROM databricks_account.oauth2.published_app_integration
WHERE account_id = '{{ account_id }}' -- required
AND integration_id = '{{ integration_id }}' -- required
;";

const LIST: &str = "\
SELECT name
FROM databricks_account.oauth2.published_app_integration
WHERE account_id = '{{ account_id }}' -- required
AND page_size = '{{ page_size }}'
AND page_token = '{{ page_token }}'
;";

const INSERT: &str = "\
INSERT INTO databricks_account.oauth2.published_app_integration (
app_id,
token_access_policy,
account_id
)
SELECT 
'{{ app_id }}',
'{{ token_access_policy }}',
'{{ account_id }}'
RETURNING
integration_id
;";

const UPDATE: &str = "\
UPDATE databricks_account.oauth2.published_app_integration
SET 
token_access_policy = '{{ token_access_policy }}'
WHERE 
account_id = '{{ account_id }}' --required
AND integration_id = '{{ integration_id }}' --required;";

fn variables(pairs: &[&str]) -> Variables {
    let mut variables = Variables::default();
    for pair in pairs {
        variables.add_pair(pair).expect("a pair");
    }
    variables
}

fn filled(text: &str, pairs: &[&str]) -> String {
    fill(text, &variables(pairs), false).expect("filled").text
}

fn dropped(text: &str, pairs: &[&str]) -> String {
    fill(text, &variables(pairs), true).expect("filled").text
}

fn refused(text: &str, pairs: &[&str]) -> Box<Report> {
    fill(text, &variables(pairs), false).expect_err("refused")
}

#[test]
fn the_get_of_the_page_is_filled() {
    assert_eq!(
        filled(GET, &["account_id=a1", "integration_id=i1"]),
        GET.replace("{{ account_id }}", "a1").replace("{{ integration_id }}", "i1")
    );
}

#[test]
fn the_list_of_the_page_drops_what_is_not_set() {
    assert_eq!(
        dropped(LIST, &["account_id=a1"]),
        "SELECT name\nFROM databricks_account.oauth2.published_app_integration\n\
         WHERE account_id = 'a1' -- required\n;"
    );
    let second = dropped(LIST, &["account_id=a1", "page_token=t"]);
    assert!(
        second.contains("AND page_token = 't'\n;") && !second.contains("page_size"),
        "{second}"
    );
}

#[test]
fn the_insert_of_the_page_takes_json_text() {
    let policy = r#"token_access_policy={"note": "it's", "access_token_ttl_in_minutes": 60}"#;
    let text = filled(INSERT, &["account_id=a1", "app_id=power-bi", policy]);
    assert!(text.contains(r#"'{"note": "it''s", "access_token_ttl_in_minutes": 60}',"#), "{text}");
}

#[test]
fn the_update_of_the_page_ends_in_a_comment() {
    let text = filled(UPDATE, &["account_id=a1", "integration_id=i1", "token_access_policy={}"]);
    assert!(text.ends_with("AND integration_id = 'i1' --required;"), "{text}");
}

#[test]
fn conditions_marked_required_are_never_dropped() {
    let report = fill(UPDATE, &variables(&["account_id=a1", "token_access_policy={}"]), true)
        .expect_err("integration_id is required");
    assert_eq!(report.code, Code::UnsetVariable);
    assert_eq!(report.labels.len(), 1);
    assert_eq!(report.help.len(), 1, "{report:?}");
}

#[test]
fn every_unset_variable_is_listed_with_its_place() {
    let report = refused(LIST, &["account=a1"]);
    assert_eq!(report.code, Code::UnsetVariable);
    assert_eq!(
        report.message,
        "the variables `account_id`, `page_size`, `page_token` have no value"
    );
    let places: Vec<&str> = report.labels.iter().map(|label| label.span.slice(LIST)).collect();
    assert_eq!(places, ["{{ account_id }}", "{{ page_size }}", "{{ page_token }}"]);
    assert!(report.help[0].contains("--var account_id="), "{report:?}");
    assert!(report.help[1].contains("--drop-unset"), "{report:?}");
}

#[test]
fn a_misspelt_name_gets_a_suggestion() {
    let report = refused(GET, &["acount_id=a1", "integration_id=i1"]);
    assert_eq!(report.message, "the variable `account_id` has no value");
    assert_eq!(report.labels[0].text, "not set; did you mean `acount_id`?");
    assert_eq!(report.help.len(), 1, "nothing can be left out: {report:?}");
}

#[test]
fn quotes_in_values_stay_within_the_text() {
    assert_eq!(filled("SELECT '{{ x }}'", &["x=' OR '1'='1"]), "SELECT ''' OR ''1''=''1'");
    assert_eq!(filled("SELECT '{{ x }}'", &["x='a'"]), "SELECT '''a'''");
    assert_eq!(filled("SELECT E'{{ x }}'", &[r"x=\' --"]), r"SELECT E'\\'' --'");
    assert_eq!(filled("SELECT * FROM \"{{ t }}\"", &["t=a\" b"]), "SELECT * FROM \"a\"\" b\"");
}

#[test]
fn dollar_quotes_refuse_what_could_end_them() {
    assert_eq!(filled("SELECT $$a {{ x }}$$", &["x=it's"]), "SELECT $$a it's$$");
    let report = refused("SELECT $$a {{ x }}$$", &["x=$$; DROP"]);
    assert_eq!(report.code, Code::BadParamValue);
}

#[test]
fn values_outside_of_quotes_are_literals() {
    let text = "SELECT {{ x }}";
    assert_eq!(filled(text, &["x=10"]), "SELECT 10");
    assert_eq!(filled(text, &["x=-1.5e3"]), "SELECT -1.5e3");
    assert_eq!(filled(text, &["x=18446744073709551617"]), "SELECT 18446744073709551617");
    assert_eq!(filled(text, &["x=true"]), "SELECT true");
    assert_eq!(filled(text, &["x=null"]), "SELECT null");
    assert_eq!(filled(text, &["x=\"it's\""]), "SELECT 'it''s'");
}

#[test]
fn values_outside_of_quotes_are_never_code() {
    for value in ["1; DROP TABLE t", "name", "1 OR 1=1", "[1,2]", "{\"a\":1}", "", "'x'"] {
        let report = refused("SELECT {{ x }}", &[&format!("x={value}")]);
        assert_eq!(report.code, Code::BadParamValue, "{value}");
        assert!(report.help[0].contains("'{{ x }}'"), "{report:?}");
        assert_eq!(report.labels[0].span, Span::new(7, 14));
    }
}

#[test]
fn literals_do_not_merge_with_their_neighbours() {
    assert_eq!(filled("SELECT 5 -{{ x }}", &["x=-1"]), "SELECT 5 - -1");
    assert_eq!(filled("SELECT 'a'{{ x }}'b'", &["x=\"m\""]), "SELECT 'a' 'm' 'b'");
}

#[test]
fn values_are_not_filled_again() {
    assert_eq!(filled("SELECT '{{ x }}'", &["x={{ y }}"]), "SELECT '{{ y }}'");
}

#[test]
fn variables_in_comments_need_no_value() {
    let text = "SELECT 1 -- {{ a }}\n/* {{ b }} */";
    assert_eq!(filled(text, &[]), text);
}

#[test]
fn texts_without_variables_are_unchanged() {
    for text in ["", "SELECT 1", "SELECT '{\"a\":{\"b\":{}}}'", "SELECT 'ä' -- ü\n"] {
        let template = fill(text, &Variables::default(), true).expect("filled");
        assert_eq!(template.text, text);
        let all = Span::new(0, text.len());
        assert_eq!(template.original(all), all);
    }
}

#[test]
fn several_variables_fill_one_text() {
    assert_eq!(filled("'{{a}}-{{ b }}-{{a}}'", &["a=1", "b=ü"]), "'1-ü-1'");
}

#[test]
fn the_last_pair_wins_and_values_keep_their_equals_signs() {
    assert_eq!(filled("'{{a}}'", &["a=1", "a=x=y"]), "'x=y'");
    assert_eq!(filled("'{{a}}'", &["a="]), "''");
}

#[test]
fn pairs_need_a_name() {
    for pair in ["name", "=1", "a b=1", ""] {
        let report = Variables::default().add_pair(pair).expect_err(pair);
        assert_eq!(report.code, Code::Usage);
    }
}

#[test]
fn json_files_keep_types_and_digits() {
    let mut variables = Variables::default();
    variables
        .add_file(
            "v.json",
            r#"{"n": 12345678901234567890123, "t": "it's \ud83d\ude00", "b": false, "o": {"z": [1, "'"], "a": 1}, "e": null}"#,
        )
        .expect("valid");
    let text = "{{ n }} {{ t }} {{ b }} {{ e }} '{{ o }}' '{{ n }}'";
    assert_eq!(
        fill(text, &variables, false).expect("filled").text,
        "12345678901234567890123 'it''s 😀' false NULL '{\"z\":[1,\"''\"],\"a\":1}' '12345678901234567890123'"
    );
}

#[test]
fn yaml_files_keep_types() {
    let mut variables = Variables::default();
    variables
        .add_file("v.yaml", "n: 60\nt: 2024-01-02\nq: '007'\no:\n  ttl: 60\nb: true\n")
        .expect("valid");
    let text = "{{ n }} {{ t }} {{ q }} '{{ o }}' {{ b }}";
    assert_eq!(
        fill(text, &variables, false).expect("filled").text,
        "60 '2024-01-02' '007' '{\"ttl\":60}' true"
    );
}

#[test]
fn structures_have_no_place_outside_of_quotes() {
    let mut variables = Variables::default();
    variables.add_file("v.yml", "l: [1, 2]").expect("valid");
    let report = fill("WHERE id IN ({{ l }})", &variables, false).expect_err("a list");
    assert_eq!(report.code, Code::BadParamValue);
}

#[test]
fn null_within_quotes_counts_as_unset() {
    let mut variables = variables(&["account_id=a1", "page_size=2"]);
    variables.add_file("v.yaml", "page_token:\n").expect("valid");
    let report = fill(LIST, &variables, false).expect_err("null");
    assert_eq!(report.labels[0].text, "null, which is no text");
    let text = fill(LIST, &variables, true).expect("dropped").text;
    assert!(!text.contains("page_token"), "{text}");
}

#[test]
fn bad_files_name_file_and_line() {
    for (name, text, line) in [
        ("v.json", "{\"a\": 1,\n oops}", 2),
        ("v.json", "[1]", 1),
        ("v.yaml", "a: 1\nb: [1, 2\n", 2),
        ("v.yaml", "- 1\n- 2\n", 1),
        ("v.yaml", "two words: 1", 0),
    ] {
        let report = Variables::default().add_file(name, text).expect_err(text);
        assert_eq!(report.code, Code::Usage, "{text}");
        let place = report.place.expect("a place");
        assert_eq!((place.file.as_str(), place.line), (name, line), "{text}");
    }
}

#[test]
fn pairs_win_over_files_when_added_later() {
    let mut variables = Variables::default();
    variables.add_file("v.yaml", "a: 1\nb: 2\n").expect("valid");
    variables.add_pair("a=3").expect("a pair");
    assert_eq!(fill("{{ a }} {{ b }}", &variables, false).expect("filled").text, "3 2");
}

#[test]
fn a_dropped_line_keeps_its_semicolon() {
    assert_eq!(
        dropped("SELECT 1\nAND a = '{{ a }}'; -- x\nSELECT 2", &[]),
        "SELECT 1\n;\nSELECT 2"
    );
    assert_eq!(dropped("SELECT 1\nAND a = '{{ a }}';", &[]), "SELECT 1\n;");
}

#[test]
fn lines_with_a_set_variable_stay() {
    let report = fill("x\nAND a IN ('{{ a }}', '{{ b }}')\n", &variables(&["a=1"]), true)
        .expect_err("b is not set");
    assert_eq!(report.message, "the variable `b` has no value");
    assert_eq!(dropped("x\nAND a IN ('{{ a }}', '{{ b }}')\ny", &[]), "x\ny");
}

#[test]
fn lines_within_a_text_are_never_dropped() {
    let text = "SELECT '\nAND a = {{ a }}\n'";
    assert!(fill(text, &Variables::default(), true).is_err());
}

#[test]
fn spans_lead_back_to_the_text_of_the_user() {
    let text = "SELECT x\nAND p = '{{ p }}'\nWHERE a = '{{ account }}' AND bad = {{ n }}";
    let template = fill(text, &variables(&["account=ä1", "n=12345"]), true).expect("filled");
    let check = |part: &str, expected: &str| {
        let start = template.text.find(part).expect("in the filled text");
        let span = template.original(Span::new(start, start + part.len()));
        assert_eq!(span.slice(text), expected, "{part}");
    };
    check("SELECT", "SELECT");
    check("WHERE", "WHERE");
    check("bad", "bad");
    check("ä1", "{{ account }}");
    check("'ä1'", "'{{ account }}'");
    check("1234", "{{ n }}");
    check("= 12345", "= {{ n }}");
    let end = Span::new(template.text.len(), template.text.len());
    assert_eq!(template.original(end), Span::new(text.len(), text.len()));
    let report = Report::new(Code::Syntax, "x").with_label(end, "here");
    assert_eq!(template.relabelled(report).labels[0].span.start, text.len());
}

#[test]
fn debug_output_has_names_and_no_values() {
    let shown = format!("{:?}", variables(&["token=hunter22"]));
    assert!(shown.contains("token") && !shown.contains("hunter22"), "{shown}");
}

use arrow_array::Array;
use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type};

use super::*;

fn plan(rows: RowShape, columns: &[(&str, ColumnType)]) -> DecodePlan {
    DecodePlan {
        method: "m".into(),
        rows,
        columns: columns
            .iter()
            .map(|(name, kind)| ColumnPlan {
                name: (*name).into(),
                wire: Some((*name).into()),
                kind: *kind,
                echo: None,
            })
            .collect(),
        known_fields: vec!["a".into(), "b".into(), "c".into(), "unasked".into()],
        known_envelope: vec!["apps".into(), "next".into(), "a".into()],
        captures: vec![vec!["next".into()]],
        mismatch: Mismatch::Error,
        media_type: None,
        rewrite: RewritePlan::default(),
    }
}

fn list(columns: &[(&str, ColumnType)]) -> DecodePlan {
    plan(RowShape::List { path: vec!["apps".into()] }, columns)
}

const A_TEXT: &[(&str, ColumnType)] = &[("a", ColumnType::Text)];

fn decode(plan: DecodePlan, body: &str) -> Result<Decoded, Box<Report>> {
    Decoder::new(plan).decode(Body { bytes: body.as_bytes(), content_type: None })
}

fn texts(decoded: &Decoded, column: usize) -> Vec<Option<String>> {
    let array = decoded.batch.column(column).as_string::<i32>();
    array.iter().map(|cell| cell.map(str::to_owned)).collect()
}

fn code(result: Result<Decoded, Box<Report>>) -> Code {
    result.expect_err("no answer").code
}

#[test]
fn rows_and_page_address_come_from_one_pass_in_any_order() {
    for body in [
        r#"{"apps":[{"a":"x"},{"a":null},{}],"next":"t"}"#,
        r#"{ "next" : "t", "apps" : [ {"a":"x"}, {"a":null}, {"unasked":{"deep":[1]}} ] }"#,
    ] {
        let decoded = decode(list(A_TEXT), body).expect("fine");
        assert_eq!(texts(&decoded, 0), [Some("x".into()), None, None]);
        assert_eq!(decoded.captured, [Some("t".into())]);
    }
}

#[test]
fn values_are_coerced_only_without_loss() {
    let columns =
        &[("a", ColumnType::Integer), ("b", ColumnType::Number), ("c", ColumnType::Boolean)];
    let body = r#"{"apps":[
        {"a":"5","b":"1.5","c":"true"},
        {"a":12.0,"b":3,"c":0},
        {"a":9223372036854775807,"b":1e3,"c":false},
        {"a":9007199254740993,"b":9007199254740992,"c":null}]}"#;
    let decoded = decode(list(columns), body).expect("fine");
    let integers = decoded.batch.column(0).as_primitive::<Int64Type>();
    assert_eq!(integers.values(), &[5, 12, i64::MAX, 9_007_199_254_740_993]);
    let numbers = decoded.batch.column(1).as_primitive::<Float64Type>();
    assert_eq!(numbers.values(), &[1.5, 3.0, 1000.0, 9_007_199_254_740_992.0]);
    let flags = decoded.batch.column(2).as_boolean();
    assert_eq!(flags.iter().collect::<Vec<_>>(), [Some(true), Some(false), Some(false), None]);
}

#[test]
fn misfits_are_errors_or_counted_nulls() {
    for (kind, value) in [
        (ColumnType::Integer, "2.5"),
        (ColumnType::Integer, "9223372036854775808"),
        (ColumnType::Integer, "\"five\""),
        (ColumnType::Integer, "true"),
        (ColumnType::Integer, "[1]"),
        (ColumnType::Number, "9007199254740993"),
        (ColumnType::Number, "\"NaN\""),
        (ColumnType::Boolean, "\"yes\""),
        (ColumnType::Boolean, "2"),
        (ColumnType::Boolean, "{}"),
    ] {
        let body = format!(r#"{{"apps":[{{"a":{value}}}]}}"#);
        assert_eq!(code(decode(list(&[("a", kind)]), &body)), Code::BadRemoteValue, "{value}");
        let mut lenient = list(&[("a", kind)]);
        lenient.mismatch = Mismatch::Null;
        let decoded = decode(lenient, &body).expect("counted");
        assert_eq!((decoded.mismatches, decoded.batch.column(0).null_count()), (1, 1), "{value}");
    }
}

#[test]
fn text_keeps_every_scalar_and_structures_as_compact_json() {
    let body =
        r#"{"apps":[{"a":1.50},{"a":true},{"a":{"x y" : [1, "q\" z"] , "k":{} }},{"a":"ä\n"}]}"#;
    let decoded = decode(list(A_TEXT), body).expect("fine");
    let expected = ["1.50", "true", r#"{"x y":[1,"q\" z"],"k":{}}"#, "ä\n"];
    assert_eq!(texts(&decoded, 0), expected.map(|text| Some(text.to_owned())));
    let decoded = decode(list(&[("a", ColumnType::Json)]), r#"{"apps":[{"a":"s"},{"a":[ 1 ]}]}"#);
    assert_eq!(texts(&decoded.expect("fine"), 0), [Some("\"s\"".into()), Some("[1]".into())]);
}

#[test]
fn what_is_no_answer_is_an_error_and_never_an_empty_table() {
    for body in [
        "null",
        "",
        "[]",
        "5",
        "\"apps\"",
        "<html></html>",
        r#"{"apps":[{"a":"x"}"#,
        r#"{"apps":[{"a":"x"}],"next":"t"}}"#,
        r#"{"error_code":"X","message":"m"}"#,
        r#"{"error":{"code":1}}"#,
        r#"{"something":1}"#,
        r#"{"apps":{"a":"x"}}"#,
        r#"{"apps":"x"}"#,
        r#"{"apps":[5]}"#,
        r#"{"apps":[null]}"#,
        r#"{"apps":[],"apps":[]}"#,
        r#"{"apps":[],"error":"half done"}"#,
    ] {
        assert_eq!(code(decode(list(A_TEXT), body)), Code::UnexpectedBody, "{body}");
    }
}

/// The signs in an answer: where they stand, and `!` for those of missing rows.
fn signs(plan: DecodePlan, body: &str) -> Vec<String> {
    let decoded = decode(plan, body).expect(body);
    let shown = |sign: &Sign| match sign.kind {
        SignKind::Missing(_) => format!("{}!", sign.key),
        _ => sign.key.clone(),
    };
    decoded.signs.iter().map(shown).collect()
}

#[test]
fn what_speaks_of_more_rows_is_seen_beside_them() {
    for (body, expected) in [
        (r#"{"apps":[{"a":"x"}],"has_more":true}"#, &["has_more"][..]),
        (r#"{"has_more":false,"apps":[{"a":"x"}],"meta":{"more":true}}"#, &["meta.more"]),
        (r#"{"apps":[],"meta":{"pagination":{"total":5}}}"#, &["meta.pagination.total"]),
        (r#"{"apps":[],"links":[{"rel":"next","href":"/2"}]}"#, &["links"]),
        (r#"{"apps":[],"_links":{"next":{"href":"/2"}}}"#, &["_links.next"]),
        (r#"{"apps":[],"unreachable":["eu"]}"#, &["unreachable!"]),
        (r#"{"apps":[],"unreachable":[],"next_page_token":""}"#, &[]),
        (r#"{"apps":[],"next":"t","other":{"more":true}}"#, &[]),
        (r#"{"apps":[{"a":"x","has_more":true,"total":9}]}"#, &[]),
        // what leads on must be readable, and say one thing
        (r#"{"apps":[],"next":{"x":1}}"#, &["next!"]),
        (r#"{"apps":[],"next":[ ]}"#, &[]),
        (r#"{"next":"t","apps":[],"next":""}"#, &["next!"]),
        (r#"{"next":"","apps":[],"next":"t"}"#, &["next!"]),
        (r#"{"next":"t","apps":[],"next":"t"}"#, &[]),
        (r#"{"next":null,"apps":[],"next":""}"#, &[]),
    ] {
        assert_eq!(signs(list(A_TEXT), body), expected, "{body}");
    }
}

#[test]
fn addresses_below_arrays_are_read_and_wrong_ways_are_seen() {
    let nested = || DecodePlan {
        captures: vec![vec!["links".into(), "0".into(), "next".into()]],
        ..list(A_TEXT)
    };
    let body = r#"{"links":[{"next":"t"},{"next":"u"}],"apps":[]}"#;
    assert_eq!(decode(nested(), body).expect("fine").captured, [Some("t".into())]);
    assert_eq!(signs(nested(), r#"{"links":null,"apps":[]}"#), Vec::<String>::new());
    assert_eq!(signs(nested(), r#"{"links":"x","apps":[]}"#), ["links!"]);
}

#[test]
fn an_error_in_the_place_of_a_row_is_seen() {
    for (row, expected) in [
        (r#"{"error_code":"INTERNAL","message":"m"}"#, &["error_code!"][..]),
        (r#"{"error":{"code":1},"extra":2}"#, &["error!"]),
        (r#"{"message":"gone","status":500}"#, &["status!"]),
        (r#"{"error":null}"#, &[]),
        (r#"{"a":"x","error":"e"}"#, &[]),
        (r#"{"extra":1}"#, &[]),
        ("{}", &[]),
    ] {
        let body = format!(r#"{{"apps":[{{"a":"x"}},{row}]}}"#);
        assert_eq!(signs(list(A_TEXT), &body), expected, "{row}");
    }
    let with_id = || DecodePlan { known_fields: vec!["id".into(), "a".into()], ..list(A_TEXT) };
    assert_eq!(signs(with_id(), r#"{"apps":[{"id":"1","error":"gone"}]}"#), ["error!"]);
    let scalars = || plan(RowShape::Scalars { path: vec!["apps".into()] }, A_TEXT);
    assert_eq!(signs(scalars(), r#"{"apps":["x",{"error":"e","code":1}]}"#), ["error!"]);
    assert_eq!(signs(scalars(), r#"{"apps":["x",{"error":"e","own":1}]}"#), Vec::<String>::new());
}

#[test]
fn documented_emptiness_is_an_empty_list() {
    for body in
        ["{}", r#"{"next":""}"#, r#"{"apps":null}"#, r#"{"apps":[]}"#, r#"{"apps":[],"extra":1}"#]
    {
        let decoded = decode(list(A_TEXT), body).expect(body);
        assert_eq!(decoded.batch.num_rows(), 0, "{body}");
    }
}

#[test]
fn a_lookup_is_one_row_unless_it_is_somebody_elses_object() {
    let single = || plan(RowShape::Object { path: vec![] }, A_TEXT);
    let decoded = decode(single(), r#"{"a":"x","later":1}"#).expect("fine");
    assert_eq!((texts(&decoded, 0), decoded.dropped), (vec![Some("x".into())], 1));
    assert_eq!(decode(single(), "{}").expect("none").batch.num_rows(), 0);
    for body in [r#"{"error_code":"X"}"#, r#"{"x":1}"#, r#"{"a":"x","error":"e"}"#, "[]", "null"] {
        assert_eq!(code(decode(single(), body)), Code::UnexpectedBody, "{body}");
    }
}

#[test]
fn a_key_that_a_row_repeats_has_one_value() {
    let columns = &[("a", ColumnType::Text), ("b", ColumnType::Integer)];
    let body = r#"{"apps":[{"a":"2","b":1,"a":"2"},{"b":5},{"b":3,"b":3,"c":1,"c":2}]}"#;
    let decoded = decode(list(columns), body).expect("fine");
    assert_eq!(texts(&decoded, 0), [Some("2".into()), None, None]);
    assert_eq!(decoded.batch.column(1).as_primitive::<Int64Type>().values(), &[1, 5, 3]);
    for row in [r#"{"a":"1","b":1,"a":"2"}"#, r#"{"b":1,"b":1,"b":2}"#, r#"{"a":"x","a":null}"#] {
        let body = format!(r#"{{"apps":[{{"a":"0"}},{row}]}}"#);
        let report = decode(list(columns), &body).expect_err("two values");
        assert_eq!(report.code, Code::UnexpectedBody);
        assert!(report.message.contains("twice in row 2, with different values"), "{report:?}");
    }
}

#[test]
fn parts_of_a_search_that_failed_have_rows_that_are_missing() {
    let signs = |shards: &str| {
        let body = format!(r#"{{"_shards":{shards},"apps":[{{"a":"0"}}]}}"#);
        decode(list(A_TEXT), &body).expect("fine").signs.len()
    };
    assert_eq!(signs(r#"{"total":5,"successful":4,"failed":1}"#), 1);
    assert_eq!(signs(r#"{"total":5,"successful":5,"failed":0}"#), 0);
}

#[test]
fn parameters_are_echoed_where_the_row_is_silent() {
    let mut plan = list(A_TEXT);
    plan.columns[0].echo = Some(Value::Text("arg".into()));
    plan.columns.push(ColumnPlan {
        name: "p".into(),
        wire: None,
        kind: ColumnType::Integer,
        echo: Some(Value::Text("7".into())),
    });
    let decoded = decode(plan, r#"{"apps":[{"a":"own"},{},{"a":null}]}"#).expect("fine");
    assert_eq!(texts(&decoded, 0), [Some("own".into()), Some("arg".into()), None]);
    assert_eq!(decoded.batch.column(1).as_primitive::<Int64Type>().values(), &[7, 7, 7]);
}

#[test]
fn scalars_maps_and_no_columns_at_all() {
    let mut scalars =
        plan(RowShape::Scalars { path: vec!["apps".into()] }, &[("v", ColumnType::Text)]);
    scalars.known_fields.clear();
    let decoded = decode(scalars, r#"{"apps":["x",null,"y"]}"#).expect("fine");
    assert_eq!(texts(&decoded, 0), [Some("x".into()), None, Some("y".into())]);
    let map = plan(RowShape::MapValues { path: vec!["apps".into()] }, A_TEXT);
    let decoded = decode(map, r#"{"apps":{"k1":{"a":"x"},"k2":{"a":"y"}}}"#).expect("fine");
    assert_eq!(texts(&decoded, 0), [Some("x".into()), Some("y".into())]);
    let decoded = decode(list(&[]), r#"{"apps":[{"a":"x"},{"a":"y"}],"next":"t"}"#).expect("fine");
    assert_eq!((decoded.batch.num_rows(), decoded.batch.num_columns()), (2, 0));
}

#[test]
fn the_order_of_keys_does_not_matter() {
    let columns = &[("a", ColumnType::Text), ("b", ColumnType::Integer)];
    let body = r#"{"apps":[{"a":"1","x":0,"b":1},{"b":2,"a":"2"},{"x":0,"c":9,"b":3},{"c":9},
        {"b":5,"x":0,"a":"5"},{"y":0,"a":"6","x":0,"y2":0,"b":6}]}"#;
    let decoded = decode(list(columns), body).expect("fine");
    let expected = [Some("1"), Some("2"), None, None, Some("5"), Some("6")];
    assert_eq!(texts(&decoded, 0), expected.map(|text| text.map(str::to_owned)));
    let integers: Vec<Option<i64>> =
        decoded.batch.column(1).as_primitive::<Int64Type>().iter().collect();
    assert_eq!(integers, [Some(1), Some(2), Some(3), None, Some(5), Some(6)]);
    assert_eq!(decoded.dropped, 6, "undocumented keys are counted in every order");
}

#[test]
fn pages_hold_no_unused_capacity() {
    let decoder = Decoder::new(list(&[("a", ColumnType::Text), ("b", ColumnType::Integer)]));
    let row = format!(r#"{{"a":"{}","b":1}}"#, "x".repeat(100));
    for rows in [3, 700, 700, 1] {
        let body = format!(r#"{{"apps":[{}]}}"#, vec![row.as_str(); rows].join(","));
        let decoded =
            decoder.decode(Body { bytes: body.as_bytes(), content_type: None }).expect("fine");
        let used = rows * (100 + 4 + 8);
        let held = decoded.batch.get_array_memory_size();
        assert!(held < used * 3 / 2 + 1024, "{rows} rows: {held} bytes for {used}");
    }
}

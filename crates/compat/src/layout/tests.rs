//! Layouts, byte for byte.

use super::*;

fn style(name: &str) -> Style {
    Style { layout: name.parse().expect("a format"), hides_headers: false, delimiter: ',' }
}

fn bare(name: &str) -> Style {
    Style { hides_headers: true, ..style(name) }
}

fn sample() -> Table {
    let mut table = Table::of(&["name", "id"], [vec!["a \"b\", c", "1"], vec!["<x>", "-2.5"]]);
    table.rows.push(vec![None, Some(String::new())]);
    table
}

fn none() -> Table {
    Table::of(&["vpnGatewayId", "amazonSideAsn"], [])
}

#[test]
fn tables_have_a_rule_after_every_row() {
    assert_eq!(
        style("table").print(&Table::of(&["attempt", "ok"], [vec!["3", "true"]])),
        "|---------|------|\n| attempt |  ok  |\n|---------|------|\n|       3 | true |\n|---------|------|\n"
    );
    assert_eq!(
        style("table").print(&none()),
        "|--------------|---------------|\n| vpnGatewayId | amazonSideAsn |\n|--------------|---------------|\n"
    );
    assert_eq!(
        bare("table").print(&sample()),
        "|----------|------|\n|   name   |  id  |\n|----------|------|\n| a \"b\", c |    1 |\n|----------|------|\n| <x>      | -2.5 |\n|----------|------|\n| null     |      |\n|----------|------|\n"
    );
}

#[test]
fn long_cells_continue_on_the_next_line() {
    let required = "catalogName, devCenterName, resourceGroupName, subscriptionId, taskName";
    let table =
        Table::of(&["MethodName", "RequiredParams", "SQLVerb"], [vec!["get", required, "SELECT"]]);
    assert_eq!(
        style("table").print(&table),
        "|------------|-----------------------------|---------|\n\
         | MethodName |       RequiredParams        | SQLVerb |\n\
         |------------|-----------------------------|---------|\n\
         | get        | catalogName, devCenterName, | SELECT  |\n\
         |            | resourceGroupName,          |         |\n\
         |            | subscriptionId, taskName    |         |\n\
         |------------|-----------------------------|---------|\n"
    );
}

#[test]
fn csv_quotes_what_needs_it() {
    assert_eq!(style("csv").print(&sample()), "name,id\n\"a \"\"b\"\", c\",1\n<x>,-2.5\nnull,\n");
    assert_eq!(bare("csv").print(&none()), "");
    assert_eq!(style("csv").print(&none()), "vpnGatewayId,amazonSideAsn\n");
    let semicolons = Style { delimiter: ';', ..style("csv") };
    assert_eq!(
        semicolons.print(&Table::of(&["a", "b"], [vec!["x,y", "p;q"]])),
        "a;b\nx,y;\"p;q\"\n"
    );
    let odd = Table::of(&["a"], [vec![" x"], vec!["a\nb"], vec!["\\."], vec![""]]);
    assert_eq!(bare("csv").print(&odd), "\" x\"\n\"a\nb\"\n\"\\.\"\n\n");
}

#[test]
fn text_is_joined_by_commas() {
    assert_eq!(style("text").print(&sample()), "name,id\na \"b\", c,1\n<x>,-2.5\nnull,\n");
    let nested = Table::of(&["a", "b"], [vec!["{\"x\":[1]}", "plain"]]);
    assert_eq!(bare("text").print(&nested), "{\"x\":[1]},plain\n");
    assert_eq!(bare("pptext").print(&nested), "{\n  \"x\": [\n    1\n  ]\n},plain\n");
}

#[test]
fn json_has_texts_only_and_sorted_keys() {
    assert_eq!(
        style("json").print(&sample()),
        "[{\"id\":\"1\",\"name\":\"a \\\"b\\\", c\"},{\"id\":\"-2.5\",\"name\":\"\\u003cx\\u003e\"},{\"id\":\"\",\"name\":\"null\"}]"
    );
    assert_eq!(style("json").print(&none()), "null");
    assert_eq!(style("jsonl").print(&none()), "");
    let twice = Table::of(&["a", "a"], [vec!["1", "2"]]);
    assert_eq!(style("ndjson").print(&twice), "{\"a\":\"2\"}\n");
}

#[test]
fn an_unknown_format_is_named() {
    assert_eq!(
        "xml".parse::<Layout>().expect_err("refused"),
        "unable to create output writer for output format = 'xml'"
    );
}

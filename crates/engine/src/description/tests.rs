use datafusion::arrow::datatypes::TimeUnit;
use strataql_diag::Code;

use super::*;
use crate::session::Session;
use crate::testing;

fn session() -> Session {
    testing::offline(None)
}

async fn described(text: &str) -> Description {
    session().describe(text).await.unwrap_or_else(|report| panic!("{text}: {report}"))
}

fn parameters(description: &Description) -> Vec<(&str, Option<&DataType>)> {
    let all = description.parameters.iter();
    all.map(|parameter| (parameter.name.as_str(), parameter.data_type.as_ref())).collect()
}

const APPS: &str = "databricks_account.oauth2.custom_app_integration";

#[tokio::test]
async fn a_query_has_columns_and_typed_parameters() {
    let found = described(&format!(
        "SELECT name AS n, scopes, count(*) OVER () AS \"all of it\" FROM {APPS} \
         WHERE account_id = $1 AND confidential = $2 LIMIT $3"
    ))
    .await;
    assert_eq!(found.keyword, "SELECT");
    assert_eq!(found.labels, ["n", "scopes", "all of it"]);
    let kinds: Vec<_> = found.schema.fields().iter().map(|field| field.data_type()).collect();
    assert_eq!(kinds, [&DataType::Utf8, &DataType::Utf8, &DataType::Int64]);
    assert_eq!(
        parameters(&found),
        [
            ("1", Some(&DataType::Utf8)),
            ("2", Some(&DataType::Boolean)),
            ("3", Some(&DataType::Int64)),
        ]
    );
}

#[tokio::test]
async fn required_parameters_need_no_value() {
    // as a statement it would lack `account_id`
    let found = described(&format!("SELECT * FROM {APPS}")).await;
    assert!(found.labels.contains(&"client_id".to_owned()), "{found:?}");
    let found = described("SELECT :b AS x, ? AS y, ? AS z, $10 AS w, now() AS t").await;
    let names: Vec<_> = found.parameters.iter().map(|one| one.name.as_str()).collect();
    assert_eq!(names, ["1", "2", "10", "b"]);
    let utc = DataType::Timestamp(TimeUnit::Nanosecond, Some("+00:00".into()));
    assert_eq!(found.schema.field(4).data_type(), &utc);
    let found = described("SELECT $1::bigint + 1 AS x, CAST($2 AS DATE) AS y, $3 AS z").await;
    assert_eq!(
        parameters(&found),
        [("1", Some(&DataType::Int64)), ("2", Some(&DataType::Date32)), ("3", None)]
    );
}

#[tokio::test]
async fn other_statements_have_the_columns_of_their_rows() {
    let insert = format!("INSERT INTO {APPS} (account_id, name) VALUES ($1, :name)");
    let found = described(&insert).await;
    assert!(found.schema.fields().is_empty());
    assert_eq!(parameters(&found), [("1", None), ("name", None)]);
    let found = described(&format!("{insert} RETURNING client_id AS id")).await;
    assert_eq!(found.labels, ["id"]);
    assert_eq!(found.schema.field(0).data_type(), &DataType::Utf8);
    let found = described("SHOW PROVIDERS").await;
    assert_eq!(found.labels, ["name", "version", "source", "generated_from"]);
    let found = described(&format!("EXPLAIN SELECT * FROM {APPS}")).await;
    assert_eq!(found.labels[..3], ["step", "method", "http"]);
    let found = described("EXPLAIN VERBOSE SELECT 1").await;
    assert_eq!(found.labels, ["plan"]);
    assert!(described("SET timeout = '1s'").await.labels.is_empty());
}

#[tokio::test]
async fn what_is_wrong_is_reported_and_nothing_changes() {
    let session = session();
    let report = session.describe("SELECT nothing").await.expect_err("no column");
    assert_eq!(report.code, Code::UnknownColumn);
    assert_eq!(session.describe("SELECT 1; SELECT 2").await.expect_err("two").code, Code::Syntax);
    assert_eq!(session.describe("").await.expect_err("none").code, Code::Syntax);
    session.describe("SET timeout = '1s'").await.expect("described");
    assert_eq!(session.settings().timeout, None);
    session.describe("CREATE TABLE t AS SELECT 1 AS a").await.expect("described");
    assert_eq!(testing::rows(&session, "SHOW TABLES").await.len(), 0);
}

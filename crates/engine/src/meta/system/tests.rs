//! System tables over documents of which some cannot be read: what is excluded is not opened.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use strataql_diag::Code;
use strataql_registry::{Origin, Registry, Settings, Source};

use crate::Session;
use crate::testing::{Service, failure, over, rows, run};

const PROVIDER: &str = "\
id: good
name: good
version: v1
providerServices:
  shop:
    id: shop:v1
    name: shop
    preferred: true
    service:
      $ref: good/v1/services/shop.yaml
    title: Shop
    version: v1
    description: All that is sold.
  torn:
    id: torn:v1
    name: torn
    preferred: true
    service:
      $ref: good/v1/services/torn.yaml
    title: Torn
    version: v1
    description: ''
  absent:
    id: absent:v1
    name: absent
    preferred: true
    service:
      $ref: good/v1/services/absent.yaml
    title: Absent
    version: v1
    description: ''
openapi: 3.0.0
";

const SHOP: &str = "\
openapi: 3.0.0
info: {title: Shop, version: v1, description: All that is sold.}
servers: [{url: 'https://shop.example'}]
paths:
  /items:
    get:
      operationId: list
      parameters:
        - {name: kind, in: query, schema: {type: string}, description: Only these.}
      responses:
        '200':
          description: ok
          content:
            application/json:
              schema: {$ref: '#/components/schemas/Items'}
    post:
      operationId: create
      requestBody:
        content:
          application/json:
            schema: {$ref: '#/components/schemas/Item'}
      responses:
        '200': {description: ok}
components:
  schemas:
    Items: {type: array, items: {$ref: '#/components/schemas/Item'}}
    Item:
      type: object
      required: [name]
      properties:
        name: {type: string, description: What it is called.}
        stock: {type: integer}
  x-stackQL-resources:
    items:
      id: good.shop.items
      name: items
      title: Items
      methods:
        list:
          operation: {$ref: '#/paths/~1items/get'}
          response: {mediaType: application/json, openAPIDocKey: '200'}
        create:
          operation: {$ref: '#/paths/~1items/post'}
          response: {mediaType: application/json, openAPIDocKey: '200'}
      sqlVerbs:
        select: [{$ref: '#/components/x-stackQL-resources/items/methods/list'}]
        insert: [{$ref: '#/components/x-stackQL-resources/items/methods/create'}]
";

/// A folder that goes with the test.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let path =
            std::env::temp_dir().join(format!("strataql-system-{}-{number}", std::process::id()));
        Self(path)
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.0.join(path);
        std::fs::create_dir_all(path.parent().unwrap_or(Path::new("/"))).expect("made");
        std::fs::write(path, text).expect("written");
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ignored = std::fs::remove_dir_all(&self.0);
    }
}

/// One whole provider with a document that is torn, and a provider whose entry document is.
fn session() -> (Session, Folder) {
    let folder = Folder::new();
    folder.write("src/good/v1/provider.yaml", PROVIDER);
    folder.write("src/good/v1/services/shop.yaml", SHOP);
    folder.write("src/good/v1/services/torn.yaml", "openapi: [3.0.0\npaths: }");
    folder.write("src/bad/v1/provider.yaml", "id: [bad\nname: }");
    let sources = vec![Source::folder(Origin::Registry, folder.0.clone())];
    let registry = Registry::new(Settings { sources, cache_dir: None }).expect("a registry");
    let service = Service::new(|_| (500, String::new()));
    (over(Arc::new(registry), &service), folder)
}

#[tokio::test]
async fn a_condition_on_the_place_decides_what_is_opened() {
    let (session, _folder) = session();
    for condition in [
        "provider = 'good' AND service = 'shop'",
        "service IN ('shop') AND provider IN ('good', 'other')",
        "provider LIKE 'g%' AND NOT (service = 'torn')",
        "provider = 'good' AND (service = 'shop' OR service = 'ship')",
        "upper(provider) = 'GOOD' AND provider || '.' || service = 'good.shop'",
    ] {
        let text = format!("SELECT count(*) FROM sys.methods WHERE {condition}");
        assert_eq!(rows(&session, &text).await, ["2"], "{condition}");
    }
    let report = failure(&session, "SELECT * FROM sys.methods WHERE provider = 'good'").await;
    assert_eq!(report.code, Code::BadDocument, "{report}");
    assert!(report.help.iter().any(|help| help.contains("service = 'torn'")), "{report:?}");
    let report = failure(&session, "SELECT * FROM sys.services").await;
    assert_eq!(report.code, Code::BadDocument, "{report}");
    // the list of providers, and an impossible place, need no document
    assert_eq!(rows(&session, "SELECT provider FROM sys.providers").await, ["bad", "good"]);
    assert!(rows(&session, "SELECT * FROM sys.columns WHERE provider = 'no'").await.is_empty());
}

#[tokio::test]
async fn a_service_whose_document_is_not_there_is_left_out_and_the_user_is_told() {
    let (session, _folder) = session();
    let text = "SELECT count(*) FROM sys.methods WHERE provider = 'good' AND service <> 'torn'";
    let (lines, outcome) = run(&session, text).await.expect("runs");
    assert_eq!(lines, ["2"]);
    assert_eq!(
        outcome.notes(),
        ["1 service without a document in this registry left out: 1 of `good`"]
    );
}

#[tokio::test]
async fn a_limit_reads_no_further_than_it_must() {
    let (session, _folder) = session();
    let text = "SELECT service FROM sys.services WHERE provider >= 'good' LIMIT 1";
    assert_eq!(rows(&session, text).await, ["shop"]);
}

#[tokio::test]
async fn rows_are_those_of_the_documents() {
    let (session, _folder) = session();
    let check = async |table: &str, expected: &[&str]| {
        let text =
            format!("SELECT * FROM sys.{table} WHERE provider = 'good' AND service = 'shop'");
        assert_eq!(rows(&session, &text).await, expected, "{table}");
    };
    check("services", &["good|shop|shop:v1|Shop|All that is sold.|v1|true"]).await;
    check("resources", &["good|shop|items|good.shop.items|SELECT, INSERT|2|false|Items|NULL"])
        .await;
    check(
        "methods",
        &[
            "good|shop|items|list|SELECT|GET|/items||true|NULL",
            "good|shop|items|create|INSERT|POST|/items|data__name|false|NULL",
        ],
    )
    .await;
    check(
        "columns",
        &[
            "good|shop|items|name|1|TEXT|list|What it is called.",
            "good|shop|items|stock|2|BIGINT|list|NULL",
        ],
    )
    .await;
    check(
        "parameters",
        &[
            "good|shop|items|list|kind|query|TEXT|false|Only these.",
            "good|shop|items|create|data__name|body|TEXT|true|What it is called.",
            "good|shop|items|create|data__stock|body|BIGINT|false|NULL",
        ],
    )
    .await;
}

#[tokio::test]
async fn information_schema_has_providers_as_catalogs() {
    let (session, _folder) = session();
    let place = "table_catalog = 'good' AND table_schema = 'shop'";
    let tables = format!("SELECT * FROM information_schema.tables WHERE {place}");
    assert_eq!(rows(&session, &tables).await, ["good|shop|items|BASE TABLE|YES"]);
    let columns = format!(
        "SELECT column_name, ordinal_position, is_nullable, data_type \
         FROM INFORMATION_SCHEMA.COLUMNS WHERE {place} AND table_name = 'items'"
    );
    assert_eq!(rows(&session, &columns).await, ["name|1|YES|TEXT", "stock|2|YES|BIGINT"]);
    let schemata = "SELECT catalog_name, schema_name, schema_owner \
                    FROM information_schema.schemata WHERE catalog_name = 'good'";
    assert_eq!(
        rows(&session, schemata).await,
        ["good|shop|NULL", "good|torn|NULL", "good|absent|NULL"]
    );
}

#[tokio::test]
async fn they_take_part_in_every_query() {
    let (session, _folder) = session();
    let text = "WITH m AS (SELECT * FROM sys.methods WHERE provider = 'good' AND service = 'shop') \
                SELECT m.verb, count(p.name) FROM m LEFT JOIN sys.parameters p \
                ON p.provider = m.provider AND p.service = m.service AND p.method = m.method \
                AND p.provider = 'good' AND p.service = 'shop' GROUP BY 1 ORDER BY 1";
    assert_eq!(rows(&session, text).await, ["INSERT|2", "SELECT|1"]);
    let settings = "SELECT value FROM sys.settings WHERE name = 'on_error'";
    assert_eq!(rows(&session, settings).await, ["error"]);
    let functions = "SELECT kind FROM sys.functions WHERE name = 'upper'";
    assert_eq!(rows(&session, functions).await, ["scalar"]);
}

#[tokio::test]
async fn a_table_that_is_not_there_is_explained() {
    let (session, _folder) = session();
    let report = failure(&session, "SELECT * FROM sys.method").await;
    assert_eq!(report.message, "`sys` has no table `method`");
    assert!(report.help[0].contains("`methods`"), "{report:?}");
}

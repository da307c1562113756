use super::*;
use crate::session::Session;
use crate::testing;

/// The choices at the `|` of a text.
fn at(session: &Session, text: &str) -> Completions {
    let position = text.find('|').expect("a position");
    session.complete(&text.replacen('|', "", 1), position)
}

fn texts(session: &Session, text: &str) -> Vec<String> {
    at(session, text).items.into_iter().map(|item| item.text).collect()
}

const APPS: &str = "databricks_account.oauth2.custom_app_integration";

#[tokio::test]
async fn names_are_completed_level_by_level() {
    let session = testing::offline(None);
    assert!(texts(&session, "|").contains(&"SELECT".to_owned()));
    assert_eq!(texts(&session, "SELECT * FROM databricks_a|"), ["databricks_account"]);
    assert!(texts(&session, "SELECT * FROM databricks_account.|").contains(&"oauth2".to_owned()));
    let found = at(&session, "SELECT * FROM databricks_account.oauth2.CUSTOM|_x");
    assert_eq!(found.items.len(), 1, "{found:?}");
    assert_eq!(found.items[0].text, "custom_app_integration");
    assert_eq!(found.items[0].kind, CompletionKind::Resource);
    assert_eq!(found.replaces, 40..48);
    let methods = at(&session, &format!("EXEC {APPS}.|"));
    let kinds: Vec<_> = methods.items.iter().map(|item| item.kind).collect();
    assert!(!kinds.is_empty() && kinds.iter().all(|kind| *kind == CompletionKind::Method));
    assert_eq!(texts(&session, "SHOW SERVICES IN databricks_account.|"), Vec::<String>::new());
    assert!(texts(&session, "SELECT * FROM sys.set|").contains(&"settings".to_owned()));
    testing::rows(&session, "CREATE TABLE datum AS SELECT 1 AS a").await;
    let names = ["datum", "databricks_account", "databricks_workspace"];
    assert_eq!(texts(&session, "SELECT * FROM dat|"), names);
    testing::rows(&session, "USE databricks_account.oauth2").await;
    assert_eq!(texts(&session, "SELECT * FROM custom|"), ["custom_app_integration"]);
}

#[test]
fn missing_parameters_come_first_in_conditions() {
    let session = testing::offline(None);
    let found = at(&session, &format!("SELECT * FROM {APPS} a WHERE |"));
    let first = &found.items[0];
    assert_eq!((first.text.as_str(), first.kind), ("account_id", CompletionKind::MissingParameter));
    assert!(first.detail.contains("required by"), "{first:?}");
    assert!(!first.description.is_empty(), "{first:?}");
    assert!(found.items.iter().any(|item| item.text == "client_id"));
    assert!(found.items.iter().any(|item| item.text == "AND"));
    let found = at(&session, &format!("SELECT * FROM {APPS} WHERE account_id = 'x' AND |"));
    let missing = found.items.iter().filter(|it| it.kind == CompletionKind::MissingParameter);
    assert_eq!(missing.count(), 0);
    let found =
        at(&session, &format!("EXEC {APPS}.custom_app_integration_create @account_id = 'x', @|"));
    assert!(found.items.iter().all(|item| item.text != "account_id"), "{found:?}");
    assert!(found.items.iter().any(|item| item.text == "name"), "{found:?}");
}

#[test]
fn columns_are_those_of_the_named_relations() {
    let session = testing::offline(None);
    let text = format!("SELECT a.cl| FROM {APPS} AS a, sys.settings s");
    assert_eq!(texts(&session, &text), ["client_id"]);
    assert_eq!(texts(&session, &text.replace("a.cl", "s.cl")), Vec::<String>::new());
    let found = at(&session, &format!("SELECT up| FROM {APPS}"));
    let kinds: Vec<_> = found.items.iter().map(|item| (item.text.as_str(), item.kind)).collect();
    assert!(kinds.contains(&("upper", CompletionKind::Function)), "{kinds:?}");
    let assigned = at(&session, &format!("INSERT INTO {APPS} (|"));
    assert_eq!(assigned.items[0].kind, CompletionKind::MissingParameter);
    assert!(assigned.items.iter().any(|item| item.text == "redirect_urls"), "{assigned:?}");
}

#[test]
fn settings_and_their_values_are_completed() {
    let session = testing::offline(None);
    let found = at(&session, "SET memory.l|");
    assert_eq!(found.replaces, 4..12);
    assert_eq!(found.items[0].text, "memory.limit");
    assert!(!found.items[0].description.is_empty());
    assert_eq!(texts(&session, "SET scan.order = |")[..2], ["'arrival'", "'values'"]);
    assert_eq!(texts(&session, "SELECT 'x|"), Vec::<String>::new());
}

#[test]
fn what_does_not_exist_completes_to_nothing() {
    let session = testing::offline(None);
    for text in ["SELECT * FROM nobody.|", "SELECT * FROM a.b.c.d.|", "SELECT x.| FROM a.b.c x"] {
        assert_eq!(texts(&session, text), Vec::<String>::new(), "{text}");
    }
}

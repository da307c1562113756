//! Relations that a fresh database of the reference has.
//!
//! Surprise: each is made when a script names it, so that scripts that do not name them pay nothing.

/// Names, and the statements that make them.
const SEEDS: &[(&str, &str)] = &[
    (
        "stackql_repositories",
        "CREATE VIEW stackql_repositories AS SELECT id, name, url, org FROM github.repos.repos WHERE org = 'stackql'",
    ),
    ("stackql_notes", "CREATE TABLE stackql_notes (note_id int, note text, priority int)"),
    ("stackql_gossip", "CREATE TABLE stackql_gossip (gossip text, category text)"),
];

/// The statements for what a script names and does not make itself.
pub(super) fn wanted(script: &str) -> impl Iterator<Item = &'static str> {
    let script = script.to_ascii_lowercase();
    SEEDS.iter().filter(move |(name, _)| script.contains(name)).map(|(_, statement)| *statement)
}

#[cfg(test)]
mod tests {
    use super::wanted;

    #[test]
    fn only_what_is_named_is_made() {
        assert_eq!(wanted("select 1").count(), 0);
        assert_eq!(wanted("select * from STACKQL_NOTES").count(), 1);
        assert!(
            wanted("select id from stackql_repositories").all(|it| strataql_sql::parse(it).is_ok())
        );
    }
}

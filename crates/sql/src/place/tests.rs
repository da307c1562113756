use super::*;

/// The place at the `|` of a text.
fn at(text: &str) -> Place {
    let position = text.find('|').expect("a position");
    Place::of(&text.replacen('|', "", 1), position)
}

fn expects(text: &str) -> Expects {
    at(text).expects
}

#[test]
fn the_word_and_its_path_are_found() {
    let place = at("SELECT * FROM aws.\"e c2\".inst|ances i");
    assert_eq!((place.prefix.as_str(), place.word), ("inst", Span::new(25, 34)));
    assert_eq!(place.path, ["aws", "e c2"]);
    let place = at("SELECT * FROM aws.|");
    assert_eq!((place.prefix.as_str(), place.path.len()), ("", 1));
    let place = at("SELECT * FROM aws.\"e c|");
    assert_eq!((place.prefix.as_str(), place.word.start), ("e c", 18));
    assert_eq!(place.expects, Expects::Relation);
    let place = at("SELECT 'ä', na|");
    assert_eq!((place.prefix.as_str(), place.word.start), ("na", 13));
}

#[test]
fn clauses_say_what_may_stand() {
    assert_eq!(expects("|"), Expects::Statement);
    assert_eq!(expects("SELECT 1; sel|"), Expects::Statement);
    assert_eq!(expects("EXPLAIN ANALYZE |"), Expects::Statement);
    for text in [
        "SELECT a FROM |",
        "SELECT a FROM b.c.d, |",
        "SELECT a FROM b JOIN x|",
        "INSERT INTO |",
        "UPDATE |",
        "DELETE FROM |",
        "SELECT * FROM (SELECT 1 FROM |",
        "SELECT a FROM b WHERE a IN (SELECT c FROM |)",
        "DESCRIBE |",
    ] {
        assert_eq!(expects(text), Expects::Relation, "{text}");
    }
    let is_condition = |text: &str| match expects(text) {
        Expects::Expression { is_condition, .. } => is_condition,
        other => panic!("{text}: {other:?}"),
    };
    for text in ["SELECT |", "SELECT a, f(|", "SELECT a FROM b ORDER BY |", "UPDATE t SET a = |"] {
        assert!(!is_condition(text), "{text}");
    }
    for text in [
        "SELECT a FROM b WHERE |",
        "SELECT a FROM b x WHERE (a = 1 AND |",
        "SELECT a FROM b JOIN c ON |",
        "DELETE FROM b WHERE x = 'a' AND |",
    ] {
        assert!(is_condition(text), "{text}");
    }
    for (verb, text) in [
        ("INSERT", "INSERT INTO a.b.c (|"),
        ("INSERT", "INSERT INTO a.b.c (d, |"),
        ("UPDATE", "UPDATE a.b.c SET |"),
        ("REPLACE", "REPLACE a.b.c SET x = 1, |"),
    ] {
        assert_eq!(expects(text), Expects::Assigned { verb: verb.to_owned() }, "{text}");
    }
    assert!(
        matches!(expects("SELECT a FROM b |"), Expects::Words(words) if words.contains(&"WHERE"))
    );
}

#[test]
fn statements_of_their_own_have_names() {
    assert!(matches!(expects("SHOW |"), Expects::Words(words) if words.contains(&"PROVIDERS")));
    assert_eq!(expects("SHOW SERVICES IN |"), Expects::Name(1));
    assert_eq!(expects("SHOW RESOURCES IN aws.|"), Expects::Name(2));
    assert_eq!(expects("SHOW METHODS IN a.b.|"), Expects::Name(3));
    assert_eq!(expects("USE |"), Expects::Name(2));
    assert_eq!(expects("DESCRIBE METHOD a.b.c.|"), Expects::Name(4));
    assert_eq!(expects("EXEC a.b.|"), Expects::Name(4));
    let method = vec!["a".to_owned(), "b".to_owned(), "c".to_owned(), "d".to_owned()];
    assert_eq!(expects("EXEC a.b.c.d @|"), Expects::Argument { method: method.clone() });
    assert_eq!(expects("EXEC a.b.c.d @x = 'y', @z|"), Expects::Argument { method });
    assert_eq!(expects("SET |"), Expects::Setting);
    assert_eq!(expects("SET memory.|"), Expects::Setting);
    assert_eq!(expects("SET on_error = |"), Expects::Value { setting: "on_error".to_owned() });
    assert_eq!(expects("SET scan.order = |"), Expects::Value { setting: "scan.order".to_owned() });
}

#[test]
fn texts_comments_and_numbers_expect_nothing() {
    for text in ["SELECT 'a|", "SELECT 1 /* a |", "SELECT 1 -- a|", "SELECT 12|", "SELECT a AS |"] {
        assert_eq!(expects(text), Expects::Nothing, "{text}");
    }
    assert_ne!(expects("SELECT 1 -- a\n FROM |"), Expects::Nothing);
}

#[test]
fn relations_and_values_are_found_on_both_sides() {
    let place =
        at("SELECT a.| FROM p.s.r AS a, q.t.u b WHERE a.x = 'y' AND z IN (1) AND w > 2; FROM n.o");
    let names: Vec<_> = place
        .relations
        .iter()
        .map(|relation| (relation.name.join("."), relation.alias.clone().unwrap_or_default()))
        .collect();
    assert_eq!(names, [("p.s.r".into(), "a".into()), ("q.t.u".into(), "b".to_owned())]);
    assert_eq!(place.bound.iter().collect::<Vec<_>>(), ["x", "z"]);
    let place = at("SELECT * FROM a.b.c x JOIN d.e.f y ON y.id = x.parent WHERE |");
    assert_eq!(place.bound.iter().collect::<Vec<_>>(), ["id", "parent"]);
    assert_eq!(place.relations.len(), 2);
    let place = at("UPDATE a.b.c SET d = 1 WHERE |");
    assert_eq!(place.relations[0].name.join("."), "a.b.c");
    assert_eq!(place.relations[0].alias, None);
}

#[test]
fn any_position_of_any_text_has_a_place() {
    for text in ["SELECT 'ä' FROM \"ö\".x, (", ")))", "..a.", "@", "\"", "SELECT a..b", "é"] {
        for position in 0..text.len() + 2 {
            let place = Place::of(text, position);
            assert!(place.word.end <= text.len(), "{text} {position}");
        }
    }
}

//! A JSON value as rows: its members or elements, or the whole tree.

use crate::lookup::Found;
use crate::node::{Node, quoted};

/// One row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The name of a member or the number of an element; `None` for the value itself.
    pub key: Option<String>,
    /// The value's [`Node::kind`].
    pub kind: &'static str,
    /// The value; `None` for `null`.
    pub value: Option<Found>,
    /// An id, unique within the value.
    pub id: i64,
    /// The id of the parent row, in a tree.
    pub parent: Option<i64>,
    /// The path of the value.
    pub fullkey: String,
    /// The path of the containing value.
    pub path: String,
}

impl Row {
    /// The value unless it is an object or an array.
    pub fn atom(&self) -> Option<&Found> {
        self.value.as_ref().filter(|_| !matches!(self.kind, "object" | "array"))
    }

    /// The value as JSON.
    pub fn json(&self) -> String {
        match &self.value {
            None => "null".to_owned(),
            Some(Found::Text(text)) => quoted(text),
            Some(Found::Raw(raw)) => raw.clone(),
        }
    }
}

/// Adds a row per member of an object or element of an array; a scalar is one row. `base` is the path
/// of the value.
pub fn each(root: &Node, base: &str, rows: &mut Vec<Row>) {
    let mut id = 0;
    let scalar = visit(root, base, |key, child, fullkey| {
        id += 1;
        rows.push(row(Some(key), child, (None, id), (fullkey, base.to_owned())));
    });
    if scalar {
        rows.push(row(None, root, (None, 0), (base.to_owned(), base.to_owned())));
    }
}

/// Adds a row for the value and each of its descendants, parents first.
pub fn tree(root: &Node, base: &str, rows: &mut Vec<Row>) {
    descend((None, root), None, (base.to_owned(), base.to_owned()), &mut 0, rows);
}

/// Adds a row per element of an array, without paths; anything else is one row.
pub fn elements(root: &Node, rows: &mut Vec<Row>) {
    let items = if let Node::Array(items) = root { items } else { std::slice::from_ref(root) };
    let bare = |item| row(None, item, (None, 0), (String::new(), String::new()));
    rows.extend(items.iter().map(bare));
}

fn row(
    key: Option<String>,
    node: &Node,
    (parent, id): (Option<i64>, i64),
    (fullkey, path): (String, String),
) -> Row {
    let value = match node {
        Node::Null => None,
        Node::Text(text) => Some(Found::Text(text.clone())),
        other => Some(Found::Raw(other.json())),
    };
    Row { key, kind: node.kind(), value, id, parent, fullkey, path }
}

fn descend(
    (key, node): (Option<String>, &Node),
    parent: Option<i64>,
    (fullkey, path): (String, String),
    next: &mut i64,
    rows: &mut Vec<Row>,
) {
    let id = *next;
    *next += 1;
    rows.push(row(key, node, (parent, id), (fullkey.clone(), path)));
    visit(node, &fullkey, |key, child, child_key| {
        descend((Some(key), child), Some(id), (child_key, fullkey.clone()), next, rows);
    });
}

/// Calls a function for each member or element with its key, value and path. True if the value is a
/// scalar.
fn visit(node: &Node, base: &str, mut call: impl FnMut(String, &Node, String)) -> bool {
    match node {
        Node::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                call(index.to_string(), item, format!("{base}[{index}]"));
            }
        }
        Node::Object(members) => {
            for (key, value) in members {
                call(key.clone(), value, member_path(base, key));
            }
        }
        _ => return true,
    }
    false
}

fn member_path(base: &str, key: &str) -> String {
    let is_plain = key.chars().next().is_some_and(char::is_alphabetic)
        && key.chars().all(char::is_alphanumeric);
    if is_plain { format!("{base}.{key}") } else { format!("{base}.{}", quoted(key)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(rows: &[Row]) -> Vec<String> {
        rows.iter()
            .map(|row| {
                let key = row.key.as_deref().unwrap_or("-");
                let parent = row.parent.map_or("-".to_owned(), |parent| parent.to_string());
                let (id, fullkey, path) = (row.id, &row.fullkey, &row.path);
                format!("{id}<{parent} {key} {} {} {fullkey} {path}", row.kind, row.json())
            })
            .collect()
    }

    fn rows(text: &str, walk: impl FnOnce(&Node, &mut Vec<Row>)) -> Vec<Row> {
        let mut rows = Vec::new();
        walk(&Node::read(text).unwrap(), &mut rows);
        rows
    }

    #[test]
    fn members_and_elements_are_rows() {
        let each = |text: &str| rows(text, |root, rows| each(root, "$.x", rows));
        assert_eq!(
            shown(&each(r#"{"a":"t","b c":[1]}"#)),
            [r#"1<- a text "t" $.x.a $.x"#, r#"2<- b c array [1] $.x."b c" $.x"#]
        );
        assert_eq!(shown(&each(r#"{"q\"\\":1}"#)), [r#"1<- q"\ integer 1 $.x."q\"\\" $.x"#]);
        assert_eq!(shown(&each("[null]")), ["1<- 0 null null $.x[0] $.x"]);
        assert_eq!(shown(&each("1.50")), ["0<- - real 1.50 $.x $.x"]);
        assert_eq!(shown(&each("[]")), <[String; 0]>::default());
    }

    #[test]
    fn trees_are_rows_with_parents() {
        let tree = rows(r#"{"a":[1,{"b":true}],"c":null}"#, |root, rows| tree(root, "$", rows));
        assert_eq!(
            shown(&tree),
            [
                r#"0<- - object {"a":[1,{"b":true}],"c":null} $ $"#,
                r#"1<0 a array [1,{"b":true}] $.a $"#,
                "2<1 0 integer 1 $.a[0] $.a",
                r#"3<1 1 object {"b":true} $.a[1] $.a"#,
                "4<3 b true true $.a[1].b $.a[1]",
                "5<0 c null null $.c $",
            ]
        );
        let atoms: Vec<bool> = tree.iter().map(|row| row.atom().is_some()).collect();
        assert_eq!(atoms, [false, false, true, false, true, false]);
    }

    #[test]
    fn elements_have_no_paths() {
        assert_eq!(
            shown(&rows(r#"["x",[]]"#, elements)),
            [r#"0<- - text "x"  "#, "0<- - array []  "]
        );
        assert_eq!(shown(&rows("1", elements)), ["0<- - integer 1  "]);
    }
}

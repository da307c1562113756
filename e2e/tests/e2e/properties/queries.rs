//! Generated statements.

use super::Dice;
use super::exchange::{Data, Parent};
use super::forms::form;

/// How many distinct keys feed.
type Keys = Box<dyn Fn(&Data) -> usize + Send + Sync>;

/// What is promised about the requests of a statement.
pub(crate) enum Shape {
    /// One list that nothing narrows; which of its rows pass.
    List { passes: Box<dyn Fn(&Parent) -> bool + Send + Sync> },
    /// Children are asked for once per key; how many keys there are.
    Fed { keys: Keys },
    /// Nothing but that no request is made twice.
    Other,
}

/// Stands before a column of children where the judge must not see that it is constant: DataFusion
/// takes it for constant above an outer join too, where it may be NULL.
pub(crate) const OPAQUE: &str = "#c.";

/// A statement; `@` stands for the place of its tables.
pub(crate) struct Case {
    text: String,
    /// The same for the judge, where it has no such form.
    judged: Option<String>,
    pub(crate) limit: Option<usize>,
    pub(crate) shape: Shape,
    pub(crate) order: Order,
}

/// What the order of the rows depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    /// The statement asks for it: there is one right list.
    Asked,
    /// The order of the tables; the same however much runs at once.
    Tables,
    /// Hashes, and who comes first.
    Chance,
}

impl Case {
    /// The statement over tables of that place.
    pub(crate) fn sql(&self, place: &str) -> String {
        match self.limit {
            Some(limit) => format!("{} LIMIT {limit}", self.unlimited(place)),
            None => self.unlimited(place),
        }
    }

    /// The statement without its limit.
    pub(crate) fn unlimited(&self, place: &str) -> String {
        self.text.replace('@', place).replace(OPAQUE, "c.")
    }

    /// The statement for the judge.
    pub(crate) fn judged(&self) -> String {
        let text = self.judged.as_ref().unwrap_or(&self.text).replace('@', "");
        let opaque = [("id", "-1"), ("v", "-1"), ("t", "'-'")];
        opaque.into_iter().fold(text, |text, (name, none)| {
            text.replace(&format!("{OPAQUE}{name}"), &format!("nullif(c.{name}, {none})"))
        })
    }

    /// The same with rows in any order.
    pub(crate) fn unordered(self) -> Self {
        Self { order: Order::Chance, ..self }
    }

    /// The same with rows in the order that the statement asks for.
    pub(crate) fn listed(self) -> Self {
        Self { order: Order::Asked, ..self }
    }

    /// The same with another text for the judge.
    pub(crate) fn judged_by(self, text: String) -> Self {
        Self { judged: Some(text), ..self }
    }

    pub(crate) fn generate(dice: &mut Dice) -> Self {
        let limit = (dice.roll(3) == 0).then(|| usize::try_from(dice.roll(8)).expect("small"));
        match dice.roll(12) {
            0 => list(dice, limit),
            1 => {
                let condition = condition(dice, PARENTS, 2);
                other(format!("SELECT k, n, g FROM @parents WHERE {condition}"), limit)
            }
            2 => {
                let columns = dice.pick(&["id", "id, a", "b, c", "id, a, b, c", "a, b", "*"]);
                let condition = condition(dice, ITEMS, 2);
                other(format!("SELECT {columns} FROM @items WHERE {condition}"), limit)
            }
            3 => {
                let columns = dice.pick(&["id", "id, a", "*", "count(*)"]);
                let text = format!("SELECT {columns} FROM @items");
                other(text, if columns == "count(*)" { None } else { limit })
            }
            4 => keyed(dice, limit),
            5 | 6 => joined(dice, limit),
            7 => chain(dice, limit),
            _ => form(dice, limit),
        }
    }
}

/// A statement of which nothing but its rows is known.
pub(crate) fn other(text: String, limit: Option<usize>) -> Case {
    Case { text, judged: None, limit, shape: Shape::Other, order: Order::Tables }
}

/// A column with its type: `n` number, `t` text, `b` boolean, `k` a key, which is never empty.
pub(crate) type Columns = &'static [(&'static str, char)];

pub(crate) const PARENTS: Columns = &[("n", 'n'), ("g", 't'), ("k", 'k')];
pub(crate) const CHILDREN: Columns = &[("id", 'n'), ("v", 'n'), ("t", 't')];
pub(crate) const ITEMS: Columns = &[("id", 'n'), ("a", 'n'), ("b", 't'), ("c", 'b')];

fn value(dice: &mut Dice, kind: char) -> String {
    match kind {
        'n' => dice.roll(7).to_string(),
        'b' => dice.pick(&["true", "false"]).to_owned(),
        'k' => dice.pick(&["'x'", "'k1'", "'k3'"]).to_owned(),
        _ => dice.pick(&["'x'", "'y'", "'xy'", "'it''s'", "'k1'", "'k3'", "''"]).to_owned(),
    }
}

fn atom(dice: &mut Dice, columns: Columns, prefix: &str) -> String {
    let (name, kind) = columns[usize::try_from(dice.roll(columns.len() as u64)).expect("small")];
    let name = format!("{prefix}{name}");
    let one = value(dice, kind);
    match dice.roll(9) {
        0 => format!("{name} IS NULL"),
        1 => format!("{name} IS NOT NULL"),
        2 => {
            let (two, three) = (value(dice, kind), value(dice, kind));
            let not = dice.pick(&["", "NOT "]);
            format!("{name} {not}IN ({one}, {two}, {three})")
        }
        3 if kind == 't' || kind == 'k' => {
            format!("{name} LIKE {}", dice.pick(&["'x%'", "'%y'", "'k_'", "'it''s%'"]))
        }
        4 if kind == 'n' => format!("{name} BETWEEN {one} AND {}", value(dice, kind)),
        5 if kind == 'b' => format!("NOT {name}"),
        _ if kind == 'b' => format!("{name} {} {one}", dice.pick(&["=", "<>"])),
        _ => format!("{name} {} {one}", dice.pick(&["=", "=", "<>", "<", ">", "<=", ">="])),
    }
}

pub(crate) fn condition_of(dice: &mut Dice, columns: Columns, prefix: &str, depth: u64) -> String {
    if depth == 0 {
        return atom(dice, columns, prefix);
    }
    match dice.roll(5) {
        0 | 1 => {
            let (left, right) = (
                condition_of(dice, columns, prefix, depth - 1),
                condition_of(dice, columns, prefix, depth - 1),
            );
            format!("({left} {} {right})", dice.pick(&["AND", "OR"]))
        }
        2 => format!("NOT ({})", condition_of(dice, columns, prefix, depth - 1)),
        _ => atom(dice, columns, prefix),
    }
}

fn condition(dice: &mut Dice, columns: Columns, depth: u64) -> String {
    condition_of(dice, columns, "", depth)
}

/// A plain list, so that its pages can be counted.
fn list(dice: &mut Dice, limit: Option<usize>) -> Case {
    let least = i64::try_from(dice.roll(7)).expect("small");
    let passes = Box::new(move |parent: &Parent| parent.n.is_some_and(|n| n >= least));
    let text = format!("SELECT k, n FROM @parents WHERE n >= {least}");
    Case { shape: Shape::List { passes }, ..other(text, limit) }
}

/// Children by given keys.
fn keyed(dice: &mut Dice, limit: Option<usize>) -> Case {
    let keys = ["'k0'", "'k1'", "'k2'", "'k5'", "'k9'"];
    let (one, two) = (dice.pick(&keys), dice.pick(&keys));
    let rest = condition(dice, CHILDREN, 1);
    let given = match dice.roll(4) {
        0 => format!("k = {one} AND {rest}"),
        1 => format!("k IN ({one}, {two}) AND {rest}"),
        2 => {
            let more = condition(dice, CHILDREN, 0);
            format!("((k = {one} AND {rest}) OR (k = {two} AND {more}))")
        }
        _ => format!("(k = {one} OR k = {two}) AND {rest}"),
    };
    other(format!("SELECT k, id, v, t FROM @children WHERE {given}"), limit)
}

/// Parents that feed children.
fn joined(dice: &mut Dice, limit: Option<usize>) -> Case {
    let least = i64::try_from(dice.roll(7)).expect("small");
    let passes = move |parent: &Parent| parent.n.is_some_and(|n| n >= least);
    let some = Box::new(move |data: &Data| data.keys(passes));
    let all = || Box::new(move |data: &Data| data.keys(|_| true));
    let on = condition_of(dice, CHILDREN, "c.", 1);
    let mut judged = None;
    let (text, keys): (String, Keys) = match dice.roll(12) {
        0 => (
            format!(
                "SELECT p.k, p.n, c.id FROM @parents p JOIN @children c ON c.k = p.k WHERE p.n >= {least}"
            ),
            some,
        ),
        1 => (
            format!(
                "SELECT p.k, c.id, c.t FROM @children c JOIN @parents p ON p.k = c.k AND {on} WHERE p.n >= {least}"
            ),
            some,
        ),
        2 => (
            format!("SELECT p.k, c.id FROM @parents p LEFT JOIN @children c ON c.k = p.k AND {on}"),
            all(),
        ),
        3 => (
            format!(
                "SELECT p.k, c.id FROM @children c RIGHT JOIN @parents p ON c.k = p.k AND {on}"
            ),
            all(),
        ),
        4 => (
            format!(
                "SELECT p.k FROM @parents p WHERE p.n >= {least} AND EXISTS (SELECT 1 FROM @children c WHERE c.k = p.k AND {on})"
            ),
            some,
        ),
        5 => (
            format!(
                "SELECT p.k FROM @parents p WHERE NOT EXISTS (SELECT 1 FROM @children c WHERE c.k = p.k AND {on})"
            ),
            all(),
        ),
        6 => (
            format!(
                "SELECT c.id FROM @children c WHERE c.k IN (SELECT p.k FROM @parents p WHERE p.n >= {least})"
            ),
            some,
        ),
        7 => (
            format!(
                "SELECT c.id, c.v FROM (SELECT DISTINCT k FROM @parents WHERE n >= {least}) a JOIN @children c ON c.k = a.k"
            ),
            some,
        ),
        8 => (
            format!(
                "SELECT a.k, a.m, c.id FROM (SELECT k, max(n) AS m FROM @parents WHERE n >= {least} GROUP BY k) a JOIN @children c ON c.k = a.k"
            ),
            some,
        ),
        9 => (
            format!(
                "SELECT p.k, (SELECT count(*) FROM @children c WHERE c.k = p.k) AS m FROM @parents p WHERE p.n >= {least}"
            ),
            some,
        ),
        10 => (
            format!(
                "SELECT p.k, p.n FROM @parents p WHERE p.g = 'x' OR EXISTS (SELECT 1 FROM @children c WHERE c.k = p.k AND {on})"
            ),
            all(),
        ),
        _ => {
            let [word, number] = [["EXISTS", "> 0"], ["NOT EXISTS", "= 0"]][usize::from(least > 3)];
            let matching = format!("FROM @children c WHERE c.k = p.k AND {on}");
            judged = Some(format!(
                "SELECT p.k, (SELECT count(*) {matching}) {number} AS e FROM @parents p"
            ));
            (format!("SELECT p.k, {word} (SELECT 1 {matching}) AS e FROM @parents p"), all())
        }
    };
    let hashed = ["DISTINCT", "GROUP BY", "count("].iter().any(|word| text.contains(word));
    let order = if hashed { Order::Chance } else { Order::Tables };
    Case { judged, shape: Shape::Fed { keys }, order, ..other(text, limit) }
}

/// Three tables in any written order; the key of the last comes out of the second.
fn chain(dice: &mut Dice, limit: Option<usize>) -> Case {
    let orders = [
        "@parents p JOIN @children c ON c.k = p.k JOIN @children d ON d.k = c.t",
        "@children d JOIN @children c ON d.k = c.t JOIN @parents p ON p.k = c.k",
        "@children c JOIN @parents p ON p.k = c.k JOIN @children d ON c.t = d.k",
        "@children d, @children c, @parents p",
        "@parents p JOIN (@children c JOIN @children d ON d.k = c.t) ON c.k = p.k",
        "@parents p LEFT JOIN @children c ON c.k = p.k LEFT JOIN @children d ON d.k = c.t",
        "@items i JOIN @parents p ON p.n = i.a JOIN @children c ON c.k = p.k JOIN @children d ON d.k = c.t",
    ];
    let from = dice.pick(&orders);
    let condition = condition_of(dice, PARENTS, "p.", 1);
    let keys = if from.contains("JOIN") { "" } else { "d.k = c.t AND c.k = p.k AND " };
    let text = format!("SELECT p.k, c.id, d.id AS e FROM {from} WHERE {keys}{condition}");
    other(text, limit).unordered()
}

use super::ast::{docstring, walk};
use super::{Expr, Part, Stmt, parse};

fn functions(text: &str) -> Vec<super::Function> {
    let mut found = Vec::new();
    for statement in parse(text).expect("parses").body {
        if let Stmt::Class(class) = statement {
            found.extend(class.body.into_iter().filter_map(|inner| match inner {
                Stmt::Function(function) => Some(function),
                _ => None,
            }));
        }
    }
    found
}

#[test]
fn classes_have_fields_and_methods() {
    let text = "\
from x import (
    y,
)

@dataclass
class Thing(Base, other.Mixin):
    \"\"\"Words: with a colon.\"\"\"

    name: str  # a comment
    size: Optional[List[int]] = None
    \"\"\"Two
    lines\"\"\"

    def go(
        self, a: str, *, b: Optional[Dict[str, Any]] = None, timeout=timedelta(minutes=20)
    ) -> Iterator[Thing]:
        if a == 1:
            return [v for v in a]
        elif b:
            pass
        else:
            raise ValueError(f\"no {b!r}\")


LATER = {\"a\": 1}
";
    let module = parse(text).expect("parses");
    let [_, Stmt::Class(class), Stmt::Assign { target, .. }] = &module.body[..] else {
        panic!("{module:#?}")
    };
    assert_eq!(target.name(), Some("LATER"));
    assert_eq!(
        (class.name.as_str(), class.decorators.as_slice()),
        ("Thing", &["dataclass".to_owned()][..])
    );
    assert_eq!(class.bases, ["Base", "other.Mixin"]);
    assert_eq!(docstring(&class.body), Some("Words: with a colon."));
    assert!(
        matches!(&class.body[1], Stmt::Annotated { target, value: None, .. } if target == "name")
    );
    assert_eq!(class.body[3], Stmt::Expr(Expr::Text("Two\n    lines".to_owned())));
    let function = &functions(text)[0];
    let names: Vec<(&str, bool)> =
        function.parameters.iter().map(|p| (p.name.as_str(), p.required)).collect();
    assert_eq!(names, [("a", true), ("b", false), ("timeout", false)]);
    assert!(
        matches!(&function.returns, Some(Expr::Subscript(of, _)) if of.name() == Some("Iterator"))
    );
    assert_eq!(function.body.len(), 1);
}

#[test]
fn calls_and_formats_are_seen_through() {
    let text = "\
class A:
    def list(self, x):
        while True:
            json = self._api.do('GET', f\"/a/{self._api.id}/b{_quote(x)}/{kind.value}\" '/c', query=query)
            if \"k\" not in json or not json[\"k\"]:
                return
            query[\"t\"] += len(json[\"k\"])
";
    let function = &functions(text)[0];
    let mut found = Vec::new();
    walk(&function.body, &mut |statement| found.push(statement));
    let Stmt::Assign { value, .. } = found[1] else { panic!("{found:#?}") };
    let (called, arguments, keywords) = value.call().expect("a call");
    assert_eq!((called.as_str(), keywords[0].0.as_str()), ("self._api.do", "query"));
    let Expr::Format(parts) = &arguments[1] else { panic!("{arguments:?}") };
    assert_eq!(parts[0], Part::Text("/a/".to_owned()));
    assert!(matches!(&parts[1], Part::Expr(e) if e.dotted().as_deref() == Some("self._api.id")));
    assert!(matches!(&parts[3], Part::Expr(e) if e.call().is_some()));
    assert_eq!(parts.last(), Some(&Part::Text("/c".to_owned())));
    assert!(found.iter().any(|s| matches!(s, Stmt::Assign { operator, .. } if operator == "+=")));
}

#[test]
fn what_is_not_understood_does_not_hide_what_follows() {
    let text = "\
match x:
    case 1:
        pass
x = [lambda a, b: a for b in c][1:2]
class B:
    pass
";
    let module = parse(text).expect("parses");
    assert!(matches!(module.body.last(), Some(Stmt::Class(class)) if class.name == "B"));
}

#[test]
fn broken_texts_are_refused_with_a_line() {
    for (text, line) in [("a = 1\nb = 'x", "line 2"), ("a = ?\n", "line 1"), ("f'{'", "line 1")] {
        let error = parse(text).expect_err(text);
        assert!(error.starts_with(line), "{text}: {error}");
    }
}

#[test]
fn nesting_has_a_limit() {
    let deep = format!("x = {}1{}\n", "(".repeat(20_000), ")".repeat(20_000));
    assert!(parse(&deep).is_ok());
    let blocks: Vec<String> =
        (0..500).map(|depth| format!("{}if a:\n", " ".repeat(depth))).collect();
    let blocks = blocks.concat();
    assert!(parse(&blocks).is_err());
}

//! Computing values.

use std::cell::Cell;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use serde_json::{Map, Value as Json};

use super::parse::{Clause, Expr, parse};
use super::std_lib;
use super::value::{Closure, Layer, LayerField, Object, Own, Scope, State, Thunk, Value};
use crate::go_json::float_text;

/// Most calls that wait for each other.
const DEEPEST: usize = 180;

pub(super) type Computed<T> = Result<T, String>;

/// What evaluation needs.
pub(super) struct Evaluator {
    vars: HashMap<String, String>,
    depth: Cell<usize>,
}

/// The value of a text as JSON.
///
/// # Errors
/// The sentence that says why there is none.
pub(super) fn evaluate(text: &str, folder: &Path, vars: HashMap<String, String>) -> Computed<Json> {
    let evaluator = Evaluator { vars, depth: Cell::new(0) };
    let scope = Scope { folder: Rc::from(folder.to_string_lossy().as_ref()), ..Scope::default() };
    let value = evaluator.eval(&parse(text)?, &scope)?;
    evaluator.json(&value)
}

fn failed<T>(text: impl std::fmt::Display) -> Computed<T> {
    Err(format!("RUNTIME ERROR: {text}"))
}

impl Evaluator {
    pub(super) fn external(&self, name: &str) -> Computed<Value> {
        match self.vars.get(name) {
            Some(value) => Ok(Value::text(value)),
            None => failed(format!("undefined external variable: {name}")),
        }
    }

    /// The value of something that may not have been computed yet.
    pub(super) fn force(&self, thunk: &Thunk) -> Computed<Value> {
        let state = std::mem::replace(&mut *thunk.0.borrow_mut(), State::Busy);
        let value = match state {
            State::Done(value) => value,
            State::Busy => return failed("infinite recursion"),
            State::Open(expr, scope) => self.eval(&expr, &scope)?,
        };
        *thunk.0.borrow_mut() = State::Done(value.clone());
        Ok(value)
    }

    fn eval(&self, expr: &Rc<Expr>, scope: &Scope) -> Computed<Value> {
        if self.depth.get() > DEEPEST {
            return failed("max stack frames exceeded.");
        }
        self.depth.set(self.depth.get() + 1);
        let value = self.plain(expr, scope);
        self.depth.set(self.depth.get() - 1);
        value
    }

    fn plain(&self, expr: &Rc<Expr>, scope: &Scope) -> Computed<Value> {
        Ok(match expr.as_ref() {
            Expr::Null => Value::Null,
            Expr::Bool(flag) => Value::Bool(*flag),
            Expr::Number(number) => Value::Number(*number),
            Expr::Text(text) => Value::text(text),
            Expr::SelfObject => match &scope.own {
                Some(own) => Value::Object(Rc::clone(&own.object)),
                None => return failed("self outside of an object"),
            },
            Expr::Outermost => match &scope.outermost {
                Some(object) => Value::Object(Rc::clone(object)),
                None => return failed("$ outside of an object"),
            },
            Expr::Var(name) if name == "std" && scope.get(name).is_none() => Value::Native("std"),
            Expr::Var(name) => match scope.get(name) {
                Some(thunk) => self.force(&thunk)?,
                None => return Err(format!("Unknown variable: {name}")),
            },
            Expr::Array(items) => {
                Value::Array(Rc::new(items.iter().map(|item| Thunk::open(item, scope)).collect()))
            }
            Expr::ArrayOf(item, clauses) => {
                let scopes = self.scopes(clauses, scope)?;
                let items = scopes.iter().map(|scope| Thunk::open(item, scope));
                Value::Array(Rc::new(items.collect()))
            }
            Expr::Object(body) => {
                let mut fields = Vec::new();
                for field in &body.fields {
                    let name = match self.eval(&field.name, scope)? {
                        Value::Text(name) => name.to_string(),
                        // a field whose name is null is left out
                        Value::Null => continue,
                        other => {
                            return failed(format!(
                                "Field name must be string, got {}",
                                other.kind()
                            ));
                        }
                    };
                    let (adds, colons) = (field.adds, field.colons);
                    fields.push(LayerField {
                        name,
                        adds,
                        colons,
                        value: Rc::clone(&field.value),
                        scope: None,
                    });
                }
                let layer = Layer { fields, body: Some(Rc::clone(body)), scope: scope.clone() };
                Value::Object(Rc::new(Object::of(vec![Rc::new(layer)])))
            }
            Expr::ObjectOf(name, value, clauses) => {
                let mut fields = Vec::new();
                for scope in self.scopes(clauses, scope)? {
                    let name = match self.eval(name, &scope)? {
                        Value::Text(name) => name.to_string(),
                        Value::Null => continue,
                        other => {
                            return failed(format!(
                                "Field name must be string, got {}",
                                other.kind()
                            ));
                        }
                    };
                    let value = Rc::clone(value);
                    fields.push(LayerField {
                        name,
                        adds: false,
                        colons: 1,
                        value,
                        scope: Some(scope),
                    });
                }
                let layer = Layer { fields, body: None, scope: scope.clone() };
                Value::Object(Rc::new(Object::of(vec![Rc::new(layer)])))
            }
            Expr::Local(binds, body) => {
                let (inner, vars) = scope.inner();
                for bind in binds {
                    let thunk = Thunk::open(&bind.value, &inner);
                    vars.names.borrow_mut().insert(bind.name.clone(), thunk);
                }
                self.eval(body, &inner)?
            }
            Expr::If(condition, yes, no) => match (self.truth(condition, scope)?, no) {
                (true, _) => self.eval(yes, scope)?,
                (false, Some(no)) => self.eval(no, scope)?,
                (false, None) => Value::Null,
            },
            Expr::Binary(operator, left, right) => self.binary(operator, left, right, scope)?,
            Expr::Unary(operator, inner) => match (operator.as_str(), self.eval(inner, scope)?) {
                ("-", Value::Number(number)) => Value::Number(-number),
                ("+", Value::Number(number)) => Value::Number(number),
                ("!", Value::Bool(flag)) => Value::Bool(!flag),
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_precision_loss,
                    reason = "the language has doubles only"
                )]
                ("~", Value::Number(number)) => Value::Number(!(number as i64) as f64),
                (_, other) => {
                    return failed(format!(
                        "Unary operator {operator} does not take {}",
                        other.kind()
                    ));
                }
            },
            Expr::Apply(function, plain, named) => {
                let function = self.eval(function, scope)?;
                let plain = plain.iter().map(|it| Thunk::open(it, scope)).collect();
                let named = named.iter().map(|(name, it)| (name.clone(), Thunk::open(it, scope)));
                self.apply(&function, plain, named.collect())?
            }
            Expr::Index(target, index) => {
                let target = self.eval(target, scope)?;
                let index = self.eval(index, scope)?;
                self.index(&target, &index)?
            }
            Expr::Slice(target, parts) => {
                let target = self.eval(target, scope)?;
                let mut numbers = [None; 3];
                for (number, part) in numbers.iter_mut().zip(parts) {
                    if let Some(part) = part {
                        let Value::Number(value) = self.eval(part, scope)? else {
                            return failed("a slice needs numbers");
                        };
                        *number = Some(value);
                    }
                }
                std_lib::slice(&target, numbers)?
            }
            Expr::SuperIndex(index) => {
                let Some(own) = &scope.own else { return failed("super outside of an object") };
                let Value::Text(name) = self.eval(index, scope)? else {
                    return failed("super needs the name of a field");
                };
                self.field_below(&own.object, &name, own.layer)?
            }
            Expr::InSuper(name) => {
                let Some(own) = &scope.own else { return failed("super outside of an object") };
                let Value::Text(name) = self.eval(name, scope)? else {
                    return Ok(Value::Bool(false));
                };
                Value::Bool(own.object.find(&name, own.layer).is_some())
            }
            Expr::Function(function) => Value::Function(Rc::new(Closure {
                function: Rc::clone(function),
                scope: scope.clone(),
            })),
            Expr::Assert(condition, message, rest) => {
                self.check(condition, message.as_ref(), scope)?;
                self.eval(rest, scope)?
            }
            Expr::Error(message) => {
                let message = self.eval(message, scope)?;
                return failed(self.to_text(&message)?);
            }
            Expr::Import(path) => {
                let (text, folder) = read(&scope.folder, path)?;
                let scope = Scope { folder, ..Scope::default() };
                self.eval(&parse(&text)?, &scope)?
            }
            Expr::ImportText(path) => Value::text(read(&scope.folder, path)?.0),
        })
    }

    fn check(
        &self,
        condition: &Rc<Expr>,
        message: Option<&Rc<Expr>>,
        scope: &Scope,
    ) -> Computed<()> {
        if self.truth(condition, scope)? {
            return Ok(());
        }
        match message {
            None => failed("Assertion failed"),
            Some(message) => {
                let message = self.eval(message, scope)?;
                failed(self.to_text(&message)?)
            }
        }
    }

    fn truth(&self, expr: &Rc<Expr>, scope: &Scope) -> Computed<bool> {
        match self.eval(expr, scope)? {
            Value::Bool(flag) => Ok(flag),
            other => failed(format!("Condition must be boolean, got {}", other.kind())),
        }
    }

    /// The scopes of a comprehension.
    fn scopes(&self, clauses: &[Clause], scope: &Scope) -> Computed<Vec<Scope>> {
        let mut scopes = vec![scope.clone()];
        for clause in clauses {
            let mut next = Vec::new();
            for scope in scopes {
                match clause {
                    Clause::If(condition) => {
                        if self.truth(condition, &scope)? {
                            next.push(scope);
                        }
                    }
                    Clause::For(name, items) => {
                        let Value::Array(items) = self.eval(items, &scope)? else {
                            return failed("In comprehension, can only iterate over array.");
                        };
                        for item in items.iter() {
                            let (inner, vars) = scope.inner();
                            vars.names.borrow_mut().insert(name.clone(), item.clone());
                            next.push(inner);
                        }
                    }
                }
            }
            scopes = next;
        }
        Ok(scopes)
    }

    fn binary(
        &self,
        operator: &str,
        left: &Rc<Expr>,
        right: &Rc<Expr>,
        scope: &Scope,
    ) -> Computed<Value> {
        match operator {
            "&&" => return Ok(Value::Bool(self.truth(left, scope)? && self.truth(right, scope)?)),
            "||" => return Ok(Value::Bool(self.truth(left, scope)? || self.truth(right, scope)?)),
            _ => {}
        }
        let (left, right) = (self.eval(left, scope)?, self.eval(right, scope)?);
        self.operate(operator, &left, &right)
    }

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        reason = "the language has doubles only"
    )]
    pub(super) fn operate(&self, operator: &str, left: &Value, right: &Value) -> Computed<Value> {
        Ok(match (operator, left, right) {
            ("==", ..) => Value::Bool(self.equal(left, right)?),
            ("!=", ..) => Value::Bool(!self.equal(left, right)?),
            ("+", Value::Number(a), Value::Number(b)) => Value::Number(a + b),
            ("+", Value::Array(a), Value::Array(b)) => {
                Value::Array(Rc::new(a.iter().chain(b.iter()).cloned().collect()))
            }
            ("+", Value::Object(a), Value::Object(b)) => {
                let layers = a.layers.iter().chain(&b.layers).cloned().collect();
                Value::Object(Rc::new(Object::of(layers)))
            }
            ("+", Value::Text(_), _) | ("+", _, Value::Text(_)) => {
                Value::text(format!("{}{}", self.to_text(left)?, self.to_text(right)?))
            }
            ("-", Value::Number(a), Value::Number(b)) => Value::Number(a - b),
            ("*", Value::Number(a), Value::Number(b)) => Value::Number(a * b),
            ("/", Value::Number(_), Value::Number(b)) if *b == 0.0 => {
                return failed("Division by zero.");
            }
            ("/", Value::Number(a), Value::Number(b)) => Value::Number(a / b),
            ("%", Value::Number(a), Value::Number(b)) => Value::Number(a % b),
            ("%", Value::Text(format), _) => std_lib::format(self, format, right)?,
            ("in", Value::Text(name), Value::Object(object)) => {
                Value::Bool(object.find(name, usize::MAX).is_some())
            }
            ("&", Value::Number(a), Value::Number(b)) => {
                Value::Number((*a as i64 & *b as i64) as f64)
            }
            ("|", Value::Number(a), Value::Number(b)) => {
                Value::Number((*a as i64 | *b as i64) as f64)
            }
            ("^", Value::Number(a), Value::Number(b)) => {
                Value::Number((*a as i64 ^ *b as i64) as f64)
            }
            ("<<", Value::Number(a), Value::Number(b)) => Value::Number(
                (*a as i64).wrapping_shl(u32::try_from(*b as i64 & 63).unwrap_or_default()) as f64,
            ),
            (">>", Value::Number(a), Value::Number(b)) => Value::Number(
                (*a as i64).wrapping_shr(u32::try_from(*b as i64 & 63).unwrap_or_default()) as f64,
            ),
            ("<" | ">" | "<=" | ">=", ..) => {
                let order = self.order(left, right)?;
                Value::Bool(match operator {
                    "<" => order.is_lt(),
                    ">" => order.is_gt(),
                    "<=" => order.is_le(),
                    _ => order.is_ge(),
                })
            }
            _ => {
                let (left, right) = (left.kind(), right.kind());
                return failed(format!(
                    "Binary operator {operator} does not take {left} and {right}"
                ));
            }
        })
    }

    pub(super) fn order(&self, left: &Value, right: &Value) -> Computed<std::cmp::Ordering> {
        use std::cmp::Ordering;
        match (left, right) {
            (Value::Number(a), Value::Number(b)) => Ok(a.total_cmp(b)),
            (Value::Text(a), Value::Text(b)) => Ok(a.cmp(b)),
            (Value::Array(a), Value::Array(b)) => {
                for (one, other) in a.iter().zip(b.iter()) {
                    let order = self.order(&self.force(one)?, &self.force(other)?)?;
                    if order != Ordering::Equal {
                        return Ok(order);
                    }
                }
                Ok(a.len().cmp(&b.len()))
            }
            _ => failed(format!("{} and {} have no order", left.kind(), right.kind())),
        }
    }

    pub(super) fn equal(&self, left: &Value, right: &Value) -> Computed<bool> {
        match (left, right) {
            (Value::Function(_) | Value::Native(_), _)
            | (_, Value::Function(_) | Value::Native(_)) => {
                failed("Cannot test equality of functions")
            }
            _ => Ok(self.json(left)? == self.json(right)?),
        }
    }

    /// Calls a function.
    pub(super) fn apply(
        &self,
        function: &Value,
        plain: Vec<Thunk>,
        named: Vec<(String, Thunk)>,
    ) -> Computed<Value> {
        match function {
            Value::Native(name) => std_lib::call(self, name, &plain),
            Value::Function(closure) => {
                let (inner, vars) = closure.scope.inner();
                let params = &closure.function.params;
                if plain.len() > params.len() {
                    return failed("Too many arguments");
                }
                let mut given = plain.into_iter();
                for (name, default) in params {
                    let own = named
                        .iter()
                        .find(|(given, _)| given == name)
                        .map(|(_, thunk)| thunk.clone());
                    let thunk = match (given.next(), own, default) {
                        (Some(thunk), ..) | (None, Some(thunk), _) => thunk,
                        (None, None, Some(default)) => Thunk::open(default, &inner),
                        (None, None, None) => return failed(format!("Missing argument: {name}")),
                    };
                    vars.names.borrow_mut().insert(name.clone(), thunk);
                }
                self.eval(&closure.function.body, &inner)
            }
            other => failed(format!("Only functions can be called, got {}", other.kind())),
        }
    }

    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked before")]
    fn index(&self, target: &Value, index: &Value) -> Computed<Value> {
        let at = |number: f64, length: usize| {
            let fits = number >= 0.0 && number.fract() == 0.0 && (number as usize) < length;
            if fits { Ok(number as usize) } else { failed(format!("Index {number} out of bounds")) }
        };
        match (target, index) {
            (Value::Native("std"), Value::Text(name)) => std_lib::named(name),
            (Value::Object(object), Value::Text(name)) => self.field(object, name),
            (Value::Array(items), Value::Number(number)) => {
                self.force(&items[at(*number, items.len())?])
            }
            (Value::Text(text), Value::Number(number)) => {
                let characters: Vec<char> = text.chars().collect();
                Ok(Value::text(characters[at(*number, characters.len())?].to_string()))
            }
            _ => failed(format!("{} cannot be indexed with {}", target.kind(), index.kind())),
        }
    }

    /// A field of an object.
    pub(super) fn field(&self, object: &Rc<Object>, name: &str) -> Computed<Value> {
        self.field_below(object, name, object.layers.len())
    }

    fn field_below(&self, object: &Rc<Object>, name: &str, limit: usize) -> Computed<Value> {
        let Some((at, field)) = object.find(name, limit) else {
            return failed(format!("Field does not exist: {name}"));
        };
        if let Some(known) = object.known.borrow().get(&(at, name.to_owned())) {
            return Ok(known.clone());
        }
        let layer = &object.layers[at];
        let mut scope = field.scope.clone().unwrap_or_else(|| layer.scope.clone());
        if layer.body.is_some() {
            scope = self.inside(object, at);
        }
        let mut value = self.eval(&field.value, &scope)?;
        if field.adds && object.find(name, at).is_some() {
            let below = self.field_below(object, name, at)?;
            value = self.operate("+", &below, &value)?;
        }
        object.known.borrow_mut().insert((at, name.to_owned()), value.clone());
        Ok(value)
    }

    /// The scope inside of a layer of an object.
    fn inside(&self, object: &Rc<Object>, at: usize) -> Scope {
        let layer = &object.layers[at];
        let (mut scope, vars) = layer.scope.inner();
        if scope.outermost.is_none() {
            scope.outermost = Some(Rc::clone(object));
        }
        scope.own = Some(Own { object: Rc::clone(object), layer: at });
        for bind in layer.body.iter().flat_map(|body| &body.locals) {
            vars.names.borrow_mut().insert(bind.name.clone(), Thunk::open(&bind.value, &scope));
        }
        scope
    }

    /// A value as JSON.
    #[expect(clippy::cast_possible_truncation, reason = "checked before")]
    pub(super) fn json(&self, value: &Value) -> Computed<Json> {
        if self.depth.get() > DEEPEST {
            return failed("max stack frames exceeded.");
        }
        Ok(match value {
            Value::Null => Json::Null,
            Value::Bool(flag) => Json::Bool(*flag),
            Value::Number(number) if number.fract() == 0.0 && number.abs() < 9e15 => {
                Json::from(*number as i64)
            }
            Value::Number(number) => Json::from(*number),
            Value::Text(text) => Json::String(text.to_string()),
            Value::Array(items) => {
                self.depth.set(self.depth.get() + 1);
                let items =
                    items.iter().map(|item| self.json(&self.force(item)?)).collect::<Computed<_>>();
                self.depth.set(self.depth.get() - 1);
                Json::Array(items?)
            }
            Value::Object(object) => {
                self.depth.set(self.depth.get() + 1);
                let fields = self.fields(object);
                self.depth.set(self.depth.get() - 1);
                Json::Object(fields?)
            }
            Value::Function(_) | Value::Native(_) => {
                return failed("couldn't manifest function as JSON");
            }
        })
    }

    fn fields(&self, object: &Rc<Object>) -> Computed<Map<String, Json>> {
        for (at, layer) in object.layers.iter().enumerate() {
            let asserts = layer.body.iter().flat_map(|body| &body.asserts);
            for (condition, message) in asserts {
                self.check(condition, message.as_ref(), &self.inside(object, at))?;
            }
        }
        let names = object.names(false).into_iter();
        names.map(|name| Ok((name.clone(), self.json(&self.field(object, &name)?)?))).collect()
    }

    /// A value as text: texts as they are, others as JSON.
    pub(super) fn to_text(&self, value: &Value) -> Computed<String> {
        Ok(match value {
            Value::Text(text) => text.to_string(),
            Value::Number(number) => float_text(*number),
            other => spaced(&self.json(other)?),
        })
    }
}

/// JSON with a blank behind commas and colons.
fn spaced(value: &Json) -> String {
    match value {
        Json::Array(items) if items.is_empty() => "[ ]".to_owned(),
        Json::Array(items) => {
            format!("[{}]", items.iter().map(spaced).collect::<Vec<_>>().join(", "))
        }
        Json::Object(fields) if fields.is_empty() => "{ }".to_owned(),
        Json::Object(fields) => {
            let fields = fields
                .iter()
                .map(|(key, value)| format!("{}: {}", Json::from(key.as_str()), spaced(value)));
            format!("{{{}}}", fields.collect::<Vec<_>>().join(", "))
        }
        other => other.to_string(),
    }
}

/// The text of an imported file, and its folder.
fn read(folder: &str, path: &str) -> Computed<(String, Rc<str>)> {
    let path: PathBuf = Path::new(folder).join(path);
    let text = std::fs::read_to_string(&path).map_err(|error| {
        format!("RUNTIME ERROR: couldn't open import \"{}\": {error}", path.display())
    })?;
    let folder = path.parent().map(|it| it.to_string_lossy().into_owned()).unwrap_or_default();
    Ok((text, Rc::from(folder.as_str())))
}

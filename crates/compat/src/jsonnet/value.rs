//! Values of Jsonnet, and what is computed when it is asked for.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use super::parse::{Body, Expr, Function};

/// A value.
#[derive(Clone)]
pub(super) enum Value {
    Null,
    Bool(bool),
    Number(f64),
    Text(Rc<str>),
    Array(Rc<Vec<Thunk>>),
    Object(Rc<Object>),
    Function(Rc<Closure>),
    /// A function of `std`.
    Native(&'static str),
}

impl Value {
    pub(super) fn text(text: impl AsRef<str>) -> Self {
        Self::Text(Rc::from(text.as_ref()))
    }

    pub(super) fn array(items: Vec<Value>) -> Self {
        Self::Array(Rc::new(items.into_iter().map(Thunk::done).collect()))
    }

    /// The name of its type.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "boolean",
            Self::Number(_) => "number",
            Self::Text(_) => "string",
            Self::Array(_) => "array",
            Self::Object(_) => "object",
            Self::Function(_) | Self::Native(_) => "function",
        }
    }
}

/// A function with its surroundings.
pub(super) struct Closure {
    pub(super) function: Rc<Function>,
    pub(super) scope: Scope,
}

/// What names mean at a place.
#[derive(Clone, Default)]
pub(super) struct Scope {
    pub(super) vars: Option<Rc<Vars>>,
    pub(super) own: Option<Own>,
    pub(super) outermost: Option<Rc<Object>>,
    /// The folder of imports.
    pub(super) folder: Rc<str>,
}

/// The object that a place is in, and the layer of it.
#[derive(Clone)]
pub(super) struct Own {
    pub(super) object: Rc<Object>,
    pub(super) layer: usize,
}

/// Names of a scope above those of another.
pub(super) struct Vars {
    pub(super) names: RefCell<HashMap<String, Thunk>>,
    pub(super) outer: Option<Rc<Vars>>,
}

impl Scope {
    /// The scope with room for names.
    pub(super) fn inner(&self) -> (Self, Rc<Vars>) {
        let vars = Rc::new(Vars { names: RefCell::default(), outer: self.vars.clone() });
        (Self { vars: Some(Rc::clone(&vars)), ..self.clone() }, vars)
    }

    pub(super) fn get(&self, name: &str) -> Option<Thunk> {
        let mut vars = self.vars.as_ref();
        while let Some(own) = vars {
            if let Some(found) = own.names.borrow().get(name) {
                return Some(found.clone());
            }
            vars = own.outer.as_ref();
        }
        None
    }
}

/// A value that is computed once, when it is asked for.
#[derive(Clone)]
pub(super) struct Thunk(pub(super) Rc<RefCell<State>>);

/// How far it is.
pub(super) enum State {
    Open(Rc<Expr>, Scope),
    Busy,
    Done(Value),
}

impl Thunk {
    pub(super) fn open(expr: &Rc<Expr>, scope: &Scope) -> Self {
        Self(Rc::new(RefCell::new(State::Open(Rc::clone(expr), scope.clone()))))
    }

    pub(super) fn done(value: Value) -> Self {
        Self(Rc::new(RefCell::new(State::Done(value))))
    }
}

/// An object: layers, the last of which counts most.
pub(super) struct Object {
    pub(super) layers: Vec<Rc<Layer>>,
    pub(super) known: RefCell<HashMap<(usize, String), Value>>,
}

/// One literal, or one comprehension, of an object.
pub(super) struct Layer {
    pub(super) fields: Vec<LayerField>,
    pub(super) body: Option<Rc<Body>>,
    pub(super) scope: Scope,
}

/// A field of a layer.
pub(super) struct LayerField {
    pub(super) name: String,
    pub(super) adds: bool,
    pub(super) colons: usize,
    pub(super) value: Rc<Expr>,
    /// The names of a comprehension.
    pub(super) scope: Option<Scope>,
}

impl Object {
    pub(super) fn of(layers: Vec<Rc<Layer>>) -> Self {
        Self { layers, known: RefCell::default() }
    }

    /// The highest layer below `limit` that has a field.
    pub(super) fn find(&self, name: &str, limit: usize) -> Option<(usize, &LayerField)> {
        let mut layers = self.layers.iter().enumerate().take(limit).rev();
        layers.find_map(|(at, layer)| Some((at, layer.fields.iter().find(|it| it.name == name)?)))
    }

    /// Names in byte order, the hidden ones only if asked for.
    pub(super) fn names(&self, hidden: bool) -> Vec<String> {
        let mut shown: std::collections::BTreeMap<&str, usize> = std::collections::BTreeMap::new();
        for field in self.layers.iter().flat_map(|layer| &layer.fields) {
            let colons = shown.entry(&field.name).or_insert(1);
            if field.colons > 1 {
                *colons = field.colons;
            }
        }
        let names = shown.into_iter().filter(|(_, colons)| hidden || *colons != 2);
        names.map(|(name, _)| name.to_owned()).collect()
    }
}

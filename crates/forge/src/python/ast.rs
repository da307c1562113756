//! The syntax tree.

/// A module: its classes and other statements, in order.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Module {
    pub(crate) body: Vec<Stmt>,
}

/// A statement.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Stmt {
    /// `class Name(Base):`
    Class(Class),
    /// `def name(…):`
    Function(Function),
    /// `target = value`, also `+=` with the operator.
    Assign { target: Expr, operator: String, value: Expr },
    /// `name: annotation = value`
    Annotated { target: String, annotation: Expr, value: Option<Expr> },
    /// `return value`
    Return(Option<Expr>),
    /// `if condition:` with both branches.
    If { condition: Expr, body: Vec<Stmt>, otherwise: Vec<Stmt> },
    /// `while condition:`
    While { body: Vec<Stmt> },
    /// `for target in iterable:`
    For { target: Expr, iterable: Expr, body: Vec<Stmt> },
    /// An expression, a docstring too.
    Expr(Expr),
    /// Anything else: imports, `raise`, `with`, and what is not understood.
    Other,
}

/// A class.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Class {
    pub(crate) name: String,
    pub(crate) bases: Vec<String>,
    pub(crate) decorators: Vec<String>,
    pub(crate) body: Vec<Stmt>,
}

/// A function.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Function {
    pub(crate) name: String,
    pub(crate) parameters: Vec<Parameter>,
    pub(crate) returns: Option<Expr>,
    pub(crate) body: Vec<Stmt>,
}

/// A parameter of a function, without `self`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Parameter {
    pub(crate) name: String,
    pub(crate) annotation: Option<Expr>,
    /// True without a default.
    pub(crate) required: bool,
}

/// A piece of an f-string.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Part {
    /// Literal text.
    Text(String),
    /// An expression in braces.
    Expr(Expr),
}

/// An expression.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Expr {
    Name(String),
    Text(String),
    Format(Vec<Part>),
    Number(String),
    Attribute(Box<Expr>, String),
    /// Function, positional and keyword arguments.
    Call(Box<Expr>, Vec<Expr>, Vec<(String, Expr)>),
    Subscript(Box<Expr>, Box<Expr>),
    /// A list, tuple or set.
    Items(Vec<Expr>),
    Dict(Vec<(Expr, Expr)>),
    /// `[item for target in iterable]`, braces and parentheses too.
    Comprehension {
        item: Box<Expr>,
        iterable: Box<Expr>,
    },
    /// `left operator right`; `not` has an empty left side.
    Binary(Box<Expr>, String, Box<Expr>),
    /// `body if condition else otherwise`
    Conditional {
        body: Box<Expr>,
        otherwise: Box<Expr>,
    },
    Other,
}

/// A called name, its arguments and its keyword arguments.
pub(crate) type Called<'a> = (String, &'a [Expr], &'a [(String, Expr)]);

impl Expr {
    /// The text of a plain string.
    pub(crate) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The text of a name.
    pub(crate) fn name(&self) -> Option<&str> {
        match self {
            Self::Name(name) => Some(name),
            _ => None,
        }
    }

    /// `a.b.c` as text, if it is nothing else.
    pub(crate) fn dotted(&self) -> Option<String> {
        match self {
            Self::Name(name) => Some(name.clone()),
            Self::Attribute(of, name) => Some(format!("{}.{name}", of.dotted()?)),
            _ => None,
        }
    }

    /// A call: what is called, as dotted text, with its arguments.
    pub(crate) fn call(&self) -> Option<Called<'_>> {
        match self {
            Self::Call(function, arguments, keywords) => {
                Some((function.dotted()?, arguments, keywords))
            }
            _ => None,
        }
    }

    /// `name["key"]` as name and key.
    pub(crate) fn item(&self) -> Option<(String, &str)> {
        match self {
            Self::Subscript(of, key) => Some((of.dotted()?, key.text()?)),
            _ => None,
        }
    }
}

/// The docstring of a block.
pub(crate) fn docstring(body: &[Stmt]) -> Option<&str> {
    match body.first() {
        Some(Stmt::Expr(Expr::Text(text))) => Some(text),
        _ => None,
    }
}

/// Every statement of a block, those of inner blocks too, in order.
pub(crate) fn walk<'a>(body: &'a [Stmt], visit: &mut dyn FnMut(&'a Stmt)) {
    for statement in body {
        visit(statement);
        match statement {
            Stmt::If { body, otherwise, .. } => {
                walk(body, visit);
                walk(otherwise, visit);
            }
            Stmt::While { body } | Stmt::For { body, .. } => walk(body, visit),
            _ => {}
        }
    }
}

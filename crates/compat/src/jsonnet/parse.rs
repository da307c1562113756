//! The tree of a Jsonnet text.

use std::rc::Rc;

use super::lex::{Token, tokens};

/// An expression.
#[derive(Debug)]
pub(super) enum Expr {
    Null,
    Bool(bool),
    Number(f64),
    Text(String),
    SelfObject,
    Outermost,
    Var(String),
    Array(Vec<Rc<Expr>>),
    ArrayOf(Rc<Expr>, Vec<Clause>),
    Object(Rc<Body>),
    ObjectOf(Rc<Expr>, Rc<Expr>, Vec<Clause>),
    Local(Vec<Bind>, Rc<Expr>),
    If(Rc<Expr>, Rc<Expr>, Option<Rc<Expr>>),
    Binary(String, Rc<Expr>, Rc<Expr>),
    Unary(String, Rc<Expr>),
    Apply(Rc<Expr>, Vec<Rc<Expr>>, Vec<(String, Rc<Expr>)>),
    Index(Rc<Expr>, Rc<Expr>),
    Slice(Rc<Expr>, [Option<Rc<Expr>>; 3]),
    SuperIndex(Rc<Expr>),
    InSuper(Rc<Expr>),
    Function(Rc<Function>),
    Assert(Rc<Expr>, Option<Rc<Expr>>, Rc<Expr>),
    Error(Rc<Expr>),
    Import(String),
    ImportText(String),
}

/// A function.
#[derive(Debug)]
pub(super) struct Function {
    pub(super) params: Vec<(String, Option<Rc<Expr>>)>,
    pub(super) body: Rc<Expr>,
}

/// `name = value` of `local`.
#[derive(Debug)]
pub(super) struct Bind {
    pub(super) name: String,
    pub(super) value: Rc<Expr>,
}

/// A part of a comprehension.
#[derive(Debug)]
pub(super) enum Clause {
    For(String, Rc<Expr>),
    If(Rc<Expr>),
}

/// The members of an object.
#[derive(Debug, Default)]
pub(super) struct Body {
    pub(super) locals: Vec<Bind>,
    pub(super) fields: Vec<Field>,
    pub(super) asserts: Vec<(Rc<Expr>, Option<Rc<Expr>>)>,
}

/// A field.
#[derive(Debug)]
pub(super) struct Field {
    pub(super) name: Rc<Expr>,
    pub(super) adds: bool,
    /// 1: shown unless hidden below, 2: hidden, 3: shown.
    pub(super) colons: usize,
    pub(super) value: Rc<Expr>,
}

/// Deepest nesting.
const DEEPEST: usize = 200;

const KEYWORDS: &[&str] = &[
    "assert",
    "else",
    "error",
    "false",
    "for",
    "function",
    "if",
    "import",
    "importstr",
    "in",
    "local",
    "null",
    "tailstrict",
    "then",
    "self",
    "super",
    "true",
];

/// Operators from the weakest to the strongest.
const LEVELS: &[&[&str]] = &[
    &["||"],
    &["&&"],
    &["|"],
    &["^"],
    &["&"],
    &["==", "!="],
    &["<", ">", "<=", ">=", "in"],
    &["<<", ">>"],
    &["+", "-"],
    &["*", "/", "%"],
];

type Parsed<T> = Result<T, String>;

/// Reads a text.
///
/// # Errors
/// The sentence about what cannot be read.
pub(super) fn parse(text: &str) -> Parsed<Rc<Expr>> {
    let mut parser = Parser { tokens: tokens(text)?, at: 0, depth: 0 };
    let tree = parser.expr()?;
    match parser.tokens.get(parser.at) {
        None => Ok(tree),
        Some(token) => Err(format!("the context has an unexpected {token:?}")),
    }
}

struct Parser {
    tokens: Vec<Token>,
    at: usize,
    depth: usize,
}

impl Parser {
    fn is_sign(&self, sign: &str) -> bool {
        matches!(self.tokens.get(self.at), Some(Token::Sign(own)) if own == sign)
    }

    fn is_word(&self, word: &str) -> bool {
        matches!(self.tokens.get(self.at), Some(Token::Word(own)) if own == word)
    }

    fn accept(&mut self, text: &str) -> bool {
        let is = self.is_sign(text) || self.is_word(text);
        self.at += usize::from(is);
        is
    }

    fn expect(&mut self, text: &str) -> Parsed<()> {
        if self.accept(text) {
            return Ok(());
        }
        Err(match self.tokens.get(self.at) {
            Some(token) => format!("the context needs `{text}` and has {token:?}"),
            None => format!("the context ends where it needs `{text}`"),
        })
    }

    fn name(&mut self) -> Parsed<String> {
        match self.tokens.get(self.at) {
            Some(Token::Word(word)) if !KEYWORDS.contains(&word.as_str()) => {
                let word = word.clone();
                self.at += 1;
                Ok(word)
            }
            other => Err(format!("the context needs a name and has {other:?}")),
        }
    }

    fn expr(&mut self) -> Parsed<Rc<Expr>> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err("the context is nested too deeply".to_owned());
        }
        let tree = self.whole();
        self.depth -= 1;
        tree
    }

    fn whole(&mut self) -> Parsed<Rc<Expr>> {
        if self.accept("local") {
            let binds = self.binds()?;
            self.expect(";")?;
            return Ok(Rc::new(Expr::Local(binds, self.expr()?)));
        }
        if self.accept("if") {
            let condition = self.expr()?;
            self.expect("then")?;
            let yes = self.expr()?;
            let no = if self.accept("else") { Some(self.expr()?) } else { None };
            return Ok(Rc::new(Expr::If(condition, yes, no)));
        }
        if self.accept("function") {
            self.expect("(")?;
            let params = self.params()?;
            let body = self.expr()?;
            return Ok(Rc::new(Expr::Function(Rc::new(Function { params, body }))));
        }
        if self.accept("assert") {
            let (condition, message) = self.assertion()?;
            self.expect(";")?;
            return Ok(Rc::new(Expr::Assert(condition, message, self.expr()?)));
        }
        if self.accept("error") {
            return Ok(Rc::new(Expr::Error(self.expr()?)));
        }
        self.binary(0)
    }

    fn assertion(&mut self) -> Parsed<(Rc<Expr>, Option<Rc<Expr>>)> {
        let condition = self.expr()?;
        let message = if self.accept(":") { Some(self.expr()?) } else { None };
        Ok((condition, message))
    }

    fn binds(&mut self) -> Parsed<Vec<Bind>> {
        let mut binds = vec![self.bind()?];
        while self.accept(",") {
            binds.push(self.bind()?);
        }
        Ok(binds)
    }

    fn bind(&mut self) -> Parsed<Bind> {
        let name = self.name()?;
        let params = if self.accept("(") { Some(self.params()?) } else { None };
        self.expect("=")?;
        let value = self.expr()?;
        Ok(Bind { name, value: method(params, value) })
    }

    fn params(&mut self) -> Parsed<Vec<(String, Option<Rc<Expr>>)>> {
        let mut params = Vec::new();
        while !self.accept(")") {
            let name = self.name()?;
            let default = if self.accept("=") { Some(self.expr()?) } else { None };
            params.push((name, default));
            if !self.accept(",") {
                self.expect(")")?;
                break;
            }
        }
        Ok(params)
    }

    fn binary(&mut self, level: usize) -> Parsed<Rc<Expr>> {
        let Some(operators) = LEVELS.get(level) else { return self.unary() };
        let mut left = self.binary(level + 1)?;
        while let Some(operator) = operators.iter().find(|it| self.is_sign(it) || self.is_word(it))
        {
            self.at += 1;
            if *operator == "in" && self.accept("super") {
                left = Rc::new(Expr::InSuper(left));
                continue;
            }
            let right = self.binary(level + 1)?;
            left = Rc::new(Expr::Binary((*operator).to_owned(), left, right));
        }
        Ok(left)
    }

    fn unary(&mut self) -> Parsed<Rc<Expr>> {
        for sign in ["-", "+", "!", "~"] {
            if self.accept(sign) {
                self.depth += 1;
                if self.depth > DEEPEST {
                    return Err("the context is nested too deeply".to_owned());
                }
                let inner = self.unary()?;
                self.depth -= 1;
                return Ok(Rc::new(Expr::Unary(sign.to_owned(), inner)));
            }
        }
        self.postfix()
    }

    fn postfix(&mut self) -> Parsed<Rc<Expr>> {
        let mut tree = self.primary()?;
        loop {
            if self.accept(".") {
                let name = Rc::new(Expr::Text(self.name()?));
                tree = Rc::new(Expr::Index(tree, name));
            } else if self.accept("[") {
                tree = self.index(tree)?;
            } else if self.accept("(") {
                tree = self.apply(tree)?;
            } else if self.accept("{") {
                let object = self.object()?;
                tree = Rc::new(Expr::Binary("+".to_owned(), tree, object));
            } else {
                return Ok(tree);
            }
        }
    }

    fn index(&mut self, tree: Rc<Expr>) -> Parsed<Rc<Expr>> {
        let mut parts: [Option<Rc<Expr>>; 3] = [None, None, None];
        let mut part = 0;
        loop {
            if self.accept("]") {
                break;
            }
            if self.accept(":") {
                part += 1;
            } else if self.accept("::") {
                part += 2;
            } else {
                let Some(slot) = parts.get_mut(part) else {
                    return Err("a slice of the context has too many parts".to_owned());
                };
                *slot = Some(self.expr()?);
            }
        }
        let [first, ..] = &parts;
        Ok(Rc::new(match (part, first) {
            (0, Some(index)) => Expr::Index(tree, Rc::clone(index)),
            (0, None) => return Err("an index of the context is empty".to_owned()),
            _ => Expr::Slice(tree, parts),
        }))
    }

    fn apply(&mut self, function: Rc<Expr>) -> Parsed<Rc<Expr>> {
        let (mut plain, mut named) = (Vec::new(), Vec::new());
        while !self.accept(")") {
            let is_named = matches!(self.tokens.get(self.at), Some(Token::Word(_)))
                && matches!(self.tokens.get(self.at + 1), Some(Token::Sign(sign)) if sign == "=");
            if is_named {
                let name = self.name()?;
                self.expect("=")?;
                named.push((name, self.expr()?));
            } else {
                plain.push(self.expr()?);
            }
            if !self.accept(",") {
                self.expect(")")?;
                break;
            }
        }
        self.accept("tailstrict");
        Ok(Rc::new(Expr::Apply(function, plain, named)))
    }

    fn primary(&mut self) -> Parsed<Rc<Expr>> {
        let token = self.tokens.get(self.at).cloned().ok_or("the context ends too early")?;
        self.at += 1;
        Ok(Rc::new(match token {
            Token::Number(number) => Expr::Number(number),
            Token::Text(text) => Expr::Text(text),
            Token::Sign(sign) => match sign.as_str() {
                "{" => return self.object(),
                "[" => return self.array(),
                "(" => {
                    let tree = self.expr()?;
                    self.expect(")")?;
                    return Ok(tree);
                }
                "$" => Expr::Outermost,
                other => return Err(format!("the context has an unexpected `{other}`")),
            },
            Token::Word(word) => match word.as_str() {
                "null" => Expr::Null,
                "true" => Expr::Bool(true),
                "false" => Expr::Bool(false),
                "self" => Expr::SelfObject,
                "super" => {
                    if self.accept(".") {
                        Expr::SuperIndex(Rc::new(Expr::Text(self.name()?)))
                    } else {
                        self.expect("[")?;
                        let index = self.expr()?;
                        self.expect("]")?;
                        Expr::SuperIndex(index)
                    }
                }
                "import" | "importstr" => {
                    let Some(Token::Text(path)) = self.tokens.get(self.at).cloned() else {
                        return Err(format!("`{word}` of the context needs a path in quotes"));
                    };
                    self.at += 1;
                    if word == "import" { Expr::Import(path) } else { Expr::ImportText(path) }
                }
                keyword if KEYWORDS.contains(&keyword) => {
                    self.at -= 1;
                    return self.expr();
                }
                _ => Expr::Var(word),
            },
        }))
    }

    fn clauses(&mut self) -> Parsed<Vec<Clause>> {
        let mut clauses = Vec::new();
        loop {
            if self.accept("for") {
                let name = self.name()?;
                self.expect("in")?;
                clauses.push(Clause::For(name, self.expr()?));
            } else if self.accept("if") {
                clauses.push(Clause::If(self.expr()?));
            } else {
                return Ok(clauses);
            }
        }
    }

    fn array(&mut self) -> Parsed<Rc<Expr>> {
        let mut items = Vec::new();
        while !self.accept("]") {
            items.push(self.expr()?);
            self.accept(",");
            if items.len() == 1 && self.is_word("for") {
                let clauses = self.clauses()?;
                self.expect("]")?;
                return Ok(Rc::new(Expr::ArrayOf(items.swap_remove(0), clauses)));
            }
        }
        Ok(Rc::new(Expr::Array(items)))
    }

    fn object(&mut self) -> Parsed<Rc<Expr>> {
        let mut body = Body::default();
        while !self.accept("}") {
            if self.accept("local") {
                body.locals.push(self.bind()?);
            } else if self.accept("assert") {
                body.asserts.push(self.assertion()?);
            } else {
                let is_computed = self.is_sign("[");
                let field = self.field()?;
                self.accept(",");
                if is_computed && self.is_word("for") {
                    let clauses = self.clauses()?;
                    self.expect("}")?;
                    let value = if body.locals.is_empty() {
                        field.value
                    } else {
                        Rc::new(Expr::Local(body.locals, field.value))
                    };
                    return Ok(Rc::new(Expr::ObjectOf(field.name, value, clauses)));
                }
                body.fields.push(field);
                continue;
            }
            if !self.accept(",") {
                self.expect("}")?;
                break;
            }
        }
        Ok(Rc::new(Expr::Object(Rc::new(body))))
    }

    fn field(&mut self) -> Parsed<Field> {
        let name = if self.accept("[") {
            let name = self.expr()?;
            self.expect("]")?;
            name
        } else if let Some(Token::Text(text)) = self.tokens.get(self.at).cloned() {
            self.at += 1;
            Rc::new(Expr::Text(text))
        } else {
            Rc::new(Expr::Text(self.name()?))
        };
        let params = if self.accept("(") { Some(self.params()?) } else { None };
        let sign = match self.tokens.get(self.at) {
            Some(Token::Sign(sign))
                if sign.trim_start_matches('+').trim_matches(':').is_empty() =>
            {
                sign.clone()
            }
            other => return Err(format!("a field of the context needs `:` and has {other:?}")),
        };
        self.at += 1;
        let colons = sign.matches(':').count();
        if colons == 0 {
            return Err("a field of the context needs `:`".to_owned());
        }
        let value = self.expr()?;
        Ok(Field { name, adds: sign.starts_with('+'), colons, value: method(params, value) })
    }
}

/// A value, or the function that it is with parameters.
fn method(params: Option<Vec<(String, Option<Rc<Expr>>)>>, body: Rc<Expr>) -> Rc<Expr> {
    match params {
        None => body,
        Some(params) => Rc::new(Expr::Function(Rc::new(Function { params, body }))),
    }
}

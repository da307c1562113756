//! Tokens to expressions.

use super::ast::Expr;
use super::lexer::Token;

/// Nesting beyond which an expression is not read.
const MAX_DEPTH: usize = 100;

/// A position in tokens.
pub(super) struct Cursor<'a> {
    tokens: &'a [Token],
    at: usize,
    depth: usize,
}

/// The tokens as one expression.
pub(super) fn whole(tokens: &[Token]) -> Expr {
    let mut cursor = Cursor::new(tokens);
    cursor.expression()
}

/// Infix operators; words are operators too. `not in` and `is not` are joined by the caller.
const INFIX: &[&str] = &[
    "==", "!=", "<=", ">=", "<", ">", "+", "-", "*", "/", "%", "|", "&", "^", "//", "**", "<<",
    ">>", "@",
];

impl<'a> Cursor<'a> {
    pub(super) fn new(tokens: &'a [Token]) -> Self {
        Self { tokens, at: 0, depth: 0 }
    }

    pub(super) fn peek(&self) -> Option<&'a Token> {
        self.tokens.get(self.at)
    }

    pub(super) fn next(&mut self) -> Option<&'a Token> {
        let token = self.tokens.get(self.at);
        self.at += usize::from(token.is_some());
        token
    }

    pub(super) fn is(&self, operator: &str) -> bool {
        matches!(self.peek(), Some(Token::Operator(found)) if *found == operator)
    }

    pub(super) fn take(&mut self, operator: &str) -> bool {
        let found = self.is(operator);
        self.at += usize::from(found);
        found
    }

    pub(super) fn is_word(&self, word: &str) -> bool {
        matches!(self.peek(), Some(Token::Name(found)) if found == word)
    }

    pub(super) fn take_word(&mut self, word: &str) -> bool {
        let found = self.is_word(word);
        self.at += usize::from(found);
        found
    }

    pub(super) fn name(&mut self) -> Option<String> {
        match self.peek() {
            Some(Token::Name(name)) => {
                self.at += 1;
                Some(name.clone())
            }
            _ => None,
        }
    }

    /// An expression, or a tuple without parentheses.
    pub(super) fn expressions(&mut self) -> Expr {
        let first = self.expression();
        if !self.is(",") {
            return first;
        }
        let mut items = vec![first];
        while self.take(",") {
            if self.ends() {
                break;
            }
            items.push(self.expression());
        }
        Expr::Items(items)
    }

    fn ends(&self) -> bool {
        match self.peek() {
            None | Some(Token::Newline) => true,
            Some(Token::Operator(operator)) => matches!(*operator, ")" | "]" | "}" | "=" | ":"),
            _ => false,
        }
    }

    /// One expression; what is not understood is [`Expr::Other`], and a token is consumed.
    pub(super) fn expression(&mut self) -> Expr {
        if self.depth >= MAX_DEPTH {
            self.next();
            return Expr::Other;
        }
        self.depth += 1;
        let expression = self.conditional();
        self.depth -= 1;
        expression
    }

    fn conditional(&mut self) -> Expr {
        let body = self.binary();
        if !self.is_word("if") {
            return body;
        }
        // in a comprehension, `if` filters and has no `else`
        let start = self.at;
        self.at += 1;
        self.binary();
        if self.take_word("else") {
            let otherwise = self.expression();
            return Expr::Conditional { body: Box::new(body), otherwise: Box::new(otherwise) };
        }
        self.at = start;
        body
    }

    /// Operators of all precedences, from the left: their order does not matter to any reader.
    fn binary(&mut self) -> Expr {
        let mut left = self.unary();
        while let Some(operator) = self.infix() {
            let right = self.unary();
            left = Expr::Binary(Box::new(left), operator, Box::new(right));
        }
        left
    }

    fn infix(&mut self) -> Option<String> {
        let operator = match self.peek()? {
            Token::Operator(operator) if INFIX.contains(operator) => (*operator).to_owned(),
            Token::Name(word) if matches!(word.as_str(), "and" | "or" | "in" | "is") => {
                word.clone()
            }
            Token::Name(word) if word == "not" => {
                self.at += 1;
                return if self.take_word("in") { Some("not in".to_owned()) } else { None };
            }
            _ => return None,
        };
        self.at += 1;
        if operator == "is" && self.take_word("not") {
            return Some("is not".to_owned());
        }
        Some(operator)
    }

    fn unary(&mut self) -> Expr {
        if self.depth >= MAX_DEPTH {
            self.next();
            return Expr::Other;
        }
        self.depth += 1;
        let expression = self.operand();
        self.depth -= 1;
        expression
    }

    fn operand(&mut self) -> Expr {
        if self.take_word("not") {
            let operand = self.unary();
            return Expr::Binary(Box::new(Expr::Other), "not".to_owned(), Box::new(operand));
        }
        if self.take("-") {
            return match self.unary() {
                Expr::Number(text) => Expr::Number(format!("-{text}")),
                _ => Expr::Other,
            };
        }
        if self.take("*") || self.take("**") {
            self.unary();
            return Expr::Other;
        }
        let mut expression = self.atom();
        loop {
            if self.take(".") {
                let Some(name) = self.name() else { return Expr::Other };
                expression = Expr::Attribute(Box::new(expression), name);
            } else if self.take("(") {
                let (arguments, keywords) = self.arguments();
                expression = Expr::Call(Box::new(expression), arguments, keywords);
            } else if self.take("[") {
                let key = self.expressions();
                while self.take(":") {
                    if !self.is("]") {
                        self.expression();
                    }
                }
                self.close("]");
                expression = Expr::Subscript(Box::new(expression), Box::new(key));
            } else {
                return expression;
            }
        }
    }

    fn atom(&mut self) -> Expr {
        match self.next() {
            Some(Token::Name(name)) if name == "lambda" => {
                while !self.is(":") && !self.ends() {
                    self.next();
                }
                self.take(":");
                self.expression();
                Expr::Other
            }
            Some(Token::Name(name)) if name == "yield" && !self.ends() => {
                let value = self.expression();
                Expr::Call(Box::new(Expr::Name(name.clone())), vec![value], Vec::new())
            }
            Some(Token::Name(name)) => Expr::Name(name.clone()),
            Some(Token::Number(text)) => Expr::Number(text.clone()),
            Some(Token::String(expression)) => expression.clone(),
            Some(Token::Operator("(")) => self.items(")"),
            Some(Token::Operator("[")) => self.items("]"),
            Some(Token::Operator("{")) => self.braces(),
            _ => Expr::Other,
        }
    }

    /// A list, a tuple, an expression in parentheses, or a comprehension.
    fn items(&mut self, close: &str) -> Expr {
        let mut items = Vec::new();
        let mut is_tuple = close == "]";
        while !self.is(close) && self.peek().is_some() {
            items.push(self.expression());
            if let Some(comprehension) = self.comprehension(&mut items) {
                self.close(close);
                return comprehension;
            }
            if !self.take(",") {
                break;
            }
            is_tuple = true;
        }
        self.close(close);
        match (is_tuple, items.len()) {
            (false, 1) => items.remove(0),
            _ => Expr::Items(items),
        }
    }

    fn comprehension(&mut self, items: &mut Vec<Expr>) -> Option<Expr> {
        if !self.take_word("for") {
            return None;
        }
        self.target();
        self.take_word("in");
        let iterable = self.expression();
        Some(Expr::Comprehension { item: Box::new(items.pop()?), iterable: Box::new(iterable) })
    }

    /// The target of `for`: names only, so that `in` is left.
    pub(super) fn target(&mut self) -> Expr {
        let mut names = Vec::new();
        while let Some(name) = (!self.is_word("in")).then(|| self.name()).flatten() {
            names.push(Expr::Name(name));
            if !self.take(",") {
                break;
            }
        }
        if names.len() == 1 { names.remove(0) } else { Expr::Items(names) }
    }

    fn braces(&mut self) -> Expr {
        let mut entries = Vec::new();
        let mut items = Vec::new();
        while !self.is("}") && self.peek().is_some() {
            let key = self.expression();
            if self.take(":") {
                let value = self.expression();
                if self.is_word("for") {
                    let mut held = vec![value];
                    let comprehension = self.comprehension(&mut held).unwrap_or(Expr::Other);
                    self.close("}");
                    return comprehension;
                }
                entries.push((key, value));
            } else {
                items.push(key);
            }
            if !self.take(",") {
                break;
            }
        }
        self.close("}");
        if items.is_empty() { Expr::Dict(entries) } else { Expr::Items(items) }
    }

    fn arguments(&mut self) -> (Vec<Expr>, Vec<(String, Expr)>) {
        let (mut arguments, mut keywords) = (Vec::new(), Vec::new());
        while !self.is(")") && self.peek().is_some() {
            let argument = self.expression();
            if self.take("=") {
                let value = self.expression();
                if let Expr::Name(name) = argument {
                    keywords.push((name, value));
                }
            } else {
                arguments.push(argument);
                if let Some(comprehension) = self.comprehension(&mut arguments) {
                    arguments.push(comprehension);
                }
            }
            if !self.take(",") {
                break;
            }
        }
        self.close(")");
        (arguments, keywords)
    }

    /// Skips to the closing bracket and behind it.
    fn close(&mut self, close: &str) {
        let mut open = 0usize;
        while let Some(token) = self.peek() {
            if let Token::Operator(operator) = token {
                if open == 0 && *operator == close {
                    self.at += 1;
                    return;
                }
                match *operator {
                    "(" | "[" | "{" => open += 1,
                    ")" | "]" | "}" => {
                        if open == 0 {
                            return;
                        }
                        open -= 1;
                    }
                    _ => {}
                }
            }
            if matches!(token, Token::Newline | Token::Indent | Token::Dedent) {
                return;
            }
            self.at += 1;
        }
    }
}

//! Tokens to statements.

use super::ast::{Class, Expr, Function, Module, Parameter, Stmt};
use super::expression::Cursor;
use super::lexer::Token;

/// Operators that assign.
const ASSIGNMENTS: &[&str] =
    &["=", "+=", "-=", "*=", "/=", "//=", "%=", "&=", "|=", "^=", "**=", "<<=", ">>=", "@="];

pub(super) fn module(tokens: &[Token]) -> Module {
    let mut cursor = Cursor::new(tokens);
    let mut body = Vec::new();
    while cursor.peek().is_some() {
        // a module has no enclosing block that a stray dedent could end
        if matches!(cursor.peek(), Some(Token::Dedent | Token::Indent)) {
            cursor.next();
            continue;
        }
        statement(&mut cursor, &mut body);
    }
    Module { body }
}

/// The block behind a colon: indented lines, or statements on the same line.
fn block(cursor: &mut Cursor<'_>) -> Vec<Stmt> {
    let mut body = Vec::new();
    cursor.take(":");
    if cursor.peek() != Some(&Token::Newline) {
        statement(cursor, &mut body);
        return body;
    }
    cursor.next();
    if cursor.peek() != Some(&Token::Indent) {
        return body;
    }
    cursor.next();
    while cursor.peek().is_some() {
        if cursor.peek() == Some(&Token::Dedent) {
            cursor.next();
            break;
        }
        statement(cursor, &mut body);
    }
    body
}

fn statement(cursor: &mut Cursor<'_>, body: &mut Vec<Stmt>) {
    let mut decorators = Vec::new();
    while cursor.take("@") {
        decorators.push(cursor.expression().dotted().unwrap_or_default());
        end_of_line(cursor);
    }
    cursor.take_word("async");
    let word = match cursor.peek() {
        Some(Token::Name(word)) => word.as_str(),
        _ => "",
    };
    let found = match word {
        "class" => class(cursor, decorators),
        "def" => function(cursor),
        "if" | "elif" => {
            cursor.next();
            conditional(cursor)
        }
        "while" => {
            cursor.next();
            cursor.expression();
            Stmt::While { body: block(cursor) }
        }
        "for" => {
            cursor.next();
            let target = cursor.target();
            cursor.take_word("in");
            let iterable = cursor.expressions();
            Stmt::For { target, iterable, body: block(cursor) }
        }
        "try" | "else" | "finally" | "except" | "with" => {
            while !matches!(cursor.peek(), None | Some(Token::Newline | Token::Operator(":"))) {
                cursor.next();
            }
            body.extend(block(cursor));
            return;
        }
        "return" => {
            cursor.next();
            let value = (cursor.peek() != Some(&Token::Newline)).then(|| cursor.expressions());
            end_of_line(cursor);
            Stmt::Return(value)
        }
        "import" | "from" | "raise" | "pass" | "break" | "continue" | "del" | "assert"
        | "global" | "nonlocal" => {
            end_of_line(cursor);
            Stmt::Other
        }
        _ => simple(cursor),
    };
    body.push(found);
}

/// Skips what is left of a line. A block that follows belongs to a statement that is not understood.
fn end_of_line(cursor: &mut Cursor<'_>) {
    while let Some(token) = cursor.next() {
        if *token == Token::Newline {
            break;
        }
    }
    let mut depth = 0usize;
    while cursor.peek() == Some(&Token::Indent) || depth > 0 {
        match cursor.next() {
            Some(Token::Indent) => depth += 1,
            Some(Token::Dedent) => depth -= 1,
            None => return,
            Some(_) => {}
        }
    }
}

fn simple(cursor: &mut Cursor<'_>) -> Stmt {
    let first = cursor.expressions();
    let found = if let Some(Token::Operator(operator)) = cursor.peek() {
        let operator = *operator;
        if ASSIGNMENTS.contains(&operator) {
            cursor.next();
            let value = cursor.expressions();
            Stmt::Assign { target: first, operator: operator.to_owned(), value }
        } else if operator == ":" {
            cursor.next();
            let annotation = cursor.expression();
            let value = cursor.take("=").then(|| cursor.expressions());
            match first {
                Expr::Name(target) => Stmt::Annotated { target, annotation, value },
                _ => Stmt::Other,
            }
        } else {
            Stmt::Expr(first)
        }
    } else {
        Stmt::Expr(first)
    };
    end_of_line(cursor);
    found
}

fn conditional(cursor: &mut Cursor<'_>) -> Stmt {
    let condition = cursor.expression();
    let body = block(cursor);
    let mut otherwise = Vec::new();
    if cursor.is_word("elif") {
        statement(cursor, &mut otherwise);
    } else if cursor.take_word("else") {
        otherwise = block(cursor);
    }
    Stmt::If { condition, body, otherwise }
}

fn class(cursor: &mut Cursor<'_>, decorators: Vec<String>) -> Stmt {
    cursor.next();
    let Some(name) = cursor.name() else {
        end_of_line(cursor);
        return Stmt::Other;
    };
    let mut bases = Vec::new();
    if cursor.take("(") {
        while !cursor.is(")") && cursor.peek().is_some() {
            bases.push(cursor.expression().dotted().unwrap_or_default());
            if !cursor.take(",") {
                break;
            }
        }
        cursor.take(")");
    }
    let body = block(cursor);
    Stmt::Class(Class { name, bases, decorators, body })
}

fn function(cursor: &mut Cursor<'_>) -> Stmt {
    cursor.next();
    let Some(name) = cursor.name() else {
        end_of_line(cursor);
        return Stmt::Other;
    };
    let mut parameters = Vec::new();
    cursor.take("(");
    while !cursor.is(")") && cursor.peek().is_some() {
        let is_star = cursor.take("*") || cursor.take("**") || cursor.take("/");
        if let Some(name) = cursor.name() {
            let annotation = cursor.take(":").then(|| cursor.expression());
            let required = !cursor.take("=");
            if !required {
                cursor.expression();
            }
            if !is_star && name != "self" && name != "cls" {
                parameters.push(Parameter { name, annotation, required });
            }
        }
        if !cursor.take(",") {
            break;
        }
    }
    cursor.take(")");
    let returns = cursor.take("->").then(|| cursor.expression());
    let body = block(cursor);
    Stmt::Function(Function { name, parameters, returns, body })
}

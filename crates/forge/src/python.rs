//! Python source text as a syntax tree, as far as generated code needs it.
//!
//! Owns: tokens, expressions, statements with their blocks.
//! Refuses: running anything. What it does not recognise becomes [`Stmt::Other`] or [`Expr::Other`].
//! Surprise: comments are dropped and f-strings are split into their pieces while tokens are read.

mod ast;
mod expression;
mod lexer;
mod statement;

pub(crate) use ast::{Class, Expr, Function, Module, Part, Stmt, docstring, walk};

/// Parses a module.
///
/// # Errors
/// A sentence with the line at which the text stops being Python.
pub(crate) fn parse(text: &str) -> Result<Module, String> {
    let tokens = lexer::tokens(text)?;
    Ok(statement::module(&tokens))
}

#[cfg(test)]
mod tests;

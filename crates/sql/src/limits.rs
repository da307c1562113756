//! Limits on the depth and the work of parsing.
//!
//! Surprise: where a first word does not determine what follows, `sqlparser` tries one alternative
//! and then another. A mistake inside `n` nested places costs 2ⁿ attempts: calls of `CAST`,
//! INTERVAL with a value that is not a literal, brackets, lists of IN, paths `a.b.c…`. Attempts to
//! parse operands are counted; parentheses around tables contain none and are checked before.

use std::any::TypeId;
use std::cell::Cell;

use sqlparser::ast::{BinaryOperator, Expr, UnaryOperator};
use sqlparser::dialect::{Dialect, GenericDialect, Precedence};
use sqlparser::keywords::Keyword;
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::{Token, TokenWithSpan};
use strataql_diag::{Code, Report};

use crate::error;
use crate::spans::{byte_span, is_real, piece_span};

/// Maximum nesting of a statement.
const MAX_DEPTH: usize = 200;

/// Bytes of stack for a statement of that depth; the parser takes up to 130 kB per level in an
/// unoptimised build, more than it checks for.
const STACK: usize = 32 << 20;

/// Additional bytes per token: the drop of a chain of operators is as deep as the chain is long.
const STACK_PER_TOKEN: usize = 512;

/// Maximum stack for a statement.
const MAX_STACK: usize = 1 << 30;

/// Maximum nesting of parentheses around tables.
const MAX_TOWER: usize = 12;

/// Attempts to parse an operand that every statement may use; the longest ones that people write
/// use a few hundred.
const READINGS: usize = 50_000;

/// Additional attempts per token, so that a list of any length can be parsed.
const READINGS_PER_TOKEN: usize = 20;

/// How tightly `^` binds: `*` has 40 in the generic dialect, `::` 50.
const POWER: u8 = 45;

/// Most words and signs of a text; a token takes some hundred bytes.
const MAX_WORDS: usize = 1_000_000;

/// Rejects a text that would take too much memory as tokens.
///
/// # Errors
/// `syntax`.
pub(crate) fn refuse_long(text: &str) -> Result<(), Box<Report>> {
    if text.len() <= MAX_WORDS || words_and_signs(text) <= MAX_WORDS {
        return Ok(());
    }
    Err(Box::new(
        Report::new(Code::Syntax, "the text has more than a million words and signs")
            .with_help("split it into several statements, and give values as parameters"),
    ))
}

/// About how many words and signs there are outside of quotes.
fn words_and_signs(text: &str) -> usize {
    let (mut count, mut quote, mut is_word) = (0, None, false);
    for byte in text.bytes() {
        if let Some(open) = quote {
            if byte == open {
                quote = None;
            }
            continue;
        }
        let in_word = byte.is_ascii_alphanumeric() || byte == b'_' || !byte.is_ascii();
        match byte {
            b'\'' | b'"' => {
                quote = Some(byte);
                count += 1;
            }
            _ if in_word => count += usize::from(!is_word),
            _ => count += usize::from(!byte.is_ascii_whitespace()),
        }
        is_word = in_word;
    }
    count
}

/// Parses tokens with `read`; returns the result and the token after it.
///
/// # Errors
/// `syntax` with the position in `tokens`: a syntax error, too deep, or too many attempts.
pub(crate) fn read<T>(
    text: &str,
    tokens: &[TokenWithSpan],
    normalized: Vec<TokenWithSpan>,
    read: impl FnOnce(&mut Parser<'_>) -> Result<T, ParserError>,
) -> Result<(T, TokenWithSpan), Box<Report>> {
    let dialect = Metered::new(normalized.len());
    let stack = (STACK + STACK_PER_TOKEN * normalized.len()).min(MAX_STACK);
    let mut parser = Parser::new(&dialect)
        .with_recursion_limit(MAX_DEPTH)
        .with_tokens_with_locations(normalized);
    let value = stacker::grow(stack, || read(&mut parser)).map_err(|error| match error {
        ParserError::RecursionLimitExceeded => {
            let cause = if dialect.is_spent() {
                "a mistake deep inside of the statement cannot be found".to_owned()
            } else {
                format!("the statement nests deeper than {MAX_DEPTH} levels")
            };
            Box::new(
                Report::new(Code::Syntax, cause)
                    .with_label(piece_span(text, tokens), "")
                    .with_help("split it into several statements or common table expressions"),
            )
        }
        ParserError::ParserError(message) | ParserError::TokenizerError(message) => {
            error::report(&message, text, tokens)
        }
    })?;
    let next = parser.peek_token();
    Ok((value, next))
}

/// Rejects what none of the parser's limits covers.
///
/// # Errors
/// `syntax` with the position.
pub(crate) fn refuse(text: &str, tokens: &[TokenWithSpan]) -> Result<(), Box<Report>> {
    refuse_chains(text, tokens)?;
    refuse_towers(text, tokens)
}

/// A parenthesis in the place of a table is parsed as a query and, if that fails, as a join: a
/// mistake inside `n` of them costs 2ⁿ attempts. A query is recognised by its first word.
fn refuse_towers(text: &str, tokens: &[TokenWithSpan]) -> Result<(), Box<Report>> {
    let real: Vec<&TokenWithSpan> = tokens.iter().filter(|token| is_real(token)).collect();
    let mut open: Vec<Opened> = Vec::new();
    let mut outside = Opened::default();
    let mut depth = 0;
    for (index, token) in real.iter().enumerate() {
        let before = index.checked_sub(1).map(|index| real[index]);
        let level = open.last_mut().unwrap_or(&mut outside);
        match &token.token {
            Token::LParen => {
                let opened = level.opens(before, real.get(index + 1).copied());
                depth += usize::from(opened.is_read_twice);
                open.push(opened);
                if depth > MAX_TOWER {
                    return Err(Box::new(
                        Report::new(
                            Code::Syntax,
                            format!(
                                "parentheses around tables nest deeper than {MAX_TOWER} levels"
                            ),
                        )
                        .with_label(byte_span(text, token), "")
                        .with_help("join the tables without them, or use common table expressions"),
                    ));
                }
            }
            Token::RParen => {
                depth -= open.pop().map_or(0, |opened| usize::from(opened.is_read_twice));
            }
            Token::SemiColon => {
                open.clear();
                outside = Opened::default();
                depth = 0;
            }
            Token::Word(word) => level.meets(word.keyword),
            _ => {}
        }
    }
    Ok(())
}

/// State of an open parenthesis.
#[derive(Default)]
struct Opened {
    is_read_twice: bool,
    /// It is in a position where a table may be.
    is_table: bool,
    /// The tokens at this level are in a list of tables.
    lists_tables: bool,
}

impl Opened {
    /// The parenthesis that follows `before` at this level and precedes `next`.
    fn opens(&self, before: Option<&TokenWithSpan>, next: Option<&TokenWithSpan>) -> Self {
        let is_table = match before.map(|token| &token.token) {
            Some(Token::Comma) => self.lists_tables,
            Some(Token::LParen) => self.is_table,
            Some(Token::Word(word)) => is_before_table(word.keyword),
            _ => false,
        };
        let is_query = next.is_some_and(|next| match &next.token {
            Token::Word(word) => {
                matches!(word.keyword, Keyword::SELECT | Keyword::VALUES | Keyword::WITH)
            }
            _ => false,
        });
        Self { is_read_twice: is_table && !is_query, is_table, lists_tables: false }
    }

    /// Notes a word at this level.
    fn meets(&mut self, keyword: Keyword) {
        match keyword {
            Keyword::FROM | Keyword::USING | Keyword::UPDATE => self.lists_tables = true,
            Keyword::WHERE
            | Keyword::GROUP
            | Keyword::HAVING
            | Keyword::ORDER
            | Keyword::SELECT
            | Keyword::SET
            | Keyword::WINDOW => self.lists_tables = false,
            _ => {}
        }
    }
}

fn is_before_table(keyword: Keyword) -> bool {
    matches!(
        keyword,
        Keyword::APPLY
            | Keyword::FROM
            | Keyword::INTO
            | Keyword::JOIN
            | Keyword::LATERAL
            | Keyword::STRAIGHT_JOIN
            | Keyword::UPDATE
            | Keyword::USING
    )
}

/// The parser counts its depth everywhere except in the value of INTERVAL: a sequence of these
/// words would nest as deep as it is long.
fn refuse_chains(text: &str, tokens: &[TokenWithSpan]) -> Result<(), Box<Report>> {
    let is_interval = |token: &TokenWithSpan| matches!(&token.token, Token::Word(word) if word.keyword == Keyword::INTERVAL);
    let mut real = tokens.iter().filter(|token| is_real(token)).peekable();
    while let Some(token) = real.next() {
        if let Some(next) = real.next_if(|next| is_interval(token) && is_interval(next)) {
            return Err(Box::new(
                Report::new(Code::Syntax, "expected a value after INTERVAL, found `INTERVAL`")
                    .with_label(byte_span(text, next), "")
                    .with_help("write for example `INTERVAL '1' DAY`"),
            ));
        }
    }
    Ok(())
}

/// `x [NOT] BETWEEN SYMMETRIC a AND b`, whose bounds may come in either order.
fn symmetric(parser: &mut Parser, expr: &Expr) -> Option<Result<Expr, ParserError>> {
    let word = |at: usize| match &parser.peek_nth_token_ref(at).token {
        Token::Word(word) if word.quote_style.is_none() => word.value.to_ascii_uppercase(),
        _ => String::new(),
    };
    let is_negated = word(0) == "NOT";
    let at = usize::from(is_negated);
    let kind = word(at + 1);
    if word(at) != "BETWEEN" || !matches!(kind.as_str(), "SYMMETRIC" | "ASYMMETRIC") {
        return None;
    }
    for _ in 0..at + 2 {
        parser.advance_token();
    }
    let bound = GenericDialect.prec_value(Precedence::Between);
    let read = |parser: &mut Parser| {
        let low = parser.parse_subexpr(bound)?;
        parser.expect_keyword_is(Keyword::AND)?;
        Ok((low, parser.parse_subexpr(bound)?))
    };
    let (low, high) = match read(parser) {
        Ok(bounds) => bounds,
        Err(error) => return Some(Err(error)),
    };
    let between = |low: &Expr, high: &Expr| Expr::Between {
        expr: Box::new(expr.clone()),
        negated: false,
        low: Box::new(low.clone()),
        high: Box::new(high.clone()),
    };
    let mut either = between(&low, &high);
    if kind == "SYMMETRIC" {
        either = Expr::BinaryOp {
            left: Box::new(either),
            op: BinaryOperator::Or,
            right: Box::new(between(&high, &low)),
        };
    }
    let whole = Expr::Nested(Box::new(either));
    Some(Ok(if is_negated {
        Expr::UnaryOp { op: UnaryOperator::Not, expr: Box::new(whole) }
    } else {
        whole
    }))
}

/// The generic dialect, with a limit on attempts to parse operands.
///
/// Above the limit the error is the parser's own for a statement that is too deep, from which it
/// does not recover.
#[derive(Debug)]
struct Metered {
    left: Cell<usize>,
}

impl Metered {
    fn new(tokens: usize) -> Self {
        Self { left: Cell::new(READINGS + READINGS_PER_TOKEN * tokens) }
    }

    fn is_spent(&self) -> bool {
        self.left.get() == 0
    }
}

/// Delegates to the generic dialect.
macro_rules! generic {
    ($($question:ident)*) => { $(fn $question(&self) -> bool { GenericDialect.$question() })* };
}

impl Dialect for Metered {
    fn dialect(&self) -> TypeId {
        GenericDialect.dialect()
    }

    fn parse_prefix(&self, _parser: &mut Parser) -> Option<Result<Expr, ParserError>> {
        let left = self.left.get();
        self.left.set(left.saturating_sub(1));
        (left == 0).then_some(Err(ParserError::RecursionLimitExceeded))
    }

    fn parse_infix(
        &self,
        parser: &mut Parser,
        expr: &Expr,
        _precedence: u8,
    ) -> Option<Result<Expr, ParserError>> {
        symmetric(parser, expr)
    }

    /// `^` binds tighter than `*`, as in PostgreSQL, where it is "to the power of".
    fn get_next_precedence(&self, parser: &Parser) -> Option<Result<u8, ParserError>> {
        (parser.peek_token_ref().token == Token::Caret).then_some(Ok(POWER))
    }

    fn is_delimited_identifier_start(&self, start: char) -> bool {
        GenericDialect.is_delimited_identifier_start(start)
    }

    fn is_identifier_start(&self, start: char) -> bool {
        GenericDialect.is_identifier_start(start)
    }

    fn is_identifier_part(&self, part: char) -> bool {
        GenericDialect.is_identifier_part(part)
    }

    generic! {
        supports_unicode_string_literal
        supports_partition_by_after_order_by
        supports_array_join_syntax
        supports_group_by_expr
        supports_group_by_with_modifier
        supports_left_associative_joins_without_parens
        supports_connect_by
        supports_match_recognize
        supports_pipe_operator
        supports_start_transaction_modifier
        supports_window_function_null_treatment_arg
        supports_dictionary_syntax
        supports_window_clause_named_window_reference
        supports_parenthesized_set_variables
        supports_select_wildcard_except
        support_map_literal_syntax
        allow_extract_custom
        allow_extract_single_quotes
        supports_extract_comma_syntax
        supports_create_view_comment_syntax
        supports_parens_around_table_factor
        supports_values_as_table_factor
        supports_create_index_with_clause
        supports_explain_with_utility_options
        supports_limit_comma
        supports_update_order_by
        supports_from_first_select
        supports_projection_trailing_commas
        supports_asc_desc_in_column_definition
        supports_try_convert
        supports_bitwise_shift_operators
        supports_comment_on
        supports_load_extension
        supports_named_fn_args_with_assignment_operator
        supports_struct_literal
        supports_empty_projections
        supports_nested_comments
        supports_multiline_comment_hints
        supports_user_host_grantee
        supports_string_escape_constant
        supports_array_typedef_with_brackets
        supports_match_against
        supports_set_names
        supports_comma_separated_set_assignments
        supports_filter_during_aggregation
        supports_select_wildcard_exclude
        supports_data_type_signed_suffix
        supports_interval_options
        supports_quote_delimited_string
        supports_select_wildcard_replace
        supports_select_wildcard_ilike
        supports_select_wildcard_rename
        supports_optimize_table
        supports_install
        supports_detach
        supports_prewhere
        supports_with_fill
        supports_limit_by
        supports_interpolate
        supports_settings
        supports_select_format
        supports_comment_optimizer_hint
        supports_constraint_keyword_without_name
        supports_key_column_option
        supports_comma_separated_trim
        supports_cte_without_as
        supports_select_item_multi_column_alias
        supports_xml_expressions
    }
}

//! Asking again: how long to wait, when to stop, and which row is the one that is waited for.
//!
//! Owns: the options `retry_delay`, `backoff`, `max_delay`, `jitter`, `timeout`, `until` and `fail_when`.

use std::hash::{BuildHasher, RandomState};
use std::time::{Duration, Instant};

use serde_json::Value as Json;
use strataql_diag::{Code, Report};

use super::statements::Statement;
use super::{Flow, Step};
use crate::iql::Options;
use crate::manifest::Resource;
use crate::runner::Row;

/// The pauses between the attempts of one anchor.
#[derive(Debug)]
pub(super) struct Pace {
    next: Duration,
    growth: f64,
    longest: Option<Duration>,
    jitter: f64,
    limit: Option<Duration>,
    started: Instant,
    waited: Duration,
}

impl Pace {
    /// The pauses that the options of an anchor ask for.
    pub(super) fn of(options: &Options) -> Self {
        Self::from(options.delay(), options)
    }

    /// As [`Self::of`], with another first pause.
    pub(super) fn from(first: Duration, options: &Options) -> Self {
        Self {
            next: first,
            // the longest pause times more than this is no time any more
            growth: options.decimal("backoff").unwrap_or(1.0).clamp(1.0, 1e6),
            longest: options.seconds("max_delay"),
            jitter: options.decimal("jitter").unwrap_or(0.0).clamp(0.0, 1.0),
            limit: options.seconds("timeout"),
            started: Instant::now(),
            waited: Duration::ZERO,
        }
    }

    /// The next pause; nothing if it would end after the time limit. `chance` is from 0 to 1.
    fn pause(&mut self, chance: f64) -> Option<Duration> {
        let longest = |time: Duration| self.longest.map_or(time, |longest| time.min(longest));
        let spread = 1.0 + self.jitter * (2.0 * chance - 1.0);
        let pause = longest(longest(self.next).mul_f64(spread));
        let spent = self.waited.max(self.started.elapsed());
        if self.limit.is_some_and(|limit| spent + pause > limit) {
            return None;
        }
        // a day is longer than anybody waits
        self.next = longest(self.next.mul_f64(self.growth).min(Duration::from_hours(24)));
        self.waited += pause;
        Some(pause)
    }
}

impl Flow<'_> {
    /// Waits before another attempt; false if there is no time for one.
    pub(super) fn wait(&self, pace: &mut Pace) -> Step<bool> {
        #[expect(clippy::cast_precision_loss, reason = "any number from 0 to 1 will do")]
        let chance = RandomState::new().hash_one(0) as f64 / u64::MAX as f64;
        match pace.pause(chance) {
            Some(pause) => self.host.wait(pause).map(|()| true),
            None => Ok(false),
        }
    }

    /// Whether a row is the one that is waited for, by `until`; without the option every row is.
    pub(super) fn is_reached(&self, statement: &Statement<'_>, row: Option<&Row>) -> Step<bool> {
        Ok(self.holds(statement, "until", row)?.unwrap_or(true))
    }

    /// Ends the polling with an error if `fail_when` holds for a row.
    pub(super) fn not_failed(
        &self,
        resource: &Resource,
        statement: &Statement<'_>,
        row: Option<&Row>,
    ) -> Step<()> {
        if !self.holds(statement, "fail_when", row)?.unwrap_or(false) {
            return Ok(());
        }
        let reason = statement.anchor.options.text("fail_when").unwrap_or_default();
        Err(Box::new(
            Report::new(
                Code::AssertionFailed,
                format!("`{}` of `{}` has failed: `{reason}`", statement.name, resource.name),
            )
            .with_place(statement.file, statement.anchor.line)
            .with_help(
                "look at the operation at the service; `fail_when` of the anchor ends the wait",
            ),
        ))
    }

    /// Whether the expression of an option holds for a row; nothing without the option or without a row.
    fn holds(
        &self,
        statement: &Statement<'_>,
        option: &str,
        row: Option<&Row>,
    ) -> Step<Option<bool>> {
        let (Some(text), Some(row)) = (statement.anchor.options.text(option), row) else {
            return Ok(None);
        };
        let context = crate::template::json::to_template(&Json::Object(row.clone()));
        match self.scope.templates.evaluated(&expression(text), &context) {
            Ok(value) => Ok(Some(value.is_true())),
            Err(failure) => Err(Box::new(
                Report::new(Code::Config, format!("`{option}` is wrong: {failure:?}"))
                    .with_place(statement.file, statement.anchor.line)
                    .with_help("write a comparison of a column, such as `state = 'READY'`"),
            )),
        }
    }
}

/// An expression as in SQL as one of templates: `=` and `<>` compare, words of logic are in lower case.
fn expression(text: &str) -> String {
    let mut made = String::with_capacity(text.len() + 4);
    for (at, part) in by_quotes(text).into_iter().enumerate() {
        if at % 2 == 1 {
            made.push_str(part);
            continue;
        }
        let words = part.replace("<>", "!=");
        let words = words.split(' ').map(|word| match word {
            "AND" | "OR" | "NOT" | "IN" => word.to_lowercase(),
            word => word.to_owned(),
        });
        let words = words.collect::<Vec<_>>().join(" ");
        let mut letters = words.chars().peekable();
        let mut before = ' ';
        while let Some(letter) = letters.next() {
            made.push(letter);
            if letter == '=' && !"=<>!".contains(before) && letters.peek() != Some(&'=') {
                made.push('=');
            }
            before = letter;
        }
    }
    made
}

/// The parts of a text outside (even) and inside (odd, with their marks) of quotes.
fn by_quotes(text: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut start, mut quote) = (0, None);
    for (at, letter) in text.char_indices() {
        match quote {
            None if matches!(letter, '\'' | '"') => {
                parts.push(&text[start..at]);
                (start, quote) = (at, Some(letter));
            }
            Some(open) if open == letter => {
                parts.push(&text[start..=at]);
                (start, quote) = (at + 1, None);
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    parts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::iql::QueryFile;

    fn pauses(options: &str, chance: f64) -> Vec<u64> {
        let file = QueryFile::parse("a.iql", &format!("/*+ exists, {options} */\nSELECT 1\n"));
        assert_eq!(file.warnings.len(), 0, "{:?}", file.warnings);
        let mut pace = Pace::of(&file.get("exists").expect("an anchor").options);
        let pauses = std::iter::from_fn(|| pace.pause(chance));
        pauses.take(6).map(|pause| pause.as_millis().try_into().unwrap_or(u64::MAX)).collect()
    }

    #[test]
    fn pauses_grow_up_to_the_longest() {
        assert_eq!(pauses("retry_delay=2", 0.5), [2_000; 6]);
        assert_eq!(
            pauses("retry_delay=1, backoff=2, max_delay=10", 0.5),
            [1_000, 2_000, 4_000, 8_000, 10_000, 10_000]
        );
        assert_eq!(pauses("retry_delay=1, backoff=1.5", 0.5)[..3], [1_000, 1_500, 2_250]);
        // a factor that would make them shorter does not
        assert_eq!(pauses("retry_delay=1, backoff=0.1", 0.5), [1_000; 6]);
        assert_eq!(pauses("retry_delay=1, backoff=1e300, max_delay=5", 0.5)[..2], [1_000, 5_000]);
    }

    #[test]
    fn pauses_differ_by_chance() {
        assert_eq!(pauses("retry_delay=10, jitter=0.2", 0.0), [8_000; 6]);
        assert_eq!(pauses("retry_delay=10, jitter=0.2", 1.0), [12_000; 6]);
        assert_eq!(pauses("retry_delay=10, jitter=0.2, max_delay=11", 1.0), [11_000; 6]);
    }

    #[test]
    fn no_pause_ends_after_the_time_limit() {
        assert_eq!(pauses("retry_delay=4, timeout=9", 0.5), [4_000, 4_000]);
        // without a pause of its own an anchor with a limit is asked once a second
        assert_eq!(pauses("timeout=3", 0.5), [1_000, 1_000, 1_000]);
        assert_eq!(pauses("retry_delay=4, timeout=1", 0.5), [0_u64; 0]);
    }

    #[test]
    fn expressions_are_those_of_sql() {
        assert_eq!(expression("state = 'READY'"), "state == 'READY'");
        assert_eq!(expression("n >= 3 AND NOT a = b"), "n >= 3 and not a == b");
        assert_eq!(expression("a <> 'x = y' OR b == 1"), "a != 'x = y' or b == 1");
        assert_eq!(expression("state IN ['a', 'AND']"), "state in ['a', 'AND']");
    }
}

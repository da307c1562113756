//! What a session waits for, for whoever shows it to a person.
//!
//! Owns: one line about changes that take long.
//! Refuses: drawing it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// What is under way; clones show the same.
#[derive(Debug, Clone, Default)]
pub struct Activity(Arc<Mutex<Waits>>);

#[derive(Debug, Default)]
struct Waits {
    begun: u64,
    texts: BTreeMap<u64, String>,
}

/// One wait; it has ended when this is dropped.
pub struct ActivityGuard<'a> {
    activity: &'a Activity,
    number: u64,
}

impl Activity {
    /// The line; nothing when nothing is awaited.
    pub fn line(&self) -> Option<String> {
        self.with(|waits| {
            let (_, last) = waits.texts.last_key_value()?;
            Some(match waits.texts.len() {
                1 => last.clone(),
                count => format!("{last} (and {} more)", count - 1),
            })
        })
    }

    /// Starts a wait. Its text shows until the guard is dropped.
    pub fn begin(&self) -> ActivityGuard<'_> {
        let number = self.with(|waits| {
            waits.begun += 1;
            waits.begun
        });
        ActivityGuard { activity: self, number }
    }

    fn with<T>(&self, act: impl FnOnce(&mut Waits) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl ActivityGuard<'_> {
    /// What is awaited, for the progress line.
    pub fn tell(&self, text: String) {
        self.activity.with(|waits| waits.texts.insert(self.number, text));
    }
}

impl Drop for ActivityGuard<'_> {
    fn drop(&mut self) {
        self.activity.with(|waits| waits.texts.remove(&self.number));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_tells_of_the_waits_that_go_on() {
        let activity = Activity::default();
        assert_eq!(activity.line(), None);
        let (first, second) = (activity.begin(), activity.begin());
        assert_eq!(activity.line(), None);
        first.tell("awaiting a".to_owned());
        assert_eq!(activity.clone().line().as_deref(), Some("awaiting a"));
        second.tell("awaiting b".to_owned());
        assert_eq!(activity.line().as_deref(), Some("awaiting b (and 1 more)"));
        drop(second);
        drop(first);
        assert_eq!(activity.line(), None);
    }
}

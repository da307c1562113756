//! Numbers of objects (`oid`), as `pg_catalog` gives them.
//!
//! Owns: one number for each provider, service, resource and local relation that was shown so far.
//! Surprise: they are those of the process, not of a session. Clients keep them from one statement to the
//! next, and a provider has the same for every user; they end with the process, as nothing else does.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

/// The first number that PostgreSQL gives to an object of a user.
const FIRST: i64 = 16_384;

/// What has a number.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Object {
    /// A provider.
    Database(String),
    /// A service of a provider.
    Schema(String, String),
    /// A resource.
    Resource(String, String, String),
    /// A table or view of the user's own.
    Local(String),
    /// A function.
    Function(String),
}

#[derive(Default)]
struct Numbers {
    objects: Vec<Object>,
    numbers: HashMap<Object, i64>,
}

fn all() -> MutexGuard<'static, Numbers> {
    static ALL: OnceLock<Mutex<Numbers>> = OnceLock::new();
    ALL.get_or_init(Mutex::default).lock().unwrap_or_else(PoisonError::into_inner)
}

/// The number of an object, given to it now if it has none.
pub(super) fn number_of(object: Object) -> i64 {
    let mut all = all();
    if let Some(number) = all.numbers.get(&object) {
        return *number;
    }
    let number = FIRST + i64::try_from(all.objects.len()).unwrap_or(i64::MAX - FIRST);
    all.objects.push(object.clone());
    all.numbers.insert(object, number);
    number
}

/// The object that has a number.
pub(super) fn object_of(number: i64) -> Option<Object> {
    let index = usize::try_from(number.checked_sub(FIRST)?).ok()?;
    all().objects.get(index).cloned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_stays_with_its_object() {
        let one = number_of(Object::Schema("p".to_owned(), "numbered".to_owned()));
        let two = number_of(Object::Local("numbered".to_owned()));
        assert_ne!(one, two);
        assert_eq!(number_of(Object::Local("numbered".to_owned())), two);
        assert_eq!(object_of(one), Some(Object::Schema("p".to_owned(), "numbered".to_owned())));
        assert_eq!(object_of(0), None);
        assert_eq!(object_of(i64::MIN), None);
    }
}

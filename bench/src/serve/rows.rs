//! Objects of a list as prepared text.
//!
//! Surprise: a list longer than a block repeats it, so that three million objects need no more
//! memory than thousands; pages end where the block ends.

use std::ops::Range;

/// Objects that are really there.
const BLOCK: usize = 10_000;

/// A list.
pub(crate) struct Rows {
    /// The objects, with commas between them.
    text: Vec<u8>,
    /// Where each object begins, and one more.
    starts: Vec<usize>,
    length: usize,
}

impl Rows {
    pub(crate) fn new(length: usize, object: impl Fn(usize) -> String) -> Self {
        let mut text = Vec::new();
        let mut starts = vec![0];
        for number in 0..length.min(BLOCK) {
            text.extend_from_slice(object(number).as_bytes());
            text.push(b',');
            starts.push(text.len());
        }
        Self { text, starts, length }
    }

    /// The page that begins at an object, and where the next one begins.
    pub(crate) fn page(&self, start: usize, rows: usize) -> (&[u8], Option<usize>) {
        let block = self.starts.len() - 1;
        if start >= self.length || block == 0 {
            return (&[], None);
        }
        let first = start % block;
        let last = (first + rows.max(1)).min(block).min(first + self.length - start);
        let next = start + last - first;
        (self.slice(first..last), (next < self.length).then_some(next))
    }

    /// One object.
    pub(crate) fn object(&self, number: usize) -> Option<&[u8]> {
        let block = self.starts.len() - 1;
        (number < self.length).then(|| self.slice(number % block..number % block + 1))
    }

    /// Objects without the comma behind them.
    fn slice(&self, objects: Range<usize>) -> &[u8] {
        &self.text[self.starts[objects.start]..self.starts[objects.end] - 1]
    }
}

/// A published app integration, of the size that real ones have.
pub(crate) fn published(number: usize) -> String {
    let app = ["power-bi", "tableau-desktop", "databricks-cli", "dbt-cloud"][number % 4];
    format!(
        r#"{{"app_id":"{app}","create_time":"2025-{:02}-{:02}T{:02}:{:02}:{:02}.000Z","created_by":{},"integration_id":"{number:08x}-7c1d-4e2f-9a3b-5d6e7f809102","name":"{app} for team {} in region {}","token_access_policy":{{"access_token_ttl_in_minutes":{},"refresh_token_ttl_in_minutes":{},"absolute_session_lifetime_in_minutes":{}}}}}"#,
        1 + number % 12,
        1 + number % 28,
        number % 24,
        number % 60,
        number / 60 % 60,
        7_412_000_000_000_u64 + number as u64 * 977,
        number % 1_000,
        ["eu-west-1", "us-east-2", "ap-south-1"][number % 3],
        5 + number % 56,
        1_440 + number % 8_640,
        10_080 + number % 40_000,
    )
}

/// A custom app integration; its principal is one of `keys`.
pub(crate) fn custom(number: usize, keys: usize) -> String {
    format!(
        r#"{{"client_id":"client-{number:06}","confidential":true,"create_time":"2025-01-01T00:00:00Z","created_by":7412000000001,"integration_id":"{number:08x}-0000-4000-8000-000000000000","name":"app {number}","principal_id":{},"redirect_urls":["https://app-{number}.example.com/callback"],"scopes":["sql","offline_access"]}}"#,
        900_000 + number % keys
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(rows: usize) -> Rows {
        Rows::new(rows, |number| number.to_string())
    }

    fn read(rows: &Rows, size: usize) -> Vec<String> {
        let mut pages = Vec::new();
        let mut start = Some(0);
        while let Some(at) = start {
            let (text, next) = rows.page(at, size);
            pages.push(String::from_utf8(text.to_vec()).expect("digits"));
            start = next;
        }
        pages
    }

    #[test]
    fn pages_hold_every_object_once() {
        assert_eq!(read(&numbers(5), 2), ["0,1", "2,3", "4"]);
        assert_eq!(read(&numbers(4), 2), ["0,1", "2,3"]);
        assert_eq!(read(&numbers(1), 100), ["0"]);
        assert_eq!(read(&numbers(0), 2), [""]);
    }

    #[test]
    fn long_lists_repeat_a_block() {
        let rows = numbers(BLOCK * 2 + 3);
        let pages = read(&rows, 1_000);
        assert_eq!(pages.len(), 21);
        let count: usize = pages.iter().map(|page| page.split(',').count()).sum();
        assert_eq!(count, BLOCK * 2 + 3);
        assert_eq!(pages[20], "0,1,2");
        assert_eq!(rows.object(BLOCK + 7), Some(b"7".as_slice()));
        assert_eq!(rows.object(BLOCK * 2 + 3), None);
    }

    #[test]
    fn objects_are_json_of_the_real_size() {
        let total: usize = (0..BLOCK).map(|number| published(number).len() + 1).sum();
        let size = total / BLOCK;
        assert!((342..=346).contains(&size), "{size} bytes an object");
        for number in [0, 17, 9_999] {
            for text in [published(number), custom(number, 200)] {
                let value: serde_json::Value = serde_json::from_str(&text).expect("JSON");
                assert!(value.is_object());
            }
        }
    }
}

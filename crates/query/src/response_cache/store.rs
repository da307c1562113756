//! Kept answers, the least recently used of which make capacity for new ones.

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

use strataql_net::{Request, Response};

/// What makes two requests the same.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct Key {
    provider: String,
    url: String,
    headers: Vec<(String, Vec<u8>)>,
    body: Option<Vec<u8>>,
}

impl Key {
    /// The key of a GET.
    pub(super) fn of(request: &Request) -> Self {
        let mut headers: Vec<(String, Vec<u8>)> = request
            .headers
            .iter()
            .map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_vec()))
            .collect();
        headers.sort();
        Self {
            provider: request.provider.clone(),
            url: request.url.as_str().to_owned(),
            headers,
            body: request.body.as_ref().map(|body| body.to_vec()),
        }
    }

    fn size(&self) -> usize {
        let headers: usize =
            self.headers.iter().map(|(name, value)| name.len() + value.len()).sum();
        self.provider.len() + self.url.len() + headers + self.body.as_ref().map_or(0, Vec::len)
    }
}

struct Entry {
    response: Response,
    since: Instant,
    size: usize,
    /// Its place in the order of use.
    used: u64,
}

/// Answers up to a number of bytes.
pub(super) struct Store {
    capacity: usize,
    bytes: usize,
    clock: u64,
    entries: HashMap<Key, Entry>,
    order: BTreeMap<u64, Key>,
    /// How often the answers of a provider were forgotten.
    generations: HashMap<String, u64>,
}

impl Store {
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            capacity,
            bytes: 0,
            clock: 0,
            entries: HashMap::new(),
            order: BTreeMap::new(),
            generations: HashMap::new(),
        }
    }

    /// A kept answer and its age, if it is younger than `ttl`.
    pub(super) fn get(&mut self, key: &Key, ttl: Duration) -> Option<(Response, Duration)> {
        let age = self.entries.get(key)?.since.elapsed();
        if age >= ttl {
            self.remove(key);
            return None;
        }
        self.clock += 1;
        let entry = self.entries.get_mut(key)?;
        self.order.remove(&entry.used);
        entry.used = self.clock;
        self.order.insert(self.clock, key.clone());
        Some((entry.response.clone(), age))
    }

    /// Changes whenever answers of the provider are forgotten.
    pub(super) fn generation(&self, provider: &str) -> u64 {
        self.generations.get(provider).copied().unwrap_or_default()
    }

    /// Keeps an answer, unless its provider's answers were forgotten since `generation`.
    pub(super) fn put(&mut self, key: Key, response: &Response, since: Instant, generation: u64) {
        let headers: usize =
            response.headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
        // the key is held twice; the rest is what the structures take
        let size = response.body.len() + headers + 2 * key.size() + 512;
        if size > self.capacity || self.generation(&key.provider) != generation {
            return;
        }
        self.remove(&key);
        while self.bytes + size > self.capacity
            && let Some((_, oldest)) = self.order.first_key_value()
        {
            let oldest = oldest.clone();
            self.remove(&oldest);
        }
        self.clock += 1;
        self.bytes += size;
        self.order.insert(self.clock, key.clone());
        let response = response.clone();
        self.entries.insert(key, Entry { response, since, size, used: self.clock });
    }

    /// Drops all answers of a provider.
    pub(super) fn forget(&mut self, provider: &str) {
        *self.generations.entry(provider.to_owned()).or_default() += 1;
        let keys: Vec<Key> =
            self.entries.keys().filter(|key| key.provider == provider).cloned().collect();
        for key in keys {
            self.remove(&key);
        }
    }

    /// Drops all answers.
    pub(super) fn clear(&mut self) {
        self.entries.clear();
        self.order.clear();
        self.bytes = 0;
    }

    fn remove(&mut self, key: &Key) {
        if let Some(entry) = self.entries.remove(key) {
            self.bytes -= entry.size;
            self.order.remove(&entry.used);
        }
    }
}

#[cfg(test)]
mod tests {
    use strataql_spec::HttpVerb;
    use url::Url;

    use super::*;

    fn answer(path: &str, bytes: usize) -> (Key, Response) {
        let url = Url::parse(&format!("https://h.example/{path}")).expect("a URL");
        let request = Request::new("p", HttpVerb::Get, url);
        let headers = request.headers.clone();
        let response = Response::new(200, headers, vec![b'x'; bytes], &request);
        (Key::of(&request), response)
    }

    #[test]
    fn the_least_recently_used_makes_room() {
        let mut store = Store::new(40_000);
        let forever = Duration::from_hours(1);
        let all: Vec<(Key, Response)> =
            ["a", "b", "c"].into_iter().map(|path| answer(path, 15_000)).collect();
        for (key, response) in &all[..2] {
            store.put(key.clone(), response, Instant::now(), 0);
        }
        assert!(store.get(&all[0].0, forever).is_some());
        store.put(all[2].0.clone(), &all[2].1, Instant::now(), 0);
        let there: Vec<bool> =
            all.iter().map(|(key, _)| store.get(key, forever).is_some()).collect();
        assert_eq!(there, [true, false, true]);
        assert!(store.bytes <= store.capacity);
        let (key, large) = answer("d", 50_000);
        store.put(key.clone(), &large, Instant::now(), 0);
        assert!(store.get(&key, forever).is_none());
        assert_eq!(store.entries.len(), 2);
    }

    #[test]
    fn old_answers_and_those_before_a_write_are_gone() {
        let mut store = Store::new(40_000);
        let (key, response) = answer("a", 10);
        store.put(key.clone(), &response, Instant::now(), 0);
        assert!(store.get(&key, Duration::ZERO).is_none());
        assert_eq!(store.bytes, 0);
        store.forget("p");
        store.put(key.clone(), &response, Instant::now(), 0);
        assert!(store.get(&key, Duration::from_mins(1)).is_none());
        let generation = store.generation("p");
        store.put(key.clone(), &response, Instant::now(), generation);
        assert!(store.get(&key, Duration::from_mins(1)).is_some());
    }
}

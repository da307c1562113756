//! Plausible values from schemas.
//!
//! Owns: the value of a documented field, by its type, format and name.
//! Refuses: identity (see `identity`) and parents; `collection` sets those afterwards.
//! Surprise: a value is a function of (seed, field name), never of the order of calls. Some
//! optional fields are missing, as in real responses; the first object of a collection has every
//! field, so that each column has data.

pub(crate) mod words;

use serde_json::{Map, Value as Json};
use strataql_spec::{Schema, SchemaId, SchemaKind, Schemas};

use crate::clock;
use crate::random::{below, derive, mix, pick};
use words::{ADJECTIVES, NOUNS, PEOPLE, REGIONS, SENTENCES};

/// Deepest nesting of generated values; schemas may be cyclic.
const MAX_DEPTH: usize = 5;
/// Maximum number of values in one object: some schemas describe thousands of nested fields.
const MAX_VALUES: usize = 400;

/// Generates one object.
pub(crate) struct Synthesis<'a> {
    schemas: &'a Schemas,
    clock: i64,
    complete: bool,
    left: usize,
}

impl<'a> Synthesis<'a> {
    /// A generator for the schemas of a service; `complete` includes every documented field.
    pub(crate) fn new(schemas: &'a Schemas, clock: i64, complete: bool) -> Self {
        Self { schemas, clock, complete, left: MAX_VALUES }
    }

    /// The fields of an object.
    pub(crate) fn object(&mut self, id: SchemaId, seed: u64) -> Map<String, Json> {
        self.fields(id, seed, 0)
    }

    /// A value of any schema.
    pub(crate) fn value(&mut self, name: &str, id: SchemaId, seed: u64) -> Json {
        self.any_value(name, id, seed, 0).unwrap_or(Json::Null)
    }

    fn fields(&mut self, id: SchemaId, seed: u64, depth: usize) -> Map<String, Json> {
        let schema = &self.schemas[id];
        let mut fields = Map::new();
        for (name, property) in &schema.properties {
            let spot = derive(seed, name);
            let required = schema.required.iter().any(|wanted| wanted == name);
            if !required && !self.complete && below(mix(spot), 9) == 0 && !is_core(name) {
                if self.schemas[*property].nullable {
                    fields.insert(name.clone(), Json::Null);
                }
                continue;
            }
            if let Some(value) = self.any_value(name, *property, spot, depth + 1) {
                fields.insert(name.clone(), value);
            }
        }
        if let (true, Some(additional)) = (fields.is_empty(), schema.additional) {
            for key in ["environment", "team"] {
                if let Some(value) = self.any_value(key, additional, derive(seed, key), depth + 1) {
                    fields.insert(key.to_owned(), value);
                }
            }
        }
        fields
    }

    /// `None` when the depth or size limit is reached.
    fn any_value(&mut self, name: &str, id: SchemaId, seed: u64, depth: usize) -> Option<Json> {
        if self.left == 0 {
            return None;
        }
        self.left -= 1;
        let schema = &self.schemas[id];
        if !schema.values.is_empty() {
            return Some(schema.values[below(seed, schema.values.len())].clone());
        }
        let name = Words::of(name);
        match schema.kind {
            SchemaKind::Object if depth >= MAX_DEPTH => None,
            SchemaKind::Object => {
                let fields = Json::Object(self.fields(id, seed, depth));
                Some(if schema.string_only { Json::String(fields.to_string()) } else { fields })
            }
            SchemaKind::Array => {
                let items = schema.items?;
                if depth >= MAX_DEPTH {
                    return None;
                }
                let count = 1 + below(mix(seed), 2);
                let singular = name.singular();
                let values = (0..count).filter_map(|at| {
                    self.any_value(&singular, items, derive(seed, &at.to_string()), depth + 1)
                });
                let mut values: Vec<Json> = values.collect();
                values.dedup();
                Some(Json::Array(values))
            }
            SchemaKind::String => Some(Json::String(self.text(&name, schema, seed))),
            SchemaKind::Integer => Some(Json::from(self.integer(&name, schema, seed))),
            SchemaKind::Number => {
                let quarters = i32::try_from(below(seed, 4000)).unwrap_or(0);
                Some(Json::from(f64::from(quarters) / 4.0))
            }
            SchemaKind::Boolean => Some(Json::Bool(mix(seed) & 1 == 1)),
            SchemaKind::Any => Some(Json::String(self.text(&name, schema, seed))),
        }
    }

    fn text(&self, name: &Words, schema: &Schema, seed: u64) -> String {
        let noun = pick(seed, NOUNS);
        match schema.format.as_deref() {
            Some("date-time" | "google-datetime") => return clock::iso(self.moment(seed)),
            Some("date") => return clock::date(self.moment(seed)),
            Some("uuid") => return uuid(seed),
            Some("email") => return email(seed),
            Some("uri" | "url") => return format!("https://{noun}.example.com/"),
            Some("byte" | "base64") => return "c2FuZGJveA==".to_owned(),
            Some("int64" | "uint64" | "int32") => return (seed % 1_000_000).to_string(),
            Some("ipv4") => return address(seed),
            _ => {}
        }
        if name.is_time() {
            return clock::iso(self.moment(seed));
        }
        let last = name.last();
        match last {
            "arn" => format!("arn:sandbox:service:us-east-1:000000000000:{noun}"),
            "email" | "mail" => email(seed),
            "url" | "urls" | "uri" | "uris" | "link" | "href" | "endpoint" => {
                format!("https://{noun}.example.com/{}", pick(mix(seed), ADJECTIVES))
            }
            "host" | "hostname" | "domain" => format!("{noun}.example.com"),
            "id" | "uid" | "uuid" | "guid" => uuid(seed),
            "date" => clock::date(self.moment(seed)),
            "region" | "location" | "zone" => pick(seed, REGIONS).to_owned(),
            "by" | "owner" | "creator" | "username" | "user" => email(seed),
            "description" | "comment" | "message" | "reason" => pick(seed, SENTENCES).to_owned(),
            "state" | "status" => "ACTIVE".to_owned(),
            "version" => format!("{}.{}", 1 + seed % 3, mix(seed) % 10),
            "etag" | "fingerprint" | "checksum" | "hash" => format!("{:016x}", mix(seed)),
            "cidr" => format!("{}/24", address(seed & !0xFF)),
            "ip" => address(seed),
            "scope" => pick(seed, &["all-apis", "profile", "offline_access"]).to_owned(),
            "secret" | "token" | "password" | "key" => format!("sandbox-{:012x}", mix(seed) >> 16),
            "cloud" => "aws".to_owned(),
            "currency" => "USD".to_owned(),
            "count" | "size" | "number" => (seed % 100).to_string(),
            _ if name.has("user") && last == "name" => email(seed),
            _ => format!("{}-{noun}", pick(mix(seed), ADJECTIVES)),
        }
    }

    fn integer(&self, name: &Words, schema: &Schema, seed: u64) -> i64 {
        let some = |choices: [i64; 4]| choices[below(seed, 4)];
        if name.is_time() {
            let moment = self.moment(seed);
            return if schema.format.as_deref() == Some("int32") { moment } else { moment * 1000 };
        }
        let large = schema.format.as_deref() != Some("int32");
        match name.last() {
            "minutes" => some([60, 120, 1440, 43_200]),
            "seconds" | "ttl" => some([60, 300, 900, 3600]),
            "hours" => some([1, 6, 12, 24]),
            "days" => some([1, 7, 30, 90]),
            "ms" | "millis" => some([100, 250, 1000, 5000]),
            "port" => some([443, 8080, 8443, 5432]),
            "year" => 2024,
            "percent" | "percentage" => some([0, 25, 50, 100]),
            "bytes" => some([1024, 65_536, 1_048_576, 1_073_741_824]),
            "id" | "by" | "uid" if large => {
                1_000_000_000_000_000 + i64::try_from(seed % 7_000_000_000_000_000).unwrap_or(0)
            }
            _ => 1 + i64::try_from(seed % 100).unwrap_or(0),
        }
    }

    /// A time in the year before the clock.
    fn moment(&self, seed: u64) -> i64 {
        self.clock - i64::try_from(mix(seed) % 31_536_000).unwrap_or(0)
    }
}

/// Fields that every object of a real service has.
fn is_core(name: &str) -> bool {
    let words = Words::of(name);
    words.is_time() || matches!(words.last(), "id" | "uid" | "name" | "uuid")
}

/// True for fields with the time of creation or modification.
pub(crate) fn moment(name: &str) -> bool {
    let words = Words::of(name);
    let about = |word: &String| word.starts_with("creat") || word.starts_with("updat");
    words.is_time() && words.0.iter().any(about)
}

fn uuid(seed: u64) -> String {
    crate::identity::identifier(crate::identity::IdKind::Uuid, seed, 0)
}

fn email(seed: u64) -> String {
    format!("{}@example.com", pick(seed, PEOPLE))
}

/// An address in the block reserved for documentation (RFC 5737).
fn address(seed: u64) -> String {
    format!("203.0.113.{}", seed & 0xFF)
}

/// The words of a field name, in lower case: `createTime` and `create_time` are the same.
struct Words(Vec<String>);

impl Words {
    fn of(name: &str) -> Self {
        let mut words: Vec<String> = Vec::new();
        let mut lower_before = false;
        for c in name.chars() {
            if !c.is_alphanumeric() {
                words.push(String::new());
            } else if (c.is_uppercase() && lower_before) || words.is_empty() {
                words.push(c.to_lowercase().collect());
            } else if let Some(word) = words.last_mut() {
                word.extend(c.to_lowercase());
            }
            lower_before = c.is_lowercase() || c.is_ascii_digit();
        }
        words.retain(|word| !word.is_empty());
        Self(words)
    }

    fn last(&self) -> &str {
        self.0.last().map_or("", String::as_str)
    }

    fn has(&self, word: &str) -> bool {
        self.0.iter().any(|own| own == word)
    }

    fn is_time(&self) -> bool {
        match self.last() {
            "timestamp" | "datetime" => true,
            "time" => true,
            "at" | "on" => self.0.len() > 1,
            "created" | "updated" | "modified" => self.0.len() == 1,
            _ => false,
        }
    }

    /// The name of one item of a list: `redirect_urls` → `redirect_url`.
    fn singular(&self) -> String {
        let name = self.0.join("_");
        name.strip_suffix('s').map_or(name.clone(), str::to_owned)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_split_into_words() {
        assert_eq!(Words::of("createTime").0, ["create", "time"]);
        assert_eq!(Words::of("access_token_ttl_in_minutes").last(), "minutes");
        assert_eq!(Words::of("VPCId").0, ["vpcid"]);
        assert!(Words::of("created_at").is_time());
        assert!(!Words::of("uptime").is_time());
        assert_eq!(Words::of("redirectUrls").singular(), "redirect_url");
    }
}

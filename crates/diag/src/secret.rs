//! Names that suggest a secret.
//!
//! Owns: which names of parameters, fields and headers hold secrets, in any spelling.
//! Refuses: values; see [`crate::Redactor`].
//! Surprise: page tokens are no secrets, and neither are properties of a secret (`token_type`,
//! `password_policy`) and counts (`max_tokens`).

/// Words that make a name secret wherever they occur.
const SECRET: &[&str] = &[
    "pwd",
    "secret",
    "secrets",
    "token",
    "tokens",
    "jwt",
    "otp",
    "totp",
    "pin",
    "sas",
    "sig",
    "signature",
    "bearer",
    "credential",
    "credentials",
    "authorization",
    "cookie",
    "assertion",
    "dsn",
];

/// Parts of words written without separators (`clientsecret`, `apikey`).
const PARTS: &[&str] = &[
    "secret",
    "password",
    "passwd",
    "passphrase",
    "passcode",
    "credential",
    "apikey",
    "accesskey",
    "privatekey",
    "authtoken",
    "accesstoken",
    "connectionstring",
];

/// Last words of names that describe a secret, and do not hold one.
const DESCRIPTIONS: &[&str] = &[
    "policy",
    "policies",
    "type",
    "types",
    "name",
    "names",
    "id",
    "ids",
    "arn",
    "count",
    "ttl",
    "expiry",
    "expires",
    "expiration",
    "minutes",
    "seconds",
    "hours",
    "days",
    "lifetime",
    "age",
    "duration",
    "url",
    "uri",
    "endpoint",
    "format",
    "version",
    "status",
    "state",
    "enabled",
    "disabled",
    "required",
    "length",
    "size",
    "limit",
    "algorithm",
    "usage",
    "scope",
    "scopes",
    "at",
    "time",
    "timestamp",
    "date",
    "location",
    "provider",
    "rotation",
    "settings",
    "config",
    "ref",
    "reference",
    "path",
    "vault",
    "store",
    "manager",
    "reset",
    "hint",
    "exists",
    "created",
    "updated",
];

/// Words beside `token` or `key` that only page.
const PAGING: &[&str] = &[
    "page",
    "next",
    "prev",
    "previous",
    "continuation",
    "pagination",
    "start",
    "starting",
    "last",
    "evaluated",
    "exclusive",
    "cursor",
    "skip",
    "sync",
    "resume",
    "list",
    "marker",
    "current",
];

/// Words before `tokens` that count them.
const COUNTS: &[&str] = &[
    "max",
    "min",
    "total",
    "prompt",
    "completion",
    "input",
    "output",
    "num",
    "count",
    "cached",
    "reasoning",
    "used",
    "new",
    "budget",
    "thinking",
];

/// Words before `key` that make it a plain identifier.
const PLAIN_KEYS: &[&str] = &[
    "public",
    "primary",
    "partition",
    "sort",
    "foreign",
    "project",
    "issue",
    "unique",
    "range",
    "hash",
    "parent",
    "object",
    "row",
    "routing",
    "natural",
    "idempotency",
    "tag",
    "group",
    "cache",
    "map",
    "clustering",
    "distribution",
    "lookup",
    "join",
    "s3",
    "config",
    "metadata",
    "label",
    "translation",
];

/// Words after `private` that are no secrets.
const PLAIN_PRIVATE: &[&str] = &[
    "ip",
    "ips",
    "dns",
    "endpoint",
    "endpoints",
    "link",
    "network",
    "networks",
    "subnet",
    "subnets",
    "zone",
    "address",
    "addresses",
    "cluster",
    "repo",
    "repos",
    "repository",
    "repositories",
    "access",
    "visibility",
    "host",
    "hostname",
    "port",
    "vpc",
    "service",
    "cloud",
    "gists",
    "members",
    "domain",
    "connectivity",
];

/// Names of what is secret in an object that is called like a secret: `{"password": {"value": "…"}}`.
const VALUES: &[&str] = &[
    "value",
    "values",
    "data",
    "text",
    "plain",
    "plaintext",
    "plain_text",
    "plainText",
    "content",
    "raw",
    "string",
    "base64",
    "hash",
    "salt",
    "payload",
    "material",
];

/// Words that begin with `pass` and are no passwords.
const PLAIN_PASS: &[&str] = &[
    "passive",
    "passed",
    "passes",
    "passing",
    "passage",
    "passenger",
    "passengers",
    "passthrough",
];

/// True for names of parameters, fields and headers that suggest a secret, such as `client_secret`.
pub fn is_secret_name(name: &str) -> bool {
    let words = words(name);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let Some((last, before)) = words.split_last() else { return false };
    let is_key = |word: &str| matches!(word, "key" | "keys");
    let is_token = |word: &str| matches!(word, "token" | "tokens");
    let others: Vec<&str> =
        words.iter().copied().filter(|word| !is_token(word) && !is_key(word)).collect();
    if others.len() < words.len()
        && others.iter().any(|word| *word != "x")
        && others.iter().all(|word| PAGING.contains(word) || *word == "x")
    {
        return false;
    }
    if *last == "tokens" && before.iter().any(|word| COUNTS.contains(word)) {
        return false;
    }
    if DESCRIPTIONS.contains(last) && !before.is_empty() {
        return false;
    }
    let pairs = words.windows(2);
    let holds = |first: &str, second: &str| pairs.clone().any(|pair| pair == [first, second]);
    let is_secret_word = |word: &&str| {
        SECRET.contains(word)
            || PARTS.iter().any(|part| word.contains(part))
            || (word.starts_with("pass") && !PLAIN_PASS.contains(word))
            || (word.len() > 5 && word.ends_with("token"))
    };
    let is_key_name = is_key(last) && before.last().is_none_or(|word| !PLAIN_KEYS.contains(word));
    let is_private = words
        .iter()
        .position(|word| *word == "private")
        .is_some_and(|at| words.get(at + 1).is_some_and(|next| !PLAIN_PRIVATE.contains(next)));
    words.iter().any(is_secret_word)
        // of an account that has two; a table calls it `primary_key`
        || matches!(name, "primaryKey" | "PrimaryKey")
        || is_key_name
        || is_private
        || holds("connection", "string")
        || holds("conn", "str")
        || holds("access", "key")
        || holds("api", "key")
}

/// True for names that hold a secret inside of an object that is called like one.
pub fn is_secret_value_name(name: &str) -> bool {
    is_secret_name(name) || VALUES.contains(&name)
}

/// The words of a name in lower case: `X-Api-Key`, `apiKey` and `api_key` are alike.
fn words(name: &str) -> Vec<String> {
    let chars: Vec<char> = name.chars().collect();
    let mut words: Vec<String> = Vec::new();
    let mut word = String::new();
    for (at, c) in chars.iter().enumerate() {
        if !c.is_alphanumeric() {
            words.extend((!word.is_empty()).then(|| std::mem::take(&mut word)));
            continue;
        }
        let before = at.checked_sub(1).and_then(|at| chars.get(at));
        let after = chars.get(at + 1);
        let begins = c.is_uppercase()
            && (before.is_some_and(|before| before.is_lowercase() || before.is_numeric())
                || (before.is_some_and(|before| before.is_uppercase())
                    && after.is_some_and(|after| after.is_lowercase())));
        if begins && !word.is_empty() {
            words.push(std::mem::take(&mut word));
        }
        word.extend(c.to_lowercase());
    }
    words.extend((!word.is_empty()).then_some(word));
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_secrets_are_recognised_in_every_spelling() {
        for name in [
            "password",
            "user_password",
            "passwd",
            "passphrase",
            "passcode",
            "pass",
            "pwd",
            "dbPwd",
            "client_secret",
            "clientSecret",
            "CLIENT_SECRET",
            "X-Api-Secret",
            "pin_secret",
            "list_secret",
            "token",
            "access_token",
            "page_access_token",
            "authToken",
            "accesstoken",
            "X-Token",
            "api_key",
            "apikey",
            "X-Api-Key",
            "key",
            "secretKey",
            "accessKey",
            "AWSAccessKeyId",
            "jwt",
            "otp",
            "sas",
            "sasToken",
            "sig",
            "bearer",
            "credential",
            "credentials",
            "connection_string",
            "connectionString",
            "private_key",
            "privateKey",
            "privateData",
            "Authorization",
            "cookie",
        ] {
            let described = name == "AWSAccessKeyId";
            assert_eq!(is_secret_name(name), !described, "{name}");
        }
    }

    #[test]
    fn page_tokens_and_descriptions_are_no_secrets() {
        for name in [
            "page_token",
            "pageToken",
            "next_page_token",
            "NextToken",
            "nextContinuationToken",
            "continuation-token",
            "starting_token",
            "x-next-token",
            "token_type",
            "password_policy",
            "token_ttl_in_minutes",
            "max_tokens",
            "total_tokens",
            "secret_name",
            "key_id",
            "public_key",
            "partition_key",
            "private_ip",
            "is_private",
            "private",
            "passive",
            "name",
            "keyword",
            "monkey",
            "tokenize",
            "signal",
            "compass",
            "",
        ] {
            assert!(!is_secret_name(name), "{name}");
        }
    }
}

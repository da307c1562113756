//! Words for generated names.

/// First words of names.
pub(crate) const ADJECTIVES: &[&str] = &[
    "amber", "brisk", "coral", "dusty", "early", "frosty", "golden", "hidden", "ivory", "jolly",
    "keen", "lunar", "mellow", "noble", "olive", "polar", "quiet", "rustic", "silver", "tidal",
];

/// Second words of names.
pub(crate) const NOUNS: &[&str] = &[
    "harbor", "meadow", "orchard", "canyon", "lantern", "glacier", "compass", "thicket", "beacon",
    "delta", "summit", "prairie", "anchor", "willow", "quarry", "lagoon", "ridge", "cedar", "mill",
];

/// People, for user names and addresses.
pub(crate) const PEOPLE: &[&str] =
    &["ada", "bruno", "chiara", "dmitri", "emeka", "freya", "gita", "hana", "ines", "jonas"];

/// Places, for region-like fields.
pub(crate) const REGIONS: &[&str] = &["us-east-1", "us-west-2", "eu-west-1", "eu-central-1"];

/// Free texts.
pub(crate) const SENTENCES: &[&str] = &[
    "Created by the sandbox.",
    "Kept for the quarterly review.",
    "Shared by several teams.",
    "Used by the nightly job.",
    "Waiting for an owner.",
];

//! Prompts: tasks that a person can choose.

use rmcp::model::{Prompt, PromptArgument};

struct Row {
    name: &'static str,
    description: &'static str,
    arguments: &'static [(&'static str, bool, &'static str)],
    text: &'static str,
}

const PROVIDER: (&str, bool, &str) = ("provider", false, "the provider, or all without it");

const ROWS: &[Row] = &[
    Row {
        name: "getting_started",
        description: "What can be queried here, and a first query",
        arguments: &[],
        text: "Call `server_info` and `list_providers`. Choose a provider with a credential (`reload_credentials` tells), \
find a resource that lists something with `search_schema`, read what it needs with `list_methods`, and run one query with \
`row_limit` 5. Then tell me in a few sentences what I can ask for.",
    },
    Row {
        name: "cloud_audit",
        description: "Take stock of what exists, and of what looks wrong",
        arguments: &[PROVIDER],
        text: "Take stock of {provider}. Read `strataql://docs/scope_discovery` and `strataql://docs/audit_rubric` first. \
List the scopes, then the resources that matter in each, with counts. Change nothing. Report findings by severity, each with the query \
that shows it, and say which parts you could not read and why.",
    },
    Row {
        name: "drift_report",
        description: "Compare what exists with what was meant",
        arguments: &[
            PROVIDER,
            ("expected", true, "what should exist: names and values, or a manifest"),
        ],
        text: "Compare {provider} with what is expected: {expected}. Read each object with a query, list the differences as a table \
of object, field, expected and found, and the objects that exist and are not expected. Change nothing.",
    },
    Row {
        name: "iam_access_review",
        description: "Who may do what",
        arguments: &[PROVIDER],
        text: "Review access in {provider}: users, groups, service principals, roles and their assignments. Point out \
administrators, principals without an owner, credentials that never end, and access that nobody uses. Change nothing.",
    },
    Row {
        name: "public_exposure_scan",
        description: "What can be reached from everywhere",
        arguments: &[PROVIDER],
        text: "Find what {provider} exposes to everybody: public storage, open network rules, endpoints without authentication, \
shares with unknown recipients. For each give the object, the setting that exposes it, and the query that shows it. Change nothing.",
    },
    Row {
        name: "cost_cleanup",
        description: "What costs money and is not used",
        arguments: &[PROVIDER],
        text: "Find objects of {provider} that cost money and look unused: stopped machines with disks, idle clusters and \
warehouses, old snapshots, unattached addresses. Propose statements for a cleanup, preview each with `explain_requests`, and run \
nothing before I say so.",
    },
    Row {
        name: "create_objects",
        description: "Create objects step by step, with a preview before each change",
        arguments: &[("goal", true, "what should exist at the end")],
        text: "I want this to exist: {goal}. Find the resources with `search_schema`, read what INSERT needs with `describe_method`, \
check what exists already, then write the statements in order. Preview them with `explain_requests` and show me the requests before you \
run them with `run_mutation_query`. Afterwards read the objects again to show that they exist.",
    },
];

/// The prompts.
pub(crate) fn all() -> Vec<Prompt> {
    ROWS.iter()
        .map(|row| {
            let arguments = row.arguments.iter().map(|(name, is_needed, meaning)| {
                PromptArgument::new(*name).with_description(*meaning).with_required(*is_needed)
            });
            Prompt::new(row.name, Some(row.description), Some(arguments.collect()))
        })
        .collect()
}

/// The text of a prompt with its arguments; or the names of those that are missing.
pub(crate) fn filled(
    name: &str,
    value: &dyn Fn(&str) -> Option<String>,
) -> Option<Result<String, Vec<&'static str>>> {
    let row = ROWS.iter().find(|row| row.name == name)?;
    let needed = row.arguments.iter().filter(|argument| argument.1).map(|argument| argument.0);
    let missing: Vec<&'static str> = needed.filter(|name| value(name).is_none()).collect();
    if !missing.is_empty() {
        return Some(Err(missing));
    }
    let mut text = row.text.to_owned();
    for (name, _, _) in row.arguments {
        let value =
            value(name).unwrap_or_else(|| "all providers that have a credential".to_owned());
        text = text.replace(&format!("{{{name}}}"), &value);
    }
    Some(Ok(text))
}

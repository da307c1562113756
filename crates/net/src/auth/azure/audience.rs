//! Which audience the tokens for a host need.
//!
//! Owns: the table of Azure's services.
//! Surprise: a host that is not in the table gets a token for the resource manager, as all hosts do in
//! tools that know no others.

const MANAGER: &str = "https://management.azure.com";

/// Ends of host names, with their audiences.
const AUDIENCES: &[(&str, &str)] = &[
    ("management.azure.com", MANAGER),
    ("management.core.windows.net", MANAGER),
    ("management.usgovcloudapi.net", "https://management.usgovcloudapi.net"),
    ("management.chinacloudapi.cn", "https://management.chinacloudapi.cn"),
    ("graph.microsoft.com", "https://graph.microsoft.com"),
    ("graph.microsoft.us", "https://graph.microsoft.us"),
    ("microsoftgraph.chinacloudapi.cn", "https://microsoftgraph.chinacloudapi.cn"),
    (".vault.azure.net", "https://vault.azure.net"),
    (".vault.usgovcloudapi.net", "https://vault.usgovcloudapi.net"),
    (".vault.azure.cn", "https://vault.azure.cn"),
    (".managedhsm.azure.net", "https://managedhsm.azure.net"),
    (".blob.core.windows.net", STORAGE),
    (".queue.core.windows.net", STORAGE),
    (".table.core.windows.net", STORAGE),
    (".file.core.windows.net", STORAGE),
    (".dfs.core.windows.net", STORAGE),
    (".blob.core.usgovcloudapi.net", STORAGE),
    (".blob.core.chinacloudapi.cn", STORAGE),
    (".search.windows.net", "https://search.azure.com"),
    (".servicebus.windows.net", "https://servicebus.azure.net"),
    (".servicebus.usgovcloudapi.net", "https://servicebus.azure.net"),
    (".azconfig.io", "https://azconfig.io"),
    (".documents.azure.com", "https://cosmos.azure.com"),
    (".batch.azure.com", "https://batch.core.windows.net"),
    (".cognitiveservices.azure.com", "https://cognitiveservices.azure.com"),
    (".api.cognitive.microsoft.com", "https://cognitiveservices.azure.com"),
    (".openai.azure.com", "https://cognitiveservices.azure.com"),
    (".services.ai.azure.com", "https://ai.azure.com"),
    (".dev.azuresynapse.net", "https://dev.azuresynapse.net"),
    (".digitaltwins.azure.net", "https://digitaltwins.azure.net"),
    (".azure-devices.net", "https://iothubs.azure.net"),
    (".eventgrid.azure.net", "https://eventgrid.azure.net"),
    (".webpubsub.azure.com", "https://webpubsub.azure.com"),
    (".service.signalr.net", "https://signalr.azure.com"),
    (".communication.azure.com", "https://communication.azure.com"),
    (".purview.azure.com", "https://purview.azure.net"),
    (".attest.azure.net", "https://attest.azure.net"),
    (".confidential-ledger.azure.com", "https://confidential-ledger.azure.com"),
    (".healthcareapis.azure.com", "https://healthcareapis.azure.com"),
    (".monitor.azure.com", "https://monitor.azure.com"),
    ("api.loganalytics.io", "https://api.loganalytics.io"),
    ("api.applicationinsights.io", "https://api.applicationinsights.io"),
    ("atlas.microsoft.com", "https://atlas.microsoft.com"),
    ("api.powerbi.com", "https://analysis.windows.net/powerbi/api"),
    ("dev.azure.com", "499b84ac-1321-427f-aa17-267ca6975798"),
    (".azuredatabricks.net", DATABRICKS),
    (".databricks.azure.us", DATABRICKS),
    (".databricks.azure.cn", DATABRICKS),
];

const STORAGE: &str = "https://storage.azure.com";

/// The application of all workspaces of Databricks.
pub(in crate::auth) const DATABRICKS: &str = "2ff814a6-3304-4ab8-85cb-cd0e6f879c1d";

/// The audience of tokens for a host. Clusters of Kusto are audiences of their own.
pub(super) fn audience(host: &str) -> String {
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    if [".kusto.windows.net", ".kusto.fabric.microsoft.com"].iter().any(|end| host.ends_with(end)) {
        return format!("https://{host}");
    }
    let found = AUDIENCES
        .iter()
        .find(|(end, _)| if end.starts_with('.') { host.ends_with(end) } else { host == *end });
    found.map_or(MANAGER, |(_, audience)| audience).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_have_their_audiences() {
        for (host, expected) in [
            ("management.azure.com", MANAGER),
            ("MyVault.Vault.azure.net.", "https://vault.azure.net"),
            ("a.blob.core.windows.net", STORAGE),
            ("c.westeurope.kusto.windows.net", "https://c.westeurope.kusto.windows.net"),
            ("graph.microsoft.com", "https://graph.microsoft.com"),
            // not a part of Azure, and not the same name
            ("evil-vault.azure.net", MANAGER),
            ("vault.azure.net.evil.test", MANAGER),
            ("", MANAGER),
        ] {
            assert_eq!(audience(host), expected, "{host}");
        }
    }
}

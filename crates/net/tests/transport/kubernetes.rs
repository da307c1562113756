//! Kubernetes: users of a kubeconfig, and pods.

use serde_json::{Value as Json, json};
use strataql_diag::Code;

use crate::machine::{Case, Machine};
use crate::server::{Seen, Step, answer};

const URL: &str = "https://one.test:6443/api/v1/namespaces";
const FILE: &str = "/home/ada/.kube/config";
const CONFIG: &str = "
apiVersion: v1
current-context: plain
clusters:
- {name: one, cluster: {server: 'https://one.test:6443'}}
- {name: two, cluster: {server: 'https://two.test'}}
contexts:
- {name: plain, context: {cluster: one, user: plain}}
- {name: filed, context: {cluster: one, user: filed}}
- {name: run, context: {cluster: one, user: run}}
- {name: pair, context: {cluster: one, user: pair}}
- {name: mutual, context: {cluster: one, user: mutual}}
- {name: other, context: {cluster: two, user: plain}}
users:
- {name: plain, user: {token: plain-t0ken}}
- {name: filed, user: {tokenFile: token}}
- name: run
  user:
    exec:
      apiVersion: client.authentication.k8s.io/v1
      command: login
      args: [get, token]
      env: [{name: REGION, value: eu}]
- {name: pair, user: {username: ada, password: pass-w0rd}}
- {name: mutual, user: {client-certificate-data: hush-hush}}
";

fn services(_: usize, _: &Seen) -> Vec<Step> {
    answer(200, &[], "{}")
}

fn config(context: Option<&str>) -> Json {
    match context {
        Some(context) => json!({"type": "k8s", "profile": context}),
        None => json!({"type": "kubeconfig"}),
    }
}

#[tokio::test]
async fn the_user_of_the_context_is_used() {
    let credential = json!({"kind": "ExecCredential", "status": {"token": "exec-t0ken",
        "expirationTimestamp": "2026-01-01T01:00:00Z"}});
    let files = &[(FILE, CONFIG), ("/home/ada/.kube/token", "file-t0ken\n")];
    for (context, expected) in [
        (None, "Bearer plain-t0ken"),
        (Some("filed"), "Bearer file-t0ken"),
        (Some("run"), "Bearer exec-t0ken"),
        (Some("pair"), "Basic YWRhOnBhc3MtdzByZA=="),
    ] {
        let machine = Machine::new(&[], files).with("login", Ok(&credential.to_string()));
        let ran = std::sync::Arc::clone(&machine.ran);
        let case = Case::of_user(machine, config(context), services).await;
        assert_eq!(case.sent(URL).await.header("authorization"), Some(expected), "{context:?}");
        let expected: &[&str] = if context == Some("run") { &["login get|token"] } else { &[] };
        assert_eq!(*ran.lock().expect("no panic"), expected);
    }
    let other = "current-context: plain\n";
    let files = &[("/a", other), ("/b", CONFIG)];
    let case = Case::of_user(
        Machine::new(&[("KUBECONFIG", "/none:/a:/b")], files),
        config(None),
        services,
    );
    assert_eq!(case.await.sent(URL).await.header("authorization"), Some("Bearer plain-t0ken"));
}

#[tokio::test]
async fn pods_have_a_token() {
    let variables = &[("KUBERNETES_SERVICE_HOST", "10.0.0.1")];
    let files = &[("/var/run/secrets/kubernetes.io/serviceaccount/token", "pod-t0ken")];
    let case = Case::of_user(Machine::new(variables, files), config(None), services).await;
    assert_eq!(case.sent(URL).await.header("authorization"), Some("Bearer pod-t0ken"));
}

#[tokio::test]
async fn a_token_goes_to_the_server_of_its_context_only() {
    for (context, part) in [
        (
            Some("other"),
            "is for `https://two.test`, and the request goes to `https://one.test:6443`",
        ),
        (Some("gone"), "there is no context `gone`"),
        (Some("mutual"), "client certificate, which is not supported"),
        (Some("run"), "there is no program `login`"),
    ] {
        let machine = Machine::new(&[], &[(FILE, CONFIG)]);
        let case = Case::of_user(machine, config(context), services).await;
        let report = case.failed(URL).await;
        assert_eq!(report.code, Code::NoCredential);
        assert!(report.message.contains(part), "{report}");
        assert!(!format!("{report:?}").contains("hush"), "{report:?}");
        assert_eq!(case.server.seen().len(), 0);
    }
}

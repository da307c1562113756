//! Waiting for changes: polling intervals, handles, and reports of timeouts.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::{Value as Json, json};
use strataql_call::{
    Arguments, CallMetrics, Ended, Exchange, MethodCall, MethodRef, ServerVariables, Value, Waiter,
};
use strataql_diag::{Code, Report};
use strataql_net::{Clock, ManualClock, Request, Response};
use strataql_spec::{HttpVerb, load_provider, load_service};
use url::Url;

const ORIGIN: &str = "https://builds.fleet.example.com";

/// A response: status, headers, body.
type Answer = (u16, &'static [(&'static str, &'static str)], Json);

/// A service that returns these responses in order.
struct Fake {
    clock: ManualClock,
    answers: Mutex<VecDeque<Answer>>,
    asked: Mutex<Vec<String>>,
}

fn response(answer: Answer, request: &Request) -> Response {
    let (status, pairs, body) = answer;
    let mut headers = HeaderMap::new();
    for (name, value) in pairs {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    Response::new(status, headers, body.to_string(), request)
}

impl Exchange for Fake {
    fn exchange(&self, request: Request) -> BoxFuture<'_, Result<Response, Box<Report>>> {
        self.asked.lock().expect("whole").push(request.url.to_string());
        let answer = self.answers.lock().expect("whole").pop_front().expect("one more answer");
        async move { Ok(response(answer, &request)) }.boxed()
    }

    fn clock(&self) -> Arc<dyn Clock> {
        Arc::new(self.clock.clone())
    }
}

/// The method `resource.method` of the service.
fn builds(method: &str) -> MethodRef {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../e2e/documents/src/fleet/v1");
    let read = |name: &str| std::fs::read_to_string(folder.join(name)).expect("readable");
    let (provider, _) = load_provider(&read("provider.yaml"), "provider.yaml").expect("loads");
    let text = read("services/builds.yaml");
    let (service, _) =
        load_service(&text, &provider, &provider.services["builds"], "builds.yaml").expect("loads");
    let (resource, method) = method.split_once('.').expect("a method");
    MethodRef::find(&Arc::new(provider), &Arc::new(service), resource, method).expect("known")
}

/// The result of a wait.
struct Run {
    result: Result<Ended, Box<Report>>,
    asked: Vec<String>,
    sleeps: Vec<u64>,
    told: Vec<String>,
}

/// Waits for a change by `resource.method` whose response is the first of these.
fn wait(method: &str, arguments: &[(&str, &str)], patience: u64, answers: Vec<Answer>) -> Run {
    let target = builds(method);
    let waiter = Waiter::of(&target, Duration::from_secs(patience)).expect("awaitable");
    let resource = &target.short_name().resource;
    let url = Url::parse(&format!("{ORIGIN}/v1/{resource}")).expect("a URL");
    let request = Request::new("fleet".to_owned(), HttpVerb::Post, url);
    let mut answers: VecDeque<Answer> = answers.into();
    let first = response(answers.pop_front().expect("an answer"), &request);
    let fake = Fake {
        clock: ManualClock::default(),
        answers: Mutex::new(answers),
        asked: Mutex::default(),
    };
    let given = arguments
        .iter()
        .map(|(name, value)| ((*name).to_owned(), Value::Text((*value).to_owned())));
    let given: Arguments = given.collect();
    let call = MethodCall::new(target, given, &ServerVariables::none()).expect("bound");
    let told = Mutex::new(Vec::new());
    let watch = |status: Option<&str>, waited: Duration| {
        let line = format!("{} {}", status.unwrap_or("-"), waited.as_secs());
        told.lock().expect("whole").push(line);
    };
    let metrics = CallMetrics::default();
    let result = futures::executor::block_on(async {
        waiter.finish(&fake, &metrics, &call, first, &watch).await
    });
    Run {
        result,
        asked: fake.asked.into_inner().expect("whole"),
        sleeps: fake.clock.sleeps().iter().map(Duration::as_secs).collect(),
        told: told.into_inner().expect("whole"),
    }
}

fn state(state: &str) -> Answer {
    (200, &[], json!({"cluster_id": "c1", "state": state}))
}

const CLUSTER: &[(&str, &str)] = &[("cluster_id", "c1")];

#[test]
fn pauses_grow_and_the_status_is_told() {
    let mut answers = vec![(200, &[][..], json!({}))];
    answers.extend(["PENDING"; 5].map(state));
    answers.push(state("RUNNING"));
    let run = wait("clusters.update", CLUSTER, 1200, answers);
    let ended = run.result.expect("done");
    assert_eq!((ended.polls, ended.waited.as_secs()), (6, 35));
    assert_eq!(run.sleeps, [1, 2, 4, 8, 10, 10]);
    assert_eq!(
        run.told,
        ["- 0", "PENDING 1", "PENDING 3", "PENDING 7", "PENDING 15", "PENDING 25"]
    );
    assert!(run.asked.iter().all(|url| *url == format!("{ORIGIN}/v1/clusters/c1")));
}

#[test]
fn a_service_may_say_when_to_ask() {
    let later: Answer = (202, &[("location", "/v1/later/1"), ("retry-after", "7")], json!({}));
    let moved: Answer = (202, &[("location", "/v1/later/2"), ("retry-after", "3")], json!({}));
    let done: Answer = (200, &[], json!({"image_id": "i1"}));
    let run = wait("images.put", &[("image_id", "i1")], 1200, vec![later, moved, done]);
    assert_eq!(run.result.expect("done").polls, 2);
    assert_eq!(run.sleeps, [7, 3]);
    assert_eq!(run.asked, [format!("{ORIGIN}/v1/later/1"), format!("{ORIGIN}/v1/later/2")]);
}

#[test]
fn other_origins_are_never_asked() {
    const ELSEWHERE: &[(&str, &str)] = &[("location", "https://evil.example.net/v1/later/1")];
    let run = wait("images.put", &[("image_id", "i1")], 1200, vec![(202, ELSEWHERE, json!({}))]);
    let report = run.result.expect_err("another origin");
    assert!(report.notes.iter().any(|note| note.contains("was accepted")), "{report:?}");
    assert!(run.asked.is_empty() && run.sleeps.is_empty());
    for link in [
        "https://evil.example.net/v1/operations/op-1",
        "http://builds.fleet.example.com/v1/operations/op-1",
        "//evil.example.net/x",
    ] {
        let operation = json!({"name": "op-1", "status": "RUNNING", "selfLink": link});
        let run = wait("volumes.create", &[("volume_id", "v1")], 1200, vec![(200, &[], operation)]);
        run.result.expect_err(link);
        assert!(run.asked.is_empty(), "{link}");
    }
}

#[test]
fn the_end_of_the_patience_names_the_handle() {
    let answers = vec![state("PENDING"), state("PENDING"), state("PENDING"), state("PENDING")];
    let run = wait("clusters.create", CLUSTER, 8, answers);
    let report = run.result.expect_err("late");
    assert_eq!(report.code, Code::Timeout);
    assert!(report.message.contains("its status is `PENDING`"), "{report}");
    let resume = "EXEC /*+ AWAIT */ fleet.builds.clusters.get @cluster_id = 'c1'";
    assert!(report.help.iter().any(|help| help.contains(resume)), "{report:?}");
    // the next interval would exceed the limit
    assert_eq!(run.sleeps, [1, 2, 4]);
}

#[test]
fn what_keeps_the_state_from_being_read_names_the_handle_too() {
    let refused: Answer = (403, &[], json!({"message": "no"}));
    let run = wait("clusters.create", CLUSTER, 60, vec![state("PENDING"), refused]);
    let report = run.result.expect_err("refused");
    assert!(
        report.help.iter().any(|help| help.contains("fleet.builds.clusters.get")),
        "{report:?}"
    );
    assert!(report.notes.iter().any(|note| note.contains("not sent again")), "{report:?}");
}

#[test]
fn an_object_that_is_gone_is_deleted_and_not_created() {
    let gone = || -> Answer { (404, &[], json!({"message": "no such cluster"})) };
    let accepted = || -> Answer { (200, &[], json!({})) };
    let run = wait("clusters.delete", CLUSTER, 60, vec![accepted(), state("PENDING"), gone()]);
    assert_eq!(run.result.expect("gone").polls, 2);
    let run = wait("clusters.update", CLUSTER, 60, vec![accepted(), gone()]);
    assert_eq!(run.result.expect_err("gone").code, Code::RemoteMissing);
}

#[test]
fn a_wait_is_taken_up_again_where_it_is() {
    let run = wait("clusters.get", CLUSTER, 60, vec![state("RUNNING")]);
    assert_eq!(run.result.expect("done").polls, 0);
    let run = wait("clusters.get", CLUSTER, 60, vec![state("FAILED")]);
    assert_eq!(run.result.expect_err("failed").code, Code::RemoteRejected);
}

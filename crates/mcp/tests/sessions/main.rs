//! Sessions over both transports, with a backend that is made up.

#![expect(clippy::disallowed_methods, reason = "a test starts servers and waits")]

mod fake;

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use strataql_mcp::{HttpOptions, Mode, Options, Server};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, DuplexStream};

use crate::fake::Fake;

/// A client that writes and reads lines.
struct Client {
    write: DuplexStream,
    read: BufReader<DuplexStream>,
    next: u64,
    /// What it says when it is asked; without it, it cannot be asked.
    reply: Option<&'static str>,
    questions: Vec<String>,
}

impl Client {
    async fn start(fake: &Arc<Fake>, options: Options, reply: Option<&'static str>) -> Self {
        let (write, theirs_read) = tokio::io::duplex(1 << 20);
        let (theirs_write, read) = tokio::io::duplex(1 << 20);
        let server = Server::new(Arc::clone(fake) as _, options, "stdio").expect("a server");
        tokio::spawn(server.serve(theirs_read, theirs_write));
        let read = BufReader::new(read);
        let mut client = Self { write, read, next: 0, reply, questions: Vec::new() };
        let capabilities = if reply.is_some() { json!({"elicitation": {}}) } else { json!({}) };
        let hello = json!({"protocolVersion": "2025-06-18", "capabilities": capabilities,
            "clientInfo": {"name": "test", "version": "1"}});
        let answer = client.ask("initialize", hello).await;
        assert_eq!(answer["result"]["protocolVersion"], "2025-06-18", "{answer}");
        client.line(r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#).await;
        client
    }

    async fn line(&mut self, line: &str) {
        self.write.write_all(line.as_bytes()).await.expect("written");
        self.write.write_all(b"\n").await.expect("written");
    }

    async fn read(&mut self) -> Value {
        let mut line = String::new();
        let read = self.read.read_line(&mut line);
        let read = tokio::time::timeout(Duration::from_secs(20), read).await.expect("in time");
        assert!(read.expect("read") > 0, "the server ended");
        serde_json::from_str(&line).expect("JSON")
    }

    async fn ask(&mut self, method: &str, params: Value) -> Value {
        self.next += 1;
        let id = self.next;
        let request = json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params});
        self.line(&request.to_string()).await;
        loop {
            let message = self.read().await;
            if message["method"] == "elicitation/create" {
                let question = message["params"]["message"].as_str().expect("a question");
                self.questions.push(question.to_owned());
                let result =
                    json!({"action": self.reply.expect("only who can is asked"), "content": {}});
                let reply = json!({"jsonrpc": "2.0", "id": message["id"], "result": result});
                self.line(&reply.to_string()).await;
                continue;
            }
            assert_eq!(message["id"], id, "{message}");
            return message;
        }
    }

    async fn tool(&mut self, name: &str, arguments: Value) -> Value {
        let answer = self.ask("tools/call", json!({"name": name, "arguments": arguments})).await;
        assert!(answer.get("error").is_none(), "{answer}");
        answer["result"].clone()
    }
}

fn options(mode: Mode) -> Options {
    Options { mode, ..Options::default() }
}

#[tokio::test]
async fn a_result_that_does_not_fit_is_continued() {
    let fake = Fake::new();
    let options = Options { max_tokens: 100, ..options(Mode::ReadOnly) };
    let mut client = Client::start(&fake, options, None).await;
    let mut answer = client.tool("run_select_query", json!({"sql": "SELECT 40"})).await;
    let (mut seen, mut parts) = (Vec::new(), 0);
    loop {
        parts += 1;
        let content = answer["structuredContent"].clone();
        let rows = content["rows"].as_array().expect("rows").clone();
        assert!(content["rows"].to_string().len() <= 450, "{content}");
        seen.extend(rows.iter().map(|row| row["n"].as_u64().expect("a number")));
        assert_eq!(content["complete"], !content["truncated"].as_bool().expect("a flag"));
        let Some(name) = content["continuation"].as_str() else { break };
        let name = name.to_owned();
        answer = client.tool("continue_result", json!({"continuation": name})).await;
        let again = client.tool("continue_result", json!({"continuation": name})).await;
        assert_eq!(again["isError"], true, "a continuation works once");
    }
    assert!(parts > 2, "{parts}");
    assert_eq!(seen, (0..40).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_failure_is_an_error_and_no_empty_table() {
    let fake = Fake::new();
    let mut client = Client::start(&fake, options(Mode::ReadOnly), None).await;
    // the failure comes after rows
    let answer = client.tool("run_select_query", json!({"sql": "SELECT FAIL"})).await;
    assert_eq!(answer["isError"], true);
    let error = &answer["structuredContent"]["error"];
    assert_eq!(error["code"], "remote-rejected");
    assert_eq!(error["retryable"], false);
    let text = answer["content"][0]["text"].as_str().expect("text");
    assert!(text.contains("status 403") && !text.contains('|'), "{text}");
    let answer = client.tool("run_select_query", json!({"sqll": "SELECT 1"})).await;
    assert_eq!(answer["isError"], true);
    let answer = client.tool("run_select_query", json!({"sql": "SELECT PANIC"})).await;
    assert_eq!(answer["isError"], true, "{answer}");
    let answer =
        client.tool("run_select_query", json!({"sql": "SELECT 0", "format": "json"})).await;
    assert_eq!(answer["structuredContent"]["row_count"], 0);
    assert_eq!(answer["structuredContent"]["complete"], true);
}

#[tokio::test]
async fn modes_hold_whatever_the_tool() {
    for tool in ["run_select_query", "run_mutation_query", "run_lifecycle_operation"] {
        for sql in ["DELETE x", "INSERT x", "EXEC x", "CREATE x", "SELECT 1; DELETE x", "SET x"] {
            let fake = Fake::new();
            let mut client = Client::start(&fake, options(Mode::ReadOnly), Some("accept")).await;
            let answer = client.tool(tool, json!({"sql": sql})).await;
            assert_eq!(answer["isError"], true, "{tool} {sql}");
            assert!(client.questions.is_empty());
            assert!(fake.ran().is_empty(), "{tool} {sql}");
        }
    }
}

#[tokio::test]
async fn a_person_approves_the_requests() {
    let fake = Fake::new();
    let mut client = Client::start(&fake, options(Mode::Safe), Some("accept")).await;
    let answer = client.tool("run_mutation_query", json!({"sql": "DELETE x"})).await;
    assert_eq!(answer["isError"], false, "{answer}");
    assert_eq!(client.questions.len(), 1);
    assert!(client.questions[0].contains("DELETE https://host/x"), "{}", client.questions[0]);
    assert_eq!(fake.ran(), [("DELETE x".to_owned(), Some(100))]);

    for reply in ["decline", "cancel"] {
        let fake = Fake::new();
        let mut client = Client::start(&fake, options(Mode::Safe), Some(reply)).await;
        let answer = client.tool("run_mutation_query", json!({"sql": "DELETE x"})).await;
        assert_eq!(answer["isError"], true);
        assert!(fake.ran().is_empty());
    }

    let fake = Fake::new();
    let mut client = Client::start(&fake, options(Mode::Safe), None).await;
    let answer = client.tool("run_mutation_query", json!({"sql": "DELETE x"})).await;
    let text = answer["content"][0]["text"].as_str().expect("text");
    assert!(
        text.contains("'safe' mode") && text.contains("does not support elicitation"),
        "{text}"
    );
    assert!(fake.ran().is_empty());

    // the world changes while the person thinks
    let fake = Fake::new();
    fake.change_plans();
    let mut client = Client::start(&fake, options(Mode::Safe), Some("accept")).await;
    let answer = client.tool("run_mutation_query", json!({"sql": "DELETE x"})).await;
    assert_eq!(answer["isError"], true);
    assert!(fake.ran().is_empty());

    let fake = Fake::new();
    let mut client = Client::start(&fake, options(Mode::DeleteSafe), Some("decline")).await;
    let answer = client.tool("run_mutation_query", json!({"sql": "INSERT x"})).await;
    assert_eq!(answer["isError"], false, "{answer}");
    assert_eq!(fake.ran(), [("INSERT x".to_owned(), None)]);
    assert!(client.questions.is_empty());
}

#[tokio::test]
async fn malformed_frames_do_not_end_a_session() {
    let fake = Fake::new();
    let mut client = Client::start(&fake, options(Mode::ReadOnly), None).await;
    let long = format!("{{\"x\": \"{}\"}}", "a".repeat(9 << 20));
    for (line, code) in [
        ("{", -32700),
        ("\u{7}\u{0}garbage", -32700),
        ("[]", -32600),
        ("[{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}]", -32600),
        ("42", -32600),
        ("{\"jsonrpc\":\"1.0\",\"id\":1,\"method\":\"ping\"}", -32600),
        ("{\"jsonrpc\":\"2.0\",\"id\":null,\"method\":\"ping\"}", -32600),
        ("{\"jsonrpc\":\"2.0\",\"id\":900,\"method\":\"no/such\"}", -32601),
        (
            "{\"jsonrpc\":\"2.0\",\"id\":901,\"method\":\"tools/call\",\"params\":{\"name\":\"nothing\"}}",
            -32602,
        ),
        (long.as_str(), -32600),
    ] {
        client.line(line).await;
        let answer = client.read().await;
        assert_eq!(answer["error"]["code"], code, "{answer}");
    }
    // nothing to answer
    for line in [
        "",
        "\r",
        "{\"jsonrpc\":\"2.0\",\"id\":77,\"result\":{}}",
        "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/no\"}",
    ] {
        client.line(line).await;
    }
    let answer = client.tool("run_select_query", json!({"sql": "SELECT 1"})).await;
    assert_eq!(answer["isError"], false);
    // names of the protocol that are none
    let info = client.tool("server_info", json!({})).await;
    assert_eq!(info["structuredContent"]["mode"], "read_only");
}

#[tokio::test]
async fn other_versions_are_answered_with_one_that_is_known() {
    let fake = Fake::new();
    for asked in ["1999-01-01", "2999-01-01", "2026-07-28", ""] {
        let (mut write, theirs) = tokio::io::duplex(1 << 16);
        let (output, read) = tokio::io::duplex(1 << 16);
        let server =
            Server::new(Arc::clone(&fake) as _, options(Mode::Safe), "stdio").expect("a server");
        let served = tokio::spawn(server.serve(theirs, output));
        let hello = json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
            "protocolVersion": asked, "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}});
        // before the handshake nothing else has a meaning
        write
            .write_all(
                b"nonsense\n{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}\n",
            )
            .await
            .expect("written");
        write.write_all(format!("{hello}\n").as_bytes()).await.expect("written");
        let mut lines = BufReader::new(read).lines();
        let refused = lines.next_line().await.expect("read").expect("a line");
        assert!(refused.contains("-32700"), "{refused}");
        let answer = lines.next_line().await.expect("read").expect("a line");
        let answer: Value = serde_json::from_str(&answer).expect("JSON");
        let version = answer["result"]["protocolVersion"].as_str().expect("a version");
        assert!(("2024-11-05"..="2025-11-25").contains(&version), "{asked}: {answer}");
        drop(write);
        assert!(served.await.expect("no panic").is_ok());
    }
}

#[tokio::test]
async fn prompts_and_documents() {
    let fake = Fake::new();
    let mut client = Client::start(&fake, options(Mode::ReadOnly), None).await;
    let tools = client.ask("tools/list", json!({})).await;
    let names: Vec<&str> = tools["result"]["tools"]
        .as_array()
        .expect("tools")
        .iter()
        .filter_map(|tool| tool["name"].as_str())
        .collect();
    for name in [
        "server_info",
        "list_providers",
        "run_select_query",
        "run_mutation_query",
        "explain_requests",
        "query_library_get",
    ] {
        assert!(names.contains(&name), "{names:?}");
    }
    let prompts = client.ask("prompts/list", json!({})).await;
    assert_eq!(prompts["result"]["prompts"].as_array().map(Vec::len), Some(7));
    let prompt = client
        .ask("prompts/get", json!({"name": "cloud_audit", "arguments": {"provider": "aws"}}))
        .await;
    assert!(
        prompt["result"]["messages"][0]["content"]["text"]
            .as_str()
            .expect("text")
            .contains("stock of aws")
    );
    let missing = client.ask("prompts/get", json!({"name": "drift_report"})).await;
    assert_eq!(missing["error"]["code"], -32602);
    let list = client.ask("resources/list", json!({})).await;
    for resource in list["result"]["resources"].as_array().expect("resources") {
        let text = client.ask("resources/read", json!({"uri": resource["uri"]})).await;
        assert!(text["result"]["contents"][0]["text"].as_str().expect("text").len() > 100);
    }
    let schema = client.ask("resources/read", json!({"uri": "strataql://schema/p/s/r"})).await;
    assert!(
        schema["result"]["contents"][0]["text"].as_str().expect("text").contains("columns"),
        "{schema}"
    );
    let none = client.ask("resources/read", json!({"uri": "strataql://docs/none"})).await;
    assert!(none.get("error").is_some());
}

async fn http(address: &str, headers: &str, body: &str) -> String {
    let mut stream = tokio::net::TcpStream::connect(address).await.expect("connected");
    let request = format!(
        "POST /mcp HTTP/1.1\r\nContent-Type: application/json\r\nAccept: application/json, text/event-stream\r\n\
         Content-Length: {}\r\nConnection: close\r\n{headers}\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).await.expect("written");
    let mut answer = Vec::new();
    let read = async {
        let mut part = [0; 4096];
        while !String::from_utf8_lossy(&answer).contains("\r\n\r\n") {
            match stream.read(&mut part).await.expect("read") {
                0 => break,
                count => answer.extend_from_slice(&part[..count]),
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(20), read).await.expect("in time");
    String::from_utf8_lossy(&answer).lines().next().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn http_asks_for_the_token_the_host_and_the_origin() {
    let fake = Fake::new();
    let start = |token: Option<&str>, address: &str| {
        let server =
            Server::new(Arc::clone(&fake) as _, options(Mode::Safe), "http").expect("a server");
        server.listen(HttpOptions {
            address: address.parse().expect("an address"),
            token: token.map(str::to_owned),
            hosts: vec!["mcp.example".to_owned()],
            origins: vec!["https://app.example:443".to_owned()],
        })
    };
    assert!(start(None, "0.0.0.0:0").await.is_err(), "an open address needs a token");
    assert!(start(Some("short"), "127.0.0.1:0").await.is_err());
    let token = "0123456789abcdef0123456789abcdef";
    let listening = start(Some(token), "127.0.0.1:0").await.expect("listening");
    let url = listening.url().expect("an address");
    let address = url.trim_start_matches("http://").trim_end_matches("/mcp").to_owned();
    let served = tokio::spawn(listening.serve(std::future::pending()));
    let hello = json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
        "protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}}).to_string();
    let auth = format!("Authorization: Bearer {token}\r\n");
    let host = format!("Host: {address}\r\n");
    for (headers, status) in [
        (host.clone(), "401"),
        (format!("{host}Authorization: Bearer {}\r\n", token.replace('0', "1")), "401"),
        (format!("{host}Authorization: Basic {token}\r\n"), "401"),
        (format!("{host}{auth}"), "200"),
        (format!("Host: mcp.example\r\n{auth}"), "200"),
        (format!("Host: evil.example\r\n{auth}"), "403"),
        (format!("{host}{auth}Origin: https://evil.example\r\n"), "403"),
        (format!("{host}{auth}Origin: null\r\n"), "403"),
        (format!("{host}{auth}Origin: https://app.example\r\n"), "200"),
    ] {
        let answer = http(&address, &headers, &hello).await;
        assert!(answer.contains(status), "{headers}: {answer}");
    }
    for body in ["", "{", "[]", "42", "{\"jsonrpc\":\"2.0\"}", "\u{0}"] {
        let answer = http(&address, &format!("{host}{auth}"), body).await;
        assert!(answer.contains(" 4"), "{body}: {answer}");
    }
    let answer = http(&address, &format!("{host}{auth}"), &hello).await;
    assert!(answer.contains("200"), "{answer}");
    served.abort();
}

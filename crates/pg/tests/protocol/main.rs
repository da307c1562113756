//! The protocol over real sockets: what clients see, and what hostile ones reach.

#![expect(clippy::disallowed_methods, reason = "a test starts servers and waits")]

mod support;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use strataql_pg::{Options, Server, Users};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{sleep, timeout};

use support::{Fake, Raw, field, kinds, server, tags};

type Bytes = Vec<u8>;

fn parse(name: &str, text: &str) -> Bytes {
    [name.as_bytes(), b"\0", text.as_bytes(), b"\0\0\0"].concat()
}

fn bind(portal: &str, statement: &str, values: &[&[u8]]) -> Bytes {
    let mut body = [portal.as_bytes(), b"\0", statement.as_bytes(), b"\0\0\0"].concat();
    body.extend_from_slice(&u16::try_from(values.len()).expect("few").to_be_bytes());
    for value in values {
        body.extend_from_slice(&u32::try_from(value.len()).expect("small").to_be_bytes());
        body.extend_from_slice(value);
    }
    body.extend_from_slice(b"\0\0");
    body
}

fn execute(portal: &str, rows: u32) -> Bytes {
    [portal.as_bytes(), b"\0", &rows.to_be_bytes()].concat()
}

#[tokio::test]
async fn simple_queries_have_rows_tags_and_notices() {
    let server = server().await;
    let mut client = Raw::login(&server).await;
    let all = client.query("ROWS 3; INSERT x; NOTE; BEGIN; COMMIT;").await;
    assert_eq!(kinds(&all), "TDCCNCCCZ");
    assert_eq!(tags(&all), ["SELECT 3", "INSERT 0 3", "NOTE", "BEGIN", "COMMIT"]);
    assert_eq!(field(&all, b'M'), "something to know");
    assert_eq!(kinds(&client.query(" ; -- nothing").await), "IZ");
    let shown = client.query("SHOW server_version").await;
    assert_eq!(kinds(&shown), "TDCZ");
    server.shutdown(Duration::from_secs(1)).await;
}

#[tokio::test]
async fn errors_have_their_place_in_the_whole_text() {
    let server = server().await;
    let mut client = Raw::login(&server).await;
    let all = client.query("ROWS 1; WRONG é; ROWS 1").await;
    assert_eq!(kinds(&all), "TDCEZ");
    assert_eq!((field(&all, b'C'), field(&all, b'P')), ("42703".to_owned(), "14".to_owned()));
    assert_eq!(
        (field(&all, b'H'), field(&all, b'D')),
        ("look closer".to_owned(), "here".to_owned())
    );
    assert_eq!(field(&all, b'R'), "unknown-column");
    let late = client.query("LATE").await;
    assert_eq!(kinds(&late), "TDEZ");
    assert_eq!(late.iter().filter(|(kind, _)| *kind == b'D').count(), 2);
}

#[tokio::test]
async fn a_failed_transaction_takes_its_end_only() {
    let server = server().await;
    let mut client = Raw::login(&server).await;
    let status = |all: &[(u8, Bytes)]| char::from(all.last().expect("Z").1[0]);
    assert_eq!(status(&client.query("BEGIN").await), 'T');
    assert_eq!(status(&client.query("WRONG").await), 'E');
    let refused = client.query("ROWS 1").await;
    assert_eq!((field(&refused, b'C'), status(&refused)), ("25P02".to_owned(), 'E'));
    let ended = client.query("COMMIT").await;
    assert_eq!((tags(&ended), status(&ended)), (vec!["ROLLBACK".to_owned()], 'I'));
    assert_eq!(field(&client.query("ROLLBACK").await, b'C'), "25P01");
}

#[tokio::test]
async fn savepoints_hold_where_nothing_was_written() {
    let server = server().await;
    let mut client = Raw::login(&server).await;
    assert_eq!(field(&client.query("SAVEPOINT a").await, b'C'), "25P01");
    client.query("BEGIN").await;
    assert_eq!(tags(&client.query("SAVEPOINT a").await), ["SAVEPOINT"]);
    assert_eq!(field(&client.query("WRONG").await, b'C'), "42703");
    assert_eq!(tags(&client.query("ROLLBACK TO SAVEPOINT a").await), ["ROLLBACK"]);
    assert_eq!(tags(&client.query("ROWS 1; SAVEPOINT b; RELEASE b").await).len(), 3);
    assert_eq!(field(&client.query("ROLLBACK TO b").await, b'C'), "3B001");
    client.query("ROLLBACK TO a").await;
    assert_eq!(tags(&client.query("INSERT x").await), ["INSERT 0 3"]);
    assert_eq!(field(&client.query("ROLLBACK TO a").await, b'C'), "0A000");
    assert_eq!(tags(&client.query("ROLLBACK").await), ["ROLLBACK"]);
}

#[tokio::test]
async fn the_extended_protocol_streams_by_portal() {
    let fake = Fake::default();
    let made = Arc::clone(&fake.made);
    let server = Server::start(Arc::new(fake), Options::default()).await.expect("starts");
    let mut client = Raw::login(&server).await;
    client.message(b'P', &parse("add", "ADD $1")).await;
    client.message(b'D', b"Sadd\0").await;
    client.message(b'B', &bind("", "add", &[b"41"])).await;
    client.message(b'E', &execute("", 0)).await;
    client.message(b'S', b"").await;
    let all = client.until(b'Z').await;
    assert_eq!(kinds(&all), "1tT2DCZ");
    assert_eq!(all[1].1, b"\0\x01\0\0\0\x14");
    assert!(all[4].1.ends_with(b"42"), "{all:?}");

    client.query("BEGIN").await;
    client.message(b'P', &parse("", "ROWS 1000000")).await;
    client.message(b'B', &bind("p", "", &[])).await;
    client.message(b'E', &execute("p", 10)).await;
    client.message(b'S', b"").await;
    assert_eq!(kinds(&client.until(b'Z').await), "12DsZ");
    assert!(made.load(Ordering::SeqCst) <= 2, "rows nobody asked for");
    client.message(b'E', &execute("p", 5)).await;
    client.message(b'C', b"Pp\0").await;
    client.message(b'E', &execute("p", 5)).await;
    client.message(b'P', &parse("", "skipped up to Sync")).await;
    client.message(b'S', b"").await;
    let all = client.until(b'Z').await;
    assert_eq!(kinds(&all), "Ds3EZ");
    assert_eq!(field(&all, b'C'), "34000");
}

#[tokio::test]
async fn cursors_copy_and_prepared_statements_work_in_sql() {
    let server = server().await;
    let mut client = Raw::login(&server).await;
    let all = client
        .query("BEGIN; DECLARE c CURSOR FOR ROWS 5; FETCH 2 FROM c; FETCH ALL c; CLOSE c; COMMIT")
        .await;
    assert_eq!(
        tags(&all),
        ["BEGIN", "DECLARE CURSOR", "FETCH 2", "FETCH 3", "CLOSE CURSOR", "COMMIT"]
    );
    let all = client.query("COPY (ROWS 2) TO STDOUT (FORMAT csv, HEADER)").await;
    assert_eq!((kinds(&all).as_str(), tags(&all)), ("HdddcCZ", vec!["COPY 2".to_owned()]));
    assert_eq!(all[1].1, b"n\n");
    let all = client.query("PREPARE p AS ADD $1; EXECUTE p(1); DEALLOCATE p; EXECUTE p(1)").await;
    assert_eq!(tags(&all), ["PREPARE", "SELECT 1", "DEALLOCATE"]);
    assert_eq!(field(&all, b'C'), "26000");
}

#[tokio::test]
async fn statements_are_cancelled_by_key_and_by_the_end_of_a_client() {
    let fake = Fake::default();
    let dropped = Arc::clone(&fake.dropped);
    let server = Server::start(Arc::new(fake), Options::default()).await.expect("starts");
    let mut client = Raw::login(&server).await;
    for wrong in [true, false] {
        client.message(b'Q', b"SLOW\0").await;
        sleep(Duration::from_millis(100)).await;
        let mut other = Raw::open(&server).await;
        let mut bytes = b"\0\0\0\x10\x04\xd2\x16\x2e".to_vec();
        bytes.extend_from_slice(&client.process);
        if wrong {
            bytes[12] ^= 1;
        }
        other.bytes(&bytes).await;
        assert!(other.rest().await.is_empty());
        if wrong {
            assert!(
                timeout(Duration::from_millis(200), client.socket.peek(&mut [0])).await.is_err()
            );
            // the statement still runs; the right key comes now
            let mut other = Raw::open(&server).await;
            bytes[12] ^= 1;
            other.bytes(&bytes).await;
        }
        let all = client.until(b'Z').await;
        assert_eq!((kinds(&all).as_str(), field(&all, b'C')), ("EZ", "57014".to_owned()));
    }
    client.message(b'Q', b"SLOW\0").await;
    sleep(Duration::from_millis(100)).await;
    drop(client);
    for _ in 0..100 {
        if dropped.load(Ordering::SeqCst) == 3 {
            return;
        }
        sleep(Duration::from_millis(20)).await;
    }
    panic!("a statement outlives its client");
}

#[tokio::test]
async fn rows_that_never_wait_are_cancelled_too() {
    let server = server().await;
    let mut client = Raw::login(&server).await;
    client.message(b'Q', b"ROWS 1000000000\0").await;
    client.next().await;
    let mut other = Raw::open(&server).await;
    let request = [b"\0\0\0\x10\x04\xd2\x16\x2e", client.process.as_slice()].concat();
    other.bytes(&request).await;
    let mut rows: u64 = 0;
    loop {
        let (kind, body) = client.next().await.expect("a message");
        match kind {
            b'D' => rows += 1,
            b'E' => break assert_eq!(field(&[(kind, body)], b'C'), "57014"),
            _ => panic!("{kind}"),
        }
    }
    assert!(rows < 100_000_000);
}

#[tokio::test]
async fn hostile_bytes_end_their_connection_and_nothing_else() {
    let server = server().await;
    let before: &[&[u8]] = &[
        b"GET / HTTP/1.1\r\n\r\n",
        b"\x7f\xff\xff\xff\0\x03\0\0",
        b"\0\0\0\x08\0\x02\0\0",
        b"\0\0\0\x09\0\x03\0\0x",
    ];
    for bytes in before {
        let mut raw = Raw::open(&server).await;
        raw.bytes(bytes).await;
        let all = raw.rest().await;
        assert_eq!(
            (kinds(&all).as_str(), field(&all, b'S')),
            ("E", "FATAL".to_owned()),
            "{bytes:?}"
        );
    }
    let after: &[(&[u8], &str)] = &[
        (b"!\0\0\0\x04", "08P01"),
        (b"Q\xff\xff\xff\xff", "08P01"),
        (b"Q\0\0\0\x03", "08P01"),
        (b"Q\0\0\0\x08open", "08P01"),
        (b"B\0\0\0\x0a\0\0\xff\xff\xff\xff", "08P01"),
        (b"p\0\0\0\x05\0", "08P01"),
    ];
    for (bytes, state) in after {
        let mut raw = Raw::login(&server).await;
        raw.bytes(bytes).await;
        let all = raw.rest().await;
        assert_eq!((kinds(&all).as_str(), field(&all, b'C').as_str()), ("E", *state), "{bytes:?}");
    }
    // half a frame, and the client goes
    let mut raw = Raw::login(&server).await;
    raw.bytes(b"Q\0\0\0\x10SEL").await;
    drop(raw);
    let mut client = Raw::login(&server).await;
    assert_eq!(kinds(&client.query("ROWS 1").await), "TDCZ");
}

#[tokio::test]
async fn wrong_values_and_too_many_statements_are_errors() {
    let server = server().await;
    let mut client = Raw::login(&server).await;
    client.message(b'P', &parse("add", "ADD $1")).await;
    for (values, state) in
        [(vec![&b"x"[..]], "22P02"), (vec![], "08P01"), (vec![&b"1"[..], b"2"], "08P01")]
    {
        client.message(b'B', &bind("", "add", &values)).await;
        client.message(b'S', b"").await;
        let all = client.until(b'Z').await;
        assert_eq!(field(&all, b'C'), state);
    }
    let mut refused = 0;
    for number in 0..10_000 {
        client.message(b'P', &parse(&format!("s{number}"), "ROWS 1")).await;
        client.message(b'S', b"").await;
        let all = client.until(b'Z').await;
        if kinds(&all) == "EZ" {
            assert_eq!(field(&all, b'C'), "53400");
            refused += 1;
        }
        if refused == 3 {
            break;
        }
    }
    assert_eq!(refused, 3);
    assert_eq!(tags(&client.query("DEALLOCATE ALL").await), ["DEALLOCATE ALL"]);
    let huge = format!("NOTE '{}'", "x".repeat(10 << 20));
    assert_eq!(kinds(&client.query(&huge).await), "NCZ");
}

#[tokio::test]
async fn a_client_that_does_not_read_stops_its_rows() {
    let fake = Fake::default();
    let made = Arc::clone(&fake.made);
    let patience = Duration::from_millis(500);
    let options = Options { patience, ..Options::default() };
    let server = Server::start(Arc::new(fake), options).await.expect("starts");
    let mut client = Raw::login(&server).await;
    client.message(b'Q', b"ROWS 1000000000\0").await;
    sleep(Duration::from_millis(300)).await;
    let first = made.load(Ordering::SeqCst);
    sleep(Duration::from_millis(100)).await;
    assert_eq!(made.load(Ordering::SeqCst), first, "rows are made for nobody");
    sleep(Duration::from_millis(800)).await;
    let mut other = Raw::login(&server).await;
    assert_eq!(kinds(&other.query("ROWS 1").await), "TDCZ");
}

#[tokio::test]
async fn limits_and_the_end_of_the_server_are_told() {
    let options =
        Options { connections: 1, monitor: Some(([127, 0, 0, 1], 0).into()), ..Options::default() };
    let server = Server::start(Arc::new(Fake::default()), options).await.expect("starts");
    let mut client = Raw::login(&server).await;
    let mut second = Raw::open(&server).await;
    assert_eq!(field(&second.rest().await, b'C'), "53300");
    client.query("ROWS 7").await;
    let mut monitor =
        tokio::net::TcpStream::connect(server.monitor().expect("a port")).await.expect("connects");
    monitor.write_all(b"GET /metrics HTTP/1.1\r\n\r\n").await.expect("sent");
    let mut text = String::new();
    monitor.read_to_string(&mut text).await.expect("read");
    for line in [
        "strataql_pg_connections_open 1\n",
        "strataql_pg_connections_refused_total 1\n",
        "strataql_pg_rows_total 7\n",
    ] {
        assert!(text.contains(line), "{text}");
    }
    client.message(b'Q', b"SLOW\0").await;
    sleep(Duration::from_millis(50)).await;
    server.shutdown(Duration::from_secs(5)).await;
    assert_eq!(field(&client.rest().await, b'C'), "57P01");
}

#[tokio::test]
async fn other_machines_need_users_and_users_a_password() {
    let everywhere = Options { address: ([0, 0, 0, 0], 0).into(), ..Options::default() };
    let refused = Server::start(Arc::new(Fake::default()), everywhere).await.expect_err("refused");
    assert!(refused.message.contains("without a password"));
    let users = Users::new([("me".to_owned(), "secret".to_owned().into())]).expect("users");
    let options = Options { users: Some(users), ..Options::default() };
    let server = Server::start(Arc::new(Fake::default()), options).await.expect("starts");
    for attempt in [
        &b"SCRAM-SHA-256\0\0\0\0\x10n,,n=,r=abcdefgh"[..],
        b"PLAIN\0\0\0\0\0",
        b"",
        b"SCRAM-SHA-256\0\xff\xff\xff\xff",
    ] {
        let mut raw = Raw::open(&server).await;
        raw.startup().await;
        assert_eq!(kinds(&raw.until(b'R').await), "R");
        raw.message(b'p', attempt).await;
        if attempt.ends_with(b"abcdefgh") {
            let challenge = raw.until(b'R').await;
            let text = String::from_utf8_lossy(&challenge[0].1[4..]).into_owned();
            let nonce = text.split(',').next().expect("a nonce").to_owned();
            raw.message(
                b'p',
                format!("c=biws,{nonce},p=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=").as_bytes(),
            )
            .await;
        }
        let all = raw.rest().await;
        assert_eq!((kinds(&all).as_str(), field(&all, b'S')), ("E", "FATAL".to_owned()));
        assert!(!format!("{all:?}").contains("secret"));
    }
}

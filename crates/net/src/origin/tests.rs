use super::*;

const BASE: &str = "https://accounts.example.com/api/2.0/things?page=1";

fn check(base: &str, text: &str, allowed: &[&str]) -> Result<String, Box<Report>> {
    let allowed: Vec<String> = allowed.iter().map(|&origin| origin.to_owned()).collect();
    check_same_origin(&Url::parse(base).expect("a URL"), text, &allowed).map(String::from)
}

#[test]
fn addresses_of_the_same_origin_are_resolved() {
    for (text, expected) in [
        ("/api/2.0/things?page=2", "https://accounts.example.com/api/2.0/things?page=2"),
        ("?page=2", "https://accounts.example.com/api/2.0/things?page=2"),
        ("other?page=2", "https://accounts.example.com/api/2.0/other?page=2"),
        ("./other", "https://accounts.example.com/api/2.0/other"),
        ("../1.0/things", "https://accounts.example.com/api/1.0/things"),
        ("https://accounts.example.com/x", "https://accounts.example.com/x"),
        ("https://accounts.example.com:443/x", "https://accounts.example.com/x"),
        ("HTTPS://Accounts.EXAMPLE.com/x", "https://accounts.example.com/x"),
        ("https://accounts.example.com?x=1", "https://accounts.example.com/?x=1"),
        ("/x?next=https://evil.test/", "https://accounts.example.com/x?next=https://evil.test/"),
        ("/x?user=a@b", "https://accounts.example.com/x?user=a@b"),
        ("/x#part", "https://accounts.example.com/x"),
        ("?filter=name:eq:1", "https://accounts.example.com/api/2.0/things?filter=name:eq:1"),
        // without a scheme this is a path, even if it looks like a host
        ("evil.test/x", "https://accounts.example.com/api/2.0/evil.test/x"),
    ] {
        assert_eq!(check(BASE, text, &[]).expect(text), expected, "{text}");
    }
}

#[test]
fn everything_else_is_refused() {
    let refused = [
        // other hosts
        "https://evil.test/x",
        "https://example.com/x",
        "https://accounts.example.com.evil.test/x",
        "https://accounts.example.comevil.test/x",
        "https://evilaccounts.example.com/x",
        "https://accounts-example.com/x",
        "https://accounts.example.co/x",
        "https://accounts.example.com./x",
        "https://xn--accunts-9za.example.com/x",
        "https://аccounts.example.com/x",
        "https://accounts。example。com/x",
        "https://accounts%2eexample%2ecom/x",
        "https://accounts.example.com%2f@evil.test/x",
        "https://evil.test/?https://accounts.example.com/",
        "https://evil.test#https://accounts.example.com/",
        "https://evil.test?accounts.example.com/",
        // other ports and schemes
        "https://accounts.example.com:8443/x",
        "https://accounts.example.com:80/x",
        "https://accounts.example.com:99999/x",
        "https://accounts.example.com:443:80/x",
        "http://accounts.example.com/x",
        "http://accounts.example.com:443/x",
        "ftp://accounts.example.com/x",
        "ws://accounts.example.com/x",
        "file:///etc/passwd",
        "javascript:alert(1)",
        "data:text/plain,x",
        "gopher://accounts.example.com/",
        // user information
        "https://user@accounts.example.com/x",
        "https://user:pass@accounts.example.com/x",
        "https://accounts.example.com@evil.test/x",
        "https://accounts.example.com:443@evil.test/x",
        "https://@accounts.example.com/x",
        "https://:@accounts.example.com/x",
        // missing or broken scheme
        "//accounts.example.com/x",
        "//evil.test/x",
        "///evil.test/x",
        "https:evil.test/x",
        "https:/evil.test/x",
        "https:///evil.test/x",
        "https:accounts.example.com/x",
        "https:",
        "https://",
        "://evil.test",
        "accounts.example.com:443/x",
        // backslashes, blanks, control characters
        "\\\\evil.test/x",
        "/\\evil.test/x",
        "https:\\\\evil.test/x",
        "https://accounts.example.com\\@evil.test/x",
        "https://accounts.example.com\\.evil.test/x",
        " https://evil.test/x",
        "\thttps://evil.test/x",
        "ht\ttps://evil.test/x",
        "https://ev\nil.test/x",
        "/\t/evil.test/x",
        "/\n/evil.test/x",
        "/x\r\nHost: evil.test",
        "/x\0",
        "\u{feff}https://evil.test/x",
        // addresses
        "https://169.254.169.254/latest/meta-data/",
        "http://169.254.169.254/latest/meta-data/",
        "https://[::1]/x",
        "https://[::ffff:169.254.169.254]/x",
        "https://2852039166/latest",
        "https://0x7f.1/x",
        "https://127.1/x",
        "https://localhost/x",
        "https://metadata.google.internal/x",
        "",
    ];
    assert!(refused.len() >= 60, "{}", refused.len());
    for text in refused {
        let report = check(BASE, text, &[]).expect_err(text);
        assert_eq!(report.code, Code::CrossOrigin, "{text}");
        assert!(report.message.contains("https://accounts.example.com"), "{report}");
        assert!(!report.message.chars().any(char::is_control), "{report}");
    }
}

#[test]
fn origins_named_by_the_document_are_followed_unless_private_or_unencrypted() {
    let allowed = [
        "https://download.example.net",
        "http://plain.example.net",
        "https://10.0.0.1",
        "https://localhost:8443",
        "https://metadata.google.internal",
        "not an origin",
    ];
    assert_eq!(
        check(BASE, "https://download.example.net/file", &allowed).expect("named"),
        "https://download.example.net/file"
    );
    for text in [
        "https://download.example.net:444/file",
        "https://user@download.example.net/file",
        "http://download.example.net/file",
        "http://plain.example.net/",
        "https://10.0.0.1/x",
        "https://localhost:8443/x",
        "https://metadata.google.internal/x",
    ] {
        check(BASE, text, &allowed).expect_err(text);
    }
}

#[test]
fn a_private_server_that_the_user_named_may_point_to_itself() {
    let base = "http://127.0.0.1:8080/a";
    assert_eq!(
        check(base, "http://127.0.0.1:8080/b", &[]).expect("identical"),
        "http://127.0.0.1:8080/b"
    );
    check(base, "http://127.0.0.1:8081/b", &[]).expect_err("another port");
    check(base, "http://localhost:8080/b", &[]).expect_err("another name");
}

#[test]
fn private_addresses_are_recognised_in_every_spelling() {
    for host in [
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "127.0.0.1",
        "169.254.1.1",
        "0.0.0.0",
        "100.64.0.1",
        "255.255.255.255",
        "[::1]",
        "[::]",
        "[fe80::1]",
        "[fd00::1]",
        "[::ffff:10.0.0.1]",
        "localhost",
        "app.localhost",
        "metadata.google.internal",
        "2130706433",
        "0177.0.0.1",
    ] {
        assert!(is_private(&Url::parse(&format!("http://{host}/")).expect(host)), "{host}");
    }
    for host in
        ["8.8.8.8", "172.32.0.1", "100.128.0.1", "[2001:db8::1]", "mylocalhost", "a.example"]
    {
        assert!(!is_private(&Url::parse(&format!("http://{host}/")).expect(host)), "{host}");
    }
}

#[test]
fn shown_addresses_hold_no_user_information() {
    let url = Url::parse("https://user:pass@h.example/p?q=1#f").expect("a URL");
    assert_eq!(shown(&url), "https://h.example/p?q=1");
    let origin = Origin::of(&url).expect("https");
    assert_eq!((origin.to_string(), origin.port), ("https://h.example".to_owned(), 443));
}

#[test]
fn metadata_services_are_known_by_their_addresses() {
    let check = |text: &str| is_metadata(&Url::parse(text).expect("a URL"));
    for text in [
        "http://169.254.169.254/latest",
        "http://169.254.170.2/x",
        "http://[fd00:ec2::254]/latest",
        "http://metadata.google.internal/computeMetadata",
    ] {
        assert!(check(text), "{text}");
    }
    for text in
        ["http://10.0.0.1/", "http://[fd00::1]/", "https://metadata.google.internal.evil.test/"]
    {
        assert!(!check(text), "{text}");
    }
}

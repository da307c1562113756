use strataql_spec::paging::TokenLocation;

use super::*;

fn query(name: &str) -> TokenTarget {
    TokenTarget { location: TokenLocation::Query, name: name.to_owned() }
}

fn body(name: &str) -> TokenSource {
    TokenSource::Body(vec![name.to_owned()])
}

fn page(rows: usize, captured: &[Option<&str>]) -> PageFacts {
    PageFacts {
        rows,
        captured: captured.iter().map(|text| text.map(str::to_owned)).collect(),
        url: Url::parse("https://api.example.com/things?x=1").ok(),
        ..PageFacts::default()
    }
}

fn value(next: Next) -> Option<String> {
    match next {
        Next::Page(PageAddress::Value { value, .. }) => Some(value),
        _ => None,
    }
}

#[test]
fn tokens_end_when_absent_and_repeat_is_an_error() {
    let paging =
        Paging::Token { request: query("t"), response: body("next"), size: None, more: None };
    let mut pager = Pager::new(paging, "m", Some("mine".into()), &[]);
    let next = pager.next(&page(2, &[Some("a")])).expect("fine");
    assert_eq!(value(next).as_deref(), Some("a"));
    let next = pager.next(&page(0, &[Some("b")])).expect("an empty page may go on");
    assert_eq!(value(next).as_deref(), Some("b"));
    assert_eq!(pager.next(&page(2, &[Some("a")])).expect_err("loop").code, Code::PageLoop);
    assert_eq!(pager.next(&page(2, &[Some("mine")])).expect_err("loop").code, Code::PageLoop);
    assert_eq!(pager.next(&page(2, &[None])).expect("the end"), Next::End);
    assert_eq!(pager.next(&page(2, &[Some("")])).expect("the end"), Next::End);
}

#[test]
fn links_stay_on_their_origin() {
    let mut pager = Pager::new(Paging::Link { source: body("next") }, "m", None, &[]);
    let next = pager.next(&page(1, &[Some("/things?page=2")])).expect("fine");
    let Next::Page(PageAddress::Url(url)) = next else { panic!("{next:?}") };
    assert_eq!(url.as_str(), "https://api.example.com/things?page=2");
    let away = pager.next(&page(1, &[Some("https://evil.example.com/")]));
    assert_eq!(away.expect_err("elsewhere").code, Code::CrossOrigin);
    let own = pager.next(&page(1, &[Some("https://api.example.com/things?x=1")]));
    assert_eq!(own.expect_err("itself").code, Code::PageLoop);
}

#[test]
fn page_numbers_follow_the_total_and_refuse_a_standstill() {
    let paging = || Paging::PageNumber {
        request: query("page"),
        current: Some(body("page")),
        total: Some(body("pages")),
        rows: None,
        more: None,
        start: 1,
    };
    let mut pager = Pager::new(paging(), "m", None, &[]);
    let next = pager.next(&page(1, &[Some("1"), Some("2")])).expect("fine");
    assert_eq!(value(next).as_deref(), Some("2"));
    assert_eq!(pager.next(&page(1, &[Some("2"), Some("2")])).expect("the end"), Next::End);
    let mut pager = Pager::new(paging(), "m", None, &[]);
    assert!(pager.next(&page(1, &[Some("1"), Some("3")])).is_ok());
    assert_eq!(
        pager.next(&page(1, &[Some("1"), Some("3")])).expect_err("stuck").code,
        Code::PageLoop
    );
}

#[test]
fn offsets_count_rows_from_their_start() {
    let paging = Paging::Offset {
        request: query("startIndex"),
        start: 1,
        total: Some(body("totalResults")),
        more: None,
        size: None,
    };
    let mut pager = Pager::new(paging, "m", None, &[]);
    let next = pager.next(&page(2, &[Some("5")])).expect("fine");
    assert_eq!(value(next).as_deref(), Some("3"));
    let next = pager.next(&page(2, &[Some("5")])).expect("fine");
    assert_eq!(value(next).as_deref(), Some("5"));
    assert_eq!(pager.next(&page(1, &[Some("5")])).expect("the end"), Next::End);
}

#[test]
fn empty_pages_and_falling_totals_are_no_end() {
    let offset = || Paging::Offset {
        request: query("skip"),
        start: 0,
        total: Some(body("total")),
        more: None,
        size: None,
    };
    let number = || Paging::PageNumber {
        request: query("page"),
        current: None,
        total: Some(TokenSource::Body(vec!["pages".to_owned()])),
        rows: None,
        more: None,
        start: 1,
    };
    let refused = |paging: Paging, pages: &[(usize, Option<&str>)], keys: &[String]| {
        let mut pager = Pager::new(paging, "m", None, &[]).ignoring(keys);
        let at = usize::from(matches!(pager.paging, Paging::PageNumber { .. }));
        pages.iter().find_map(|(rows, total)| {
            let captured = if at == 0 { vec![*total] } else { vec![None, *total] };
            pager.next(&page(*rows, &captured)).err().map(|report| report.code)
        })
    };
    let incomplete = Some(Code::IncompleteList);
    assert_eq!(refused(offset(), &[(2, Some("6")), (0, Some("6"))], &[]), incomplete);
    assert_eq!(refused(offset(), &[(2, Some("6")), (0, None)], &[]), incomplete);
    assert_eq!(refused(offset(), &[(2, Some("6")), (2, Some("4"))], &[]), incomplete);
    assert_eq!(refused(offset(), &[(2, Some("0"))], &[]), incomplete);
    assert_eq!(refused(offset(), &[(0, Some("0"))], &[]), None);
    assert_eq!(refused(offset(), &[(2, Some("some"))], &[]), incomplete);
    assert_eq!(refused(number(), &[(1, Some("3")), (0, Some("3"))], &[]), incomplete);
    assert_eq!(refused(number(), &[(1, Some("3")), (1, Some("1"))], &[]), incomplete);
    assert_eq!(refused(number(), &[(1, Some("-1"))], &[]), incomplete);
    assert_eq!(refused(number(), &[(0, Some("0"))], &[]), None);
    let ignored = ["total".to_owned()];
    assert_eq!(refused(offset(), &[(2, Some("6")), (0, Some("6"))], &ignored), None);
}

#[test]
fn next_is_an_address_or_a_token() {
    let next = |request: Option<TokenTarget>, value: &str| {
        let mut pager = Pager::new(Paging::Next { source: body("next"), request }, "m", None, &[]);
        pager.next(&page(1, &[Some(value)]))
    };
    let found = next(None, "https://api.example.com/things?page=2").expect("an address");
    assert!(matches!(found, Next::Page(PageAddress::Url(_))));
    assert!(matches!(next(None, "/things?page=2"), Ok(Next::Page(PageAddress::Url(_)))));
    assert_eq!(
        value(next(Some(query("token")), "a/b:c").expect("a token")).as_deref(),
        Some("a/b:c")
    );
    assert_eq!(next(None, "abc").expect_err("nothing takes it").code, Code::IncompleteList);
    assert_eq!(next(None, "true").expect_err("no address").code, Code::IncompleteList);
    assert_eq!(next(None, "").expect("the end"), Next::End);
    let away = next(Some(query("token")), "https://evil.example.com/");
    assert_eq!(away.expect_err("elsewhere").code, Code::CrossOrigin);
}

#[test]
fn flags_end_lists_of_tokens_pages_and_offsets() {
    let more = || Some(body("has_more"));
    let token = Paging::Token {
        request: query("after"),
        response: body("last_id"),
        size: None,
        more: more(),
    };
    let mut pager = Pager::new(token, "m", None, &[]);
    assert!(matches!(pager.next(&page(2, &[Some("a"), Some("true")])), Ok(Next::Page(_))));
    assert_eq!(pager.next(&page(2, &[Some("b"), Some("false")])), Ok(Next::End));
    let number = Paging::PageNumber {
        request: query("page"),
        current: None,
        total: None,
        rows: None,
        more: more(),
        start: 1,
    };
    let mut pager = Pager::new(number, "m", None, &[]);
    let next = pager.next(&page(2, &[None, None, None, Some("true")])).expect("a page");
    assert_eq!(value(next).as_deref(), Some("2"));
    assert_eq!(pager.next(&page(2, &[None, None, None, Some("false")])), Ok(Next::End));
    let offset = Paging::Offset {
        request: query("offset"),
        start: 0,
        total: None,
        more: more(),
        size: None,
    };
    let mut pager = Pager::new(offset, "m", None, &[]);
    assert_eq!(
        value(pager.next(&page(2, &[None, Some("true")])).expect("fine")).as_deref(),
        Some("2")
    );
    assert_eq!(pager.next(&page(1, &[None, Some("false")])), Ok(Next::End));
}

#[test]
fn totals_of_rows_end_numbered_pages() {
    let paging = || Paging::PageNumber {
        request: query("page"),
        current: None,
        total: None,
        rows: Some(body("total")),
        more: None,
        start: 1,
    };
    let facts = |rows, total: &str| page(rows, &[None, None, Some(total), None]);
    let mut pager = Pager::new(paging(), "m", None, &[]);
    assert_eq!(value(pager.next(&facts(2, "3")).expect("fine")).as_deref(), Some("2"));
    assert_eq!(pager.next(&facts(1, "3")), Ok(Next::End));
    let mut pager = Pager::new(paging(), "m", None, &[]);
    assert!(pager.next(&facts(2, "3")).is_ok());
    assert_eq!(pager.next(&facts(0, "3")).expect_err("missing").code, Code::IncompleteList);
}

#[test]
fn counts_tell_the_addresses_of_all_pages() {
    let told = |paging: Paging, captured: &[Option<&str>], rows: usize| {
        let mut pager = Pager::new(paging, "m", None, &[]);
        let next = pager.next(&page(rows, captured)).expect("a page");
        let all = pager.predicted(rows, 100);
        assert!(matches!(next, Next::Page(ref first) if all.first() == Some(first)), "{next:?}");
        let values = all.into_iter().map(|address| value(Next::Page(address)).expect("a value"));
        values.collect::<Vec<_>>()
    };
    let number = |total: bool| Paging::PageNumber {
        request: query("page"),
        current: None,
        total: total.then(|| body("pages")),
        rows: (!total).then(|| body("total")),
        more: None,
        start: 1,
    };
    assert_eq!(told(number(true), &[None, Some("4"), None, None], 2), ["2", "3", "4"]);
    assert_eq!(told(number(false), &[None, None, Some("7"), None], 2), ["2", "3", "4"]);
    let offset = Paging::Offset {
        request: query("skip"),
        start: 0,
        total: Some(body("total")),
        more: None,
        size: None,
    };
    assert_eq!(told(offset, &[Some("7"), None], 3), ["3", "6"]);
}

#[test]
fn a_link_header_needs_no_declaration() {
    let mut facts = page(1, &[]);
    facts.headers.insert("link", "</things?page=2>; rel=\"next\"".parse().expect("a value"));
    let mut pager = Pager::new(Paging::None, "m", None, &[]);
    assert!(matches!(pager.next(&facts), Ok(Next::Page(PageAddress::Url(_)))));
    let single = PageFacts { is_single: true, ..facts.clone() };
    assert_eq!(Pager::new(Paging::None, "m", None, &[]).next(&single), Ok(Next::End));
    let mut by_hand = facts;
    by_hand.url = Url::parse("https://api.example.com/things?page=1").ok();
    assert_eq!(Pager::new(Paging::None, "m", None, &[]).next(&by_hand), Ok(Next::End));
}

#[test]
fn headers_that_cannot_be_read_are_no_end() {
    let paging = || Paging::Token {
        request: query("t"),
        response: TokenSource::Header("x-next".into()),
        size: None,
        more: None,
    };
    let asked = |paging: Paging, values: &[&[u8]], name: &'static str, keys: &[String]| {
        let mut facts = page(1, &[]);
        for value in values {
            facts.headers.append(name, http::HeaderValue::from_bytes(value).expect("bytes"));
        }
        Pager::new(paging, "m", None, &[]).ignoring(keys).next(&facts).map_err(|r| r.code)
    };
    let incomplete = Err(Code::IncompleteList);
    assert_eq!(asked(paging(), &[b"t\xff"], "x-next", &[]), incomplete);
    assert_eq!(asked(paging(), &[b"a", b""], "x-next", &[]), incomplete);
    assert!(matches!(asked(paging(), &[b"a", b"a"], "x-next", &[]), Ok(Next::Page(_))));
    assert_eq!(asked(paging(), &[b""], "x-next", &[]), Ok(Next::End));
    let link = || Paging::Link { source: TokenSource::Header("Link".into()) };
    assert_eq!(asked(link(), &[b"</things?page=2; rel=next"], "link", &[]), incomplete);
    assert_eq!(asked(link(), &[b"<a>; rel=prev"], "link", &[]), Ok(Next::End));
    let ignored = ["Link".to_owned()];
    assert_eq!(asked(link(), &[b"</t; rel=next"], "link", &ignored), Ok(Next::End));
}

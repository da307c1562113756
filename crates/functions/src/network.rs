//! Addresses, URLs and encodings.
//!
//! Surprise: text that is no address, no URL or not encoded gives NULL, not an error: one odd value
//! in a list of thousands must not end the statement.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use base64::Engine;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use base64::engine::{DecodePaddingMode, general_purpose};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use super::cell::{Answer, Cell, text};
use super::doc::{FunctionDoc, Section};
use super::scalar::{Memory, Returns, Scalar, text_of};

/// Everything but the unreserved characters of RFC 3986.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Reads both alphabets' paddings leniently.
const LENIENT: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
const STANDARD: GeneralPurpose = GeneralPurpose::new(&base64::alphabet::STANDARD, LENIENT);
const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&base64::alphabet::URL_SAFE, LENIENT);

/// A block of addresses: a lone address is a block of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Block {
    address: IpAddr,
    length: u8,
}

/// The number of bits of an address.
const fn width(address: IpAddr) -> u8 {
    match address {
        IpAddr::V4(_) => 32,
        IpAddr::V6(_) => 128,
    }
}

/// An address as bits at the upper end of 128.
fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => u128::from(address.to_bits()) << 96,
        IpAddr::V6(address) => address.to_bits(),
    }
}

fn block(text: &str) -> Option<Block> {
    let text = text.trim();
    let Some((address, length)) = text.split_once('/') else {
        let address: IpAddr = text.parse().ok()?;
        return Some(Block { address, length: width(address) });
    };
    let address: IpAddr = address.parse().ok()?;
    let is_plain = length.bytes().all(|byte| byte.is_ascii_digit());
    let length: u8 = length.parse().ok().filter(|_| is_plain)?;
    (length <= width(address)).then_some(Block { address, length })
}

impl Block {
    fn network(self) -> u128 {
        let mask = u128::MAX.checked_shl(128 - u32::from(self.length)).unwrap_or(0);
        bits(self.address) & mask
    }

    fn contains(self, other: Self) -> bool {
        let same = self.address.is_ipv4() == other.address.is_ipv4();
        let wider = Self { address: other.address, length: self.length };
        same && other.length >= self.length && self.network() == wider.network()
    }
}

fn cidr_contains(cells: &[Cell<'_>], _memory: &mut Memory) -> Answer {
    Ok(match (block(&text_of(cells, 0)), block(&text_of(cells, 1))) {
        (Some(outer), Some(inner)) => Cell::Boolean(outer.contains(inner)),
        _ => Cell::Null,
    })
}

fn cidr_host(cells: &[Cell<'_>], _memory: &mut Memory) -> Answer {
    Ok(block(&text_of(cells, 0)).map_or(Cell::Null, |block| text(block.address.to_string())))
}

fn cidr_network(cells: &[Cell<'_>], _memory: &mut Memory) -> Answer {
    Ok(block(&text_of(cells, 0)).map_or(Cell::Null, |block| {
        let network = block.network();
        let address = match block.address {
            // the upper 32 bits are the address
            IpAddr::V4(_) => {
                IpAddr::V4(Ipv4Addr::from_bits(u32::try_from(network >> 96).unwrap_or_default()))
            }
            IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::from_bits(network)),
        };
        text(format!("{address}/{}", block.length))
    }))
}

fn cidr_prefix_length(cells: &[Cell<'_>], _memory: &mut Memory) -> Answer {
    let block = block(&text_of(cells, 0));
    Ok(block.map_or(Cell::Null, |block| Cell::Integer(i64::from(block.length))))
}

/// Blocks that are not routed on the internet.
const PRIVATE: &[&str] = &[
    "10.0.0.0/8",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "100.64.0.0/10",
    "fc00::/7",
    "fe80::/10",
    "::1/128",
];

fn ip_is_private(cells: &[Cell<'_>], _memory: &mut Memory) -> Answer {
    let Some(asked) = block(&text_of(cells, 0)) else { return Ok(Cell::Null) };
    // an IPv4 address in IPv6 clothes is judged as what it is
    let asked = match asked.address {
        IpAddr::V6(address) if asked.length >= 96 => address
            .to_ipv4_mapped()
            .map_or(asked, |v4| Block { address: IpAddr::V4(v4), length: asked.length - 96 }),
        _ => asked,
    };
    let is_private =
        PRIVATE.iter().filter_map(|text| block(text)).any(|private| private.contains(asked));
    Ok(Cell::Boolean(is_private))
}

fn base64_encode(cells: &[Cell<'_>], _memory: &mut Memory) -> Answer {
    Ok(text(match &cells[0] {
        Cell::Blob(bytes) => general_purpose::STANDARD.encode(bytes),
        other => general_purpose::STANDARD.encode(other.text().unwrap_or_default().as_bytes()),
    }))
}

fn base64_decode(cells: &[Cell<'_>], _memory: &mut Memory) -> Answer {
    let encoded: String = text_of(cells, 0).split_ascii_whitespace().collect();
    let bytes = STANDARD.decode(&encoded).or_else(|_| URL_SAFE.decode(&encoded)).ok();
    Ok(bytes.and_then(|bytes| String::from_utf8(bytes).ok()).map_or(Cell::Null, text))
}

fn url_encode(cells: &[Cell<'_>], _memory: &mut Memory) -> Answer {
    Ok(text(utf8_percent_encode(&text_of(cells, 0), ENCODED).to_string()))
}

fn url_decode(cells: &[Cell<'_>], _memory: &mut Memory) -> Answer {
    let encoded = text_of(cells, 0);
    let decoded = percent_decode_str(&encoded).decode_utf8().ok();
    Ok(decoded.map_or(Cell::Null, |decoded| text(decoded.into_owned())))
}

fn url_host(cells: &[Cell<'_>], _memory: &mut Memory) -> Answer {
    let url = url::Url::parse(text_of(cells, 0).trim()).ok();
    Ok(match url.as_ref().and_then(url::Url::host) {
        Some(url::Host::Ipv6(address)) => text(address.to_string()),
        Some(host) => text(host.to_string()),
        None => Cell::Null,
    })
}

const fn function(
    name: &'static str,
    shape: (&'static str, usize, Returns),
    doc: &'static str,
    example: (&'static str, &'static str),
    call: fn(&[Cell<'_>], &mut Memory) -> Answer,
) -> Scalar {
    let (syntax, arguments, returns) = shape;
    Scalar {
        doc: FunctionDoc::new(Section::Network, (name, &[]), syntax, doc, example),
        arguments: (arguments, arguments),
        returns,
        strict: true,
        times: &[],
        call,
    }
}

/// The functions of this file.
pub(super) static FUNCTIONS: &[Scalar] = &[
    function(
        "cidr_contains",
        ("cidr_contains(block, address)", 2, Returns::Boolean),
        "True if a block of addresses holds an address or another block. NULL if one of them is none.",
        (
            "SELECT cidr_contains('10.0.0.0/8', '10.1.2.3'), cidr_contains('2001:db8::/32', '2001:db9::1')",
            "true | false",
        ),
        cidr_contains,
    ),
    function(
        "cidr_host",
        ("cidr_host(block)", 1, Returns::Text),
        "The address in front of the slash.",
        ("SELECT cidr_host('10.1.2.3/8')", "10.1.2.3"),
        cidr_host,
    ),
    function(
        "cidr_network",
        ("cidr_network(block)", 1, Returns::Text),
        "The block with all bits after its prefix cleared.",
        ("SELECT cidr_network('10.1.2.3/8')", "10.0.0.0/8"),
        cidr_network,
    ),
    function(
        "cidr_prefix_length",
        ("cidr_prefix_length(block)", 1, Returns::Integer),
        "The number of bits after the slash; 32 or 128 for a lone address.",
        ("SELECT cidr_prefix_length('10.0.0.0/8'), cidr_prefix_length('::1')", "8 | 128"),
        cidr_prefix_length,
    ),
    function(
        "ip_is_private",
        ("ip_is_private(address)", 1, Returns::Boolean),
        "True for addresses and blocks that are not routed on the internet: private, loopback, link-local and carrier networks.",
        (
            "SELECT ip_is_private('192.168.1.1'), ip_is_private('8.8.8.8'), ip_is_private('fd00::1')",
            "true | false | true",
        ),
        ip_is_private,
    ),
    function(
        "base64_encode",
        ("base64_encode(x)", 1, Returns::Text),
        "Text or bytes in base64.",
        ("SELECT base64_encode('hello?>')", "aGVsbG8/Pg=="),
        base64_encode,
    ),
    function(
        "base64_decode",
        ("base64_decode(x)", 1, Returns::Text),
        "The text that base64 stands for, in the usual or the URL alphabet, padded or not. NULL if it is none, or no text.",
        ("SELECT base64_decode('aGVsbG8_Pg')", "hello?>"),
        base64_decode,
    ),
    function(
        "url_encode",
        ("url_encode(x)", 1, Returns::Text),
        "A text for use in a URL: all but letters, digits and `-._~` percent-encoded.",
        ("SELECT url_encode('a b/é')", "a%20b%2F%C3%A9"),
        url_encode,
    ),
    function(
        "url_decode",
        ("url_decode(x)", 1, Returns::Text),
        "A text without percent-encoding. A `+` stays a `+`.",
        ("SELECT url_decode('a%20b%2F%C3%A9')", "a b/é"),
        url_decode,
    ),
    function(
        "url_host",
        ("url_host(url)", 1, Returns::Text),
        "The host of a URL, without port. NULL if it has none.",
        ("SELECT url_host('https://user@api.example.com:8443/v1?q=1')", "api.example.com"),
        url_host,
    ),
];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn call(run: fn(&[Cell<'_>], &mut Memory) -> Answer, args: &[&str]) -> Cell<'static> {
        let cells: Vec<Cell<'_>> = args.iter().map(|&arg| Cell::Text(arg.into())).collect();
        run(&cells, &mut Memory::default()).unwrap()
    }

    #[test]
    fn blocks_hold_what_shares_their_prefix() {
        for (outer, inner, holds) in [
            ("10.0.0.0/8", "10.255.0.1", Some(true)),
            ("10.0.0.0/8", "11.0.0.1", Some(false)),
            ("10.0.0.0/8", "10.0.0.0/16", Some(true)),
            ("10.0.0.0/16", "10.0.0.0/8", Some(false)),
            ("0.0.0.0/0", "1.2.3.4", Some(true)),
            ("0.0.0.0/0", "::1", Some(false)),
            ("::/0", "::1", Some(true)),
            ("fe80::/10", "febf::1", Some(true)),
            ("fe80::/10", "fec0::1", Some(false)),
            ("1.2.3.4", "1.2.3.4", Some(true)),
            ("1.2.3.4/33", "1.2.3.4", None),
            ("1.2.3.4/+8", "1.2.3.4", None),
            ("x", "1.2.3.4", None),
            ("1.2.3.4", "sg-1", None),
        ] {
            let wanted = holds.map_or(Cell::Null, Cell::Boolean);
            assert_eq!(call(cidr_contains, &[outer, inner]), wanted, "{outer} {inner}");
        }
        assert_eq!(call(cidr_network, &["2001:db8:1::5/32"]), text("2001:db8::/32"));
        assert_eq!(call(cidr_network, &["1.2.3.4/0"]), text("0.0.0.0/0"));
        assert_eq!(call(cidr_host, &["nope"]), Cell::Null);
        assert_eq!(call(cidr_prefix_length, &["1.2.3.4"]), Cell::Integer(32));
    }

    #[test]
    fn private_addresses_are_known() {
        for (address, is_private) in [
            ("172.31.255.255", true),
            ("172.32.0.0", false),
            ("169.254.169.254", true),
            ("100.64.0.1", true),
            ("::1", true),
            ("::2", false),
            ("::ffff:10.0.0.1", true),
            ("::ffff:8.8.8.8", false),
            ("10.0.0.0/7", false),
        ] {
            assert_eq!(call(ip_is_private, &[address]), Cell::Boolean(is_private), "{address}");
        }
        assert_eq!(call(ip_is_private, &[""]), Cell::Null);
    }

    #[test]
    fn odd_texts_give_null() {
        assert_eq!(call(base64_decode, &["%%"]), Cell::Null);
        assert_eq!(call(base64_decode, &["/w=="]), Cell::Null);
        assert_eq!(call(base64_decode, &["aGk=\n"]), text("hi"));
        assert_eq!(call(url_decode, &["%ff"]), Cell::Null);
        assert_eq!(call(url_decode, &["100%"]), text("100%"));
        assert_eq!(call(url_host, &["/just/a/path"]), Cell::Null);
        assert_eq!(call(url_host, &["mailto:a@b"]), Cell::Null);
        assert_eq!(call(url_host, &["http://[::1]:80/"]), text("::1"));
    }

    proptest! {
        #[test]
        fn encodings_go_both_ways(plain in ".{0,40}") {
            let Cell::Text(encoded) = call(base64_encode, &[&plain]) else { panic!("text") };
            prop_assert_eq!(call(base64_decode, &[&encoded]), text(plain.clone()));
            let Cell::Text(encoded) = call(url_encode, &[&plain]) else { panic!("text") };
            prop_assert_eq!(call(url_decode, &[&encoded]), text(plain));
        }

        #[test]
        fn no_text_breaks_them(one in ".{0,20}", other in "[0-9a-f:./]{0,20}") {
            for args in [[one.as_str(), other.as_str()], [&other, &one]] {
                call(cidr_contains, &args);
                call(cidr_network, &args[..1]);
                call(ip_is_private, &args[..1]);
                call(base64_decode, &args[..1]);
                call(url_host, &args[..1]);
            }
        }
    }
}

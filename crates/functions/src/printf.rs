//! `printf` / `format` with the conversions of SQLite.

use strataql_diag::excerpt;
use strataql_json::quoted;

use super::cell::{Answer, Cell, bad, text};
use super::doc::{Example, FunctionDoc, Section};
use super::scalar::{ANY, Memory, Returns, Scalar};

/// Widest field; a format from a remote value must not fill the memory.
const MAX_WIDTH: usize = 10_000;
/// Most digits after the point.
const MAX_PRECISION: usize = 400;

/// One conversion.
#[derive(Debug, Default, Clone)]
struct Spec {
    left: bool,
    plus: bool,
    space: bool,
    zero: bool,
    alternate: bool,
    comma: bool,
    width: usize,
    precision: Option<usize>,
}

/// Arguments that are taken one by one; missing ones are NULL.
struct Arguments<'a, 'b>(std::slice::Iter<'a, Cell<'b>>);

impl Arguments<'_, '_> {
    fn next(&mut self) -> Cell<'_> {
        self.0.next().cloned().unwrap_or(Cell::Null)
    }

    fn size(&mut self) -> i64 {
        self.next().integer().unwrap_or(0)
    }
}

fn printf(cells: &[Cell<'_>], _memory: &mut Memory) -> Answer {
    let Some(format) = cells[0].text() else { return Ok(Cell::Null) };
    let mut arguments = Arguments(cells[1..].iter());
    let mut out = String::new();
    let mut chars = format.chars().peekable();
    while let Some(char) = chars.next() {
        if char != '%' {
            out.push(char);
            continue;
        }
        let spec = read_spec(&mut chars, &mut arguments);
        if spec.width > MAX_WIDTH || spec.precision.is_some_and(|digits| digits > MAX_WIDTH) {
            return Err(bad(
                format!("the format `{}` asks for too wide a field", excerpt(&format)),
                "fields may have up to 10,000 characters",
            ));
        }
        match chars.next() {
            Some('%') => out.push('%'),
            Some(kind) => match convert(kind, &spec, &mut arguments) {
                Some(field) => out.push_str(&padded(field, &spec)),
                None => {
                    return Err(bad(
                        format!("`%{kind}` is no conversion of `printf`"),
                        "it knows %d %i %u %f %e %g %x %X %o %s %c %q %Q %w and %%",
                    ));
                }
            },
            // a lone sign at the end stands for itself
            None => out.push('%'),
        }
    }
    Ok(text(out))
}

fn read_spec(
    chars: &mut std::iter::Peekable<std::str::Chars<'_>>,
    arguments: &mut Arguments<'_, '_>,
) -> Spec {
    let mut spec = Spec::default();
    while let Some(flag) = chars.peek() {
        match flag {
            '-' => spec.left = true,
            '+' => spec.plus = true,
            ' ' => spec.space = true,
            '0' => spec.zero = true,
            '#' => spec.alternate = true,
            ',' => spec.comma = true,
            '!' => {}
            _ => break,
        }
        chars.next();
    }
    if chars.next_if_eq(&'*').is_some() {
        let width = arguments.size();
        spec.left |= width < 0;
        spec.width = usize::try_from(width.unsigned_abs()).unwrap_or(usize::MAX);
    } else {
        spec.width = number(chars).unwrap_or(0);
    }
    if chars.next_if_eq(&'.').is_some() {
        spec.precision = Some(if chars.next_if_eq(&'*').is_some() {
            usize::try_from(arguments.size().unsigned_abs()).unwrap_or(usize::MAX)
        } else {
            number(chars).unwrap_or(0)
        });
    }
    // sizes of C's integers mean nothing here
    while chars.next_if(|char| matches!(char, 'l' | 'h')).is_some() {}
    spec
}

fn number(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Option<usize> {
    let mut number: Option<usize> = None;
    while let Some(digit) = chars.peek().and_then(|char| char.to_digit(10)) {
        chars.next();
        let digit = usize::try_from(digit).unwrap_or(0);
        number = Some(number.unwrap_or(0).saturating_mul(10).saturating_add(digit));
    }
    number
}

/// A field before padding: sign or prefix, and the rest, which zeros may stand before.
struct Field {
    sign: String,
    body: String,
    is_number: bool,
}

fn plain(body: impl Into<String>) -> Field {
    Field { sign: String::new(), body: body.into(), is_number: false }
}

fn convert(kind: char, spec: &Spec, arguments: &mut Arguments<'_, '_>) -> Option<Field> {
    let value = arguments.next();
    Some(match kind {
        'd' | 'i' => {
            let number = value.integer().unwrap_or(0);
            let digits = grouped(&number.unsigned_abs().to_string(), spec);
            Field { sign: sign(number < 0, spec), body: at_least(digits, spec), is_number: true }
        }
        'u' => {
            let number = value.integer().unwrap_or(0).cast_unsigned();
            let body = at_least(grouped(&number.to_string(), spec), spec);
            Field { sign: String::new(), body, is_number: true }
        }
        'x' | 'X' | 'o' => {
            let number = value.integer().unwrap_or(0).cast_unsigned();
            let (digits, prefix) = match kind {
                'x' => (format!("{number:x}"), "0x"),
                'X' => (format!("{number:X}"), "0X"),
                _ => (format!("{number:o}"), "0"),
            };
            let prefix = if spec.alternate && number != 0 { prefix } else { "" };
            Field { sign: prefix.to_owned(), body: at_least(digits, spec), is_number: true }
        }
        'f' | 'e' | 'E' | 'g' | 'G' => real(kind, value.real().unwrap_or(0.0), spec),
        's' | 'z' => plain(cut(&value.text().unwrap_or_default(), spec)),
        'c' => {
            let first = value.text().unwrap_or_default().chars().next();
            let times = spec.precision.unwrap_or(1).max(1);
            plain(first.map(|char| char.to_string().repeat(times)).unwrap_or_default())
        }
        'q' => plain(cut(&value.text().unwrap_or_default().replace('\'', "''"), spec)),
        'Q' => plain(match value.text() {
            Some(text) => format!("'{}'", cut(&text.replace('\'', "''"), spec)),
            None => "NULL".to_owned(),
        }),
        'w' => plain(cut(&value.text().unwrap_or_default().replace('"', "\"\""), spec)),
        'j' => plain(quoted(&value.text().unwrap_or_default())),
        _ => return None,
    })
}

fn sign(is_negative: bool, spec: &Spec) -> String {
    match (is_negative, spec.plus, spec.space) {
        (true, ..) => "-",
        (false, true, _) => "+",
        (false, false, true) => " ",
        _ => "",
    }
    .to_owned()
}

/// At most as many characters as the precision says.
fn cut(text: &str, spec: &Spec) -> String {
    match spec.precision {
        Some(most) => text.chars().take(most).collect(),
        None => text.to_owned(),
    }
}

/// At least as many digits as the precision says.
fn at_least(digits: String, spec: &Spec) -> String {
    match spec.precision {
        Some(least) if digits.len() < least => format!("{digits:0>least$}"),
        _ => digits,
    }
}

/// Commas between thousands, if wanted.
fn grouped(digits: &str, spec: &Spec) -> String {
    if !spec.comma {
        return digits.to_owned();
    }
    let mut out = String::new();
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

fn real(kind: char, number: f64, spec: &Spec) -> Field {
    if !number.is_finite() {
        let body = if number.is_nan() { "NaN" } else { "Inf" };
        return Field { sign: sign(number < 0.0, spec), ..plain(body) };
    }
    let precision = spec.precision.unwrap_or(6).min(MAX_PRECISION);
    let size = number.abs();
    let body = match kind {
        'f' => {
            let text = format!("{size:.precision$}");
            match text.split_once('.') {
                Some((whole, rest)) => format!("{}.{rest}", grouped(whole, spec)),
                None => grouped(&text, spec),
            }
        }
        'e' | 'E' => exponent(size, precision),
        _ => general(size, precision.max(1), spec.alternate),
    };
    let body = if kind.is_ascii_uppercase() { body.to_uppercase() } else { body };
    Field { sign: sign(number < 0.0, spec), body, is_number: true }
}

/// `1.5e+02`, as C writes it.
fn exponent(number: f64, precision: usize) -> String {
    let text = format!("{number:.precision$e}");
    let (mantissa, power) = text.split_once('e').unwrap_or((&text, "0"));
    let (sign, digits) = match power.strip_prefix('-') {
        Some(digits) => ('-', digits),
        None => ('+', power),
    };
    format!("{mantissa}e{sign}{digits:0>2}")
}

/// The shorter of the two forms, without zeros at the end.
fn general(number: f64, precision: usize, keeps_zeros: bool) -> String {
    let scientific = exponent(number, precision - 1);
    let (mantissa, power) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let power: i64 = power.parse().unwrap_or(0);
    let trimmed = |text: &str| {
        if keeps_zeros || !text.contains('.') {
            return text.to_owned();
        }
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    };
    let digits = i64::try_from(precision).unwrap_or(i64::MAX);
    if power < -4 || power >= digits {
        let tail = scientific.get(mantissa.len()..).unwrap_or_default();
        return format!("{}{tail}", trimmed(mantissa));
    }
    let after = usize::try_from(digits - 1 - power).unwrap_or(0);
    trimmed(&format!("{number:.after$}"))
}

fn padded(field: Field, spec: &Spec) -> String {
    let Field { sign, body, is_number } = field;
    let length = sign.chars().count() + body.chars().count();
    let fill = spec.width.saturating_sub(length);
    if spec.left {
        format!("{sign}{body}{}", " ".repeat(fill))
    } else if spec.zero && is_number {
        format!("{sign}{}{body}", "0".repeat(fill))
    } else {
        format!("{}{sign}{body}", " ".repeat(fill))
    }
}

/// The functions of this file.
pub(super) static FUNCTIONS: &[Scalar] = &[Scalar {
    doc: FunctionDoc {
        name: "printf",
        aliases: &["format"],
        section: Section::Text,
        syntax: "printf(format, value, …)",
        text: "A text with values filled in: `%d` whole numbers, `%f %e %g` real numbers, `%x %X %o` other bases, `%s` text, `%c` its first character, `%q %Q %w` text for SQL quotes, `%%` a percent sign; flags `- + 0 , #`, width and precision as in C, `*` takes them from the arguments. Missing values are 0 or empty.",
        example: Example {
            sql: "SELECT printf('%05d|%-4s|%.2f|%x|%,d|%%', 42, 'ab', 3.14159, 255, 1234567)",
            rows: "00042|ab  |3.14|ff|1,234,567|%",
        },
    },
    arguments: (1, ANY),
    returns: Returns::Text,
    strict: false,
    times: &[],
    call: printf,
}];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn run(format: &str, values: &[Cell<'static>]) -> Answer {
        let mut cells = vec![Cell::Text(format.to_owned().into())];
        cells.extend_from_slice(values);
        printf(&cells, &mut Memory::default())
    }

    #[test]
    fn conversions_follow_c() {
        let int = Cell::Integer;
        let real = Cell::Real;
        for (format, values, wanted) in [
            ("%d", vec![int(-5)], "-5"),
            ("%+d % d", vec![int(5), int(5)], "+5  5"),
            ("%05d", vec![int(-42)], "-0042"),
            ("%.3d", vec![int(7)], "007"),
            ("%,d", vec![int(-1_234_567)], "-1,234,567"),
            ("%d", vec![text("12.9")], "12"),
            ("%d", vec![int(i64::MIN)], "-9223372036854775808"),
            ("%x %X %#x %o", vec![int(255), int(255), int(255), int(8)], "ff FF 0xff 10"),
            ("%f", vec![real(1.5)], "1.500000"),
            ("%8.2f|", vec![real(2.71459)], "    2.71|"),
            ("%-8.2f|", vec![real(-2.71459)], "-2.71   |"),
            ("%.0f", vec![real(2.5)], "2"),
            ("%e", vec![real(12345.678)], "1.234568e+04"),
            ("%.2E", vec![real(0.000_12)], "1.20E-04"),
            ("%g %g %g", vec![real(100_000.0), real(1e6), real(0.0001)], "100000 1e+06 0.0001"),
            (
                "%s|%5s|%-5s|%.2s",
                vec![text("a"), text("b"), text("c"), text("def")],
                "a|    b|c    |de",
            ),
            ("%c%.3c", vec![text("xyz"), text("é")], "xééé"),
            ("%q %Q %Q", vec![text("it's"), text("it's"), Cell::Null], "it''s 'it''s' NULL"),
            ("%*d|%-*d|", vec![int(4), int(1), int(4), int(1)], "   1|1   |"),
            ("100%%", vec![], "100%"),
            ("%d %s|", vec![], "0 |"),
            ("%", vec![], "%"),
            ("%lld", vec![int(3)], "3"),
        ] {
            assert_eq!(run(format, &values).unwrap(), text(wanted), "{format}");
        }
        for format in ["%y", "%999999d", "%.99999s"] {
            let report = run(format, &[]).unwrap_err();
            assert_eq!(report.code, strataql_diag::Code::BadValue, "{format}");
        }
    }

    proptest! {
        #[test]
        fn no_format_breaks_it(format in "[%0-9.*+ #,a-zA-Zé!-]{0,20}", number: i64, real: f64) {
            let _answer = run(&format, &[Cell::Integer(number), Cell::Real(real), text("é")]);
        }
    }
}

//! Templates for numbers.

use strataql_diag::{Report, excerpt};

use super::super::cell::bad;
use super::time::suffix;

/// The most digits that a template may have.
const MAX_DIGITS: usize = 200;

/// How the sign is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sign {
    /// `-` before the first digit, or a blank.
    Minus,
    /// `S` at the front or the end: always a sign.
    Anchored { trails: bool },
    /// `MI` or `SG`, where they stand.
    Placed,
    /// `PR`: negative numbers in angle brackets.
    Brackets,
}

/// A part of a template.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Digit { zero: bool },
    Point,
    Group,
    Minus,
    Plus,
    Sign,
    Ordinal { upper: bool },
    Text(char),
}

/// A template that was read.
#[derive(Debug)]
struct Template {
    parts: Vec<Part>,
    sign: Sign,
    fill: bool,
    before: usize,
    after: usize,
    shift: usize,
    exponent: bool,
    roman: Option<bool>,
}

fn read(text: &str) -> Result<Template, Box<Report>> {
    let mut template = Template {
        parts: Vec::new(),
        sign: Sign::Minus,
        fill: true,
        before: 0,
        after: 0,
        shift: 0,
        exponent: false,
        roman: None,
    };
    let (mut has_point, mut shifts) = (false, false);
    let mut rest = text;
    let refused = || {
        bad(
            format!("`{}` is no template for numbers", excerpt(text)),
            "write for example `FM999,990.00`",
        )
    };
    while let Some(first) = rest.chars().next() {
        let two = rest.get(..2).unwrap_or_default().to_ascii_uppercase();
        let mut length = 2;
        match two.as_str() {
            "FM" => template.fill = false,
            "MI" => {
                template.sign = Sign::Placed;
                template.parts.push(Part::Minus);
            }
            "SG" => {
                template.sign = Sign::Placed;
                template.parts.push(Part::Sign);
            }
            "PL" => template.parts.push(Part::Plus),
            "PR" => template.sign = Sign::Brackets,
            "RN" => template.roman = Some(rest.starts_with('R')),
            "TH" => template.parts.push(Part::Ordinal { upper: rest.starts_with('T') }),
            "EE" if rest.get(..4).is_some_and(|four| four.eq_ignore_ascii_case("EEEE")) => {
                template.exponent = true;
                length = 4;
            }
            _ => {
                length = first.len_utf8();
                match first {
                    '9' | '0' => {
                        template.parts.push(Part::Digit { zero: first == '0' });
                        if has_point {
                            template.after += 1;
                        } else {
                            template.before += 1;
                            template.shift += usize::from(shifts);
                        }
                    }
                    '.' | 'D' | 'd' => {
                        if has_point || shifts {
                            return Err(refused());
                        }
                        has_point = true;
                        template.parts.push(Part::Point);
                    }
                    ',' | 'G' | 'g' => template.parts.push(Part::Group),
                    'V' | 'v' => {
                        if has_point || shifts {
                            return Err(refused());
                        }
                        shifts = true;
                    }
                    'S' | 's' => template.sign = Sign::Anchored { trails: template.before > 0 },
                    '"' => {
                        let inner = &rest[1..];
                        let end = inner.find('"').unwrap_or(inner.len());
                        template.parts.extend(inner[..end].chars().map(Part::Text));
                        length = (end + 2).min(rest.len());
                    }
                    other => template.parts.push(Part::Text(other)),
                }
            }
        }
        rest = &rest[length..];
    }
    if template.before + template.after > MAX_DIGITS {
        return Err(refused());
    }
    Ok(template)
}

/// Digits before and after the point, rounded half away from zero to `after` of them.
fn rounded(number: &str, shift: usize, after: usize) -> (String, String) {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let mut fraction = fraction.to_owned();
    while fraction.len() < shift + after {
        fraction.push('0');
    }
    let mut digits: Vec<u8> = whole.bytes().chain(fraction.bytes()).collect();
    let kept = whole.len() + shift + after;
    let is_up = digits.get(kept).is_some_and(|digit| *digit >= b'5');
    digits.truncate(kept);
    if is_up {
        let carries = digits.iter_mut().rev().all(|digit| {
            let is_nine = *digit == b'9';
            *digit = if is_nine { b'0' } else { *digit + 1 };
            is_nine
        });
        if carries {
            digits.insert(0, b'1');
        }
    }
    let text: String = digits.into_iter().map(char::from).collect();
    let (whole, fraction) = text.split_at(text.len() - after);
    (whole.trim_start_matches('0').to_owned(), fraction.to_owned())
}

/// A number, as Arrow writes it, by a template.
pub(super) fn shown(number: &str, text: &str) -> Result<String, Box<Report>> {
    let template = read(text)?;
    let is_negative = number.starts_with('-');
    let plain = plain(number.trim_start_matches('-'));
    if let Some(is_upper) = template.roman {
        return Ok(roman(&plain, is_negative, is_upper, template.fill));
    }
    if template.exponent {
        return Ok(scientific(&plain, is_negative, &template));
    }
    let (whole, fraction) = rounded(&plain, template.shift, template.after);
    let is_zero = whole.is_empty() && fraction.bytes().all(|digit| digit == b'0');
    let is_negative = is_negative && !is_zero;
    let overflows =
        whole.len() > template.before || plain.parse::<f64>().is_ok_and(|n| !n.is_finite());
    let mut body = Body {
        digits: whole.bytes().collect(),
        fraction: fraction.bytes().collect(),
        overflows,
        template: &template,
        is_negative,
        out: String::new(),
        blanks: 0,
        started: false,
    };
    Ok(body.write())
}

/// The output of a template, part by part.
struct Body<'a> {
    digits: Vec<u8>,
    fraction: Vec<u8>,
    overflows: bool,
    template: &'a Template,
    is_negative: bool,
    out: String,
    /// Blanks before the first digit.
    blanks: usize,
    started: bool,
}

impl Body<'_> {
    fn start(&mut self) {
        if self.started {
            return;
        }
        self.started = true;
        if self.template.fill {
            self.out.extend(std::iter::repeat_n(' ', self.blanks));
        }
        let sign = match (self.template.sign, self.is_negative) {
            (Sign::Minus | Sign::Anchored { trails: false }, true) => "-",
            (Sign::Anchored { trails: false }, false) => "+",
            (Sign::Brackets, true) => "<",
            (Sign::Minus | Sign::Brackets, false) if self.template.fill => " ",
            _ => "",
        };
        self.out.push_str(sign);
    }

    fn write(&mut self) -> String {
        let (before, after) = (self.template.before, self.template.after);
        // without a `0` of its own a whole part of zero is left out, unless nothing else is there
        let first_zero = self
            .template
            .parts
            .iter()
            .filter(|part| matches!(part, Part::Digit { .. } | Part::Point))
            .position(|part| matches!(part, Part::Digit { zero: true } | Part::Point))
            .unwrap_or(before);
        let has_value = !self.digits.is_empty();
        let mut first = before.saturating_sub(self.digits.len()).min(first_zero);
        if !has_value && first >= before && (after == 0 || !self.template.fill) {
            first = before.saturating_sub(1);
        }
        // under FM zeros at the end go, but those that a `0` asks for
        let mut kept = after;
        if !self.template.fill {
            let digits = self.template.parts.iter().rev();
            let nines = digits
                .filter(|part| matches!(part, Part::Digit { .. } | Part::Point))
                .take_while(|part| matches!(part, Part::Digit { zero: false }))
                .count()
                .min(after);
            let zeros = self.fraction.iter().rev().take_while(|digit| **digit == b'0').count();
            kept = after - nines.min(zeros);
        }
        let (mut at, mut behind, mut has_point) = (0, 0, false);
        for part in &self.template.parts {
            match part {
                Part::Digit { .. } if has_point => {
                    if behind < kept || self.overflows {
                        self.start();
                        let digit = if self.overflows { b'#' } else { self.fraction[behind] };
                        self.out.push(char::from(digit));
                    }
                    behind += 1;
                }
                Part::Digit { .. } => {
                    if self.overflows || at >= first {
                        self.start();
                        let from_right = before - at;
                        let digit = match self.digits.len().checked_sub(from_right) {
                            _ if self.overflows => b'#',
                            Some(index) => self.digits[index],
                            None => b'0',
                        };
                        self.out.push(char::from(digit));
                    } else {
                        self.blanks += 1;
                    }
                    at += 1;
                }
                Part::Point => {
                    self.start();
                    has_point = true;
                    self.out.push('.');
                }
                Part::Group if self.started => self.out.push(','),
                Part::Group => self.blanks += 1,
                Part::Minus | Part::Sign | Part::Plus => {
                    let mark = match (part, self.is_negative) {
                        (Part::Minus | Part::Sign, true) => "-",
                        (Part::Sign | Part::Plus, false) => "+",
                        _ if self.template.fill => " ",
                        _ => "",
                    };
                    self.out.push_str(mark);
                }
                Part::Ordinal { upper } => {
                    if !self.is_negative && after == 0 {
                        let digits: String = self.digits.iter().copied().map(char::from).collect();
                        let suffix = suffix(&digits);
                        self.out.push_str(&if *upper {
                            suffix.to_uppercase()
                        } else {
                            suffix.into()
                        });
                    }
                }
                Part::Text(char) => self.out.push(*char),
            }
        }
        self.start();
        match (self.template.sign, self.is_negative) {
            (Sign::Anchored { trails: true }, true) => self.out.push('-'),
            (Sign::Anchored { trails: true }, false) => self.out.push('+'),
            (Sign::Brackets, true) => self.out.push('>'),
            (Sign::Brackets, false) if self.template.fill => self.out.push(' '),
            _ => {}
        }
        std::mem::take(&mut self.out)
    }
}

/// A number without an exponent.
fn plain(number: &str) -> String {
    if number.contains(['e', 'E'])
        && let Ok(value) = number.parse::<f64>()
    {
        return format!("{value:.17}");
    }
    number.to_owned()
}

fn scientific(number: &str, is_negative: bool, template: &Template) -> String {
    let value: f64 = number.parse().unwrap_or(f64::NAN);
    let text = format!("{value:.*e}", template.after);
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let mark = if exponent < 0 { '-' } else { '+' };
    let sign = match (is_negative, template.fill) {
        (true, _) => "-",
        (false, true) => " ",
        (false, false) => "",
    };
    format!("{sign}{mantissa}e{mark}{:02}", exponent.abs())
}

fn roman(number: &str, is_negative: bool, is_upper: bool, fill: bool) -> String {
    const DIGITS: [(u32, &str); 13] = [
        (1000, "M"),
        (900, "CM"),
        (500, "D"),
        (400, "CD"),
        (100, "C"),
        (90, "XC"),
        (50, "L"),
        (40, "XL"),
        (10, "X"),
        (9, "IX"),
        (5, "V"),
        (4, "IV"),
        (1, "I"),
    ];
    let (whole, _) = rounded(number, 0, 0);
    let value: u32 = whole.parse().unwrap_or(0);
    if is_negative || !(1..4000).contains(&value) {
        return "#".repeat(15);
    }
    let mut left = value;
    let mut out = String::new();
    for (worth, digit) in DIGITS {
        while left >= worth {
            out.push_str(digit);
            left -= worth;
        }
    }
    if !is_upper {
        out.make_ascii_lowercase();
    }
    if fill { format!("{out:>15}") } else { out }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_postgres_writes_them() {
        for (number, template, wanted) in [
            ("125.8", "999D9", " 125.8"),
            ("-125.8", "999.99", "-125.80"),
            ("1234567", "9,999,999", " 1,234,567"),
            ("1234567", "FM9,999,999.00", "1,234,567.00"),
            ("12", "0000", " 0012"),
            ("12", "FM0000", "0012"),
            ("-12", "S999", " -12"),
            ("-12", "999MI", " 12-"),
            ("-12", "999PR", " <12>"),
            ("0.5", "9.9", "  .5"),
            ("0.5", "0.9", " 0.5"),
            ("12345", "999", " ###"),
            ("485", "RN", "        CDLXXXV"),
            ("0.00012", "9.99EEEE", " 1.20e-04"),
            ("12.5", "FM999", "13"),
            ("5", "9th", " 5th"),
            ("12.45", "99V9", " 125"),
            ("0", "FM9.99", "0."),
            ("12", "SG99", "+12"),
            ("12", "PL99", "+ 12"),
            ("0", "9", " 0"),
            ("1e-7", "9.9", "  .0"),
            ("-0.4", "9", " 0"),
        ] {
            match shown(number, template) {
                Ok(found) => assert_eq!(found, wanted, "{number} by {template}"),
                Err(report) => panic!("{number} by {template}: {report}"),
            }
        }
        assert!(shown("1", "9.9.9").is_err());
    }
}

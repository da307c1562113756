//! SQLite's date functions: `date`, `time`, `datetime`, `julianday`, `unixepoch`, `strftime`,
//! `timediff`.
//!
//! Owns: reading times and modifiers. All times are UTC; `localtime` changes nothing.
//! Surprise: a time or modifier that cannot be read gives NULL, as in SQLite.

mod strftime;

use chrono::{Datelike, Duration, NaiveDate, NaiveDateTime, NaiveTime, Timelike};

use super::cell::{Answer, Cell, bad, text};
use super::doc::{FunctionDoc, Section};
use super::scalar::{ANY, Memory, Returns, Scalar, text_of};

/// The Julian day of 1970-01-01 00:00, in milliseconds.
const EPOCH_JULIAN_MS: f64 = 210_866_760_000_000.0;
const DAY_MS: f64 = 86_400_000.0;

/// A point in time, and whether fractions of a second are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Moment {
    at: NaiveDateTime,
    subseconds: bool,
}

/// A time as given, before modifiers say what a number means.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Given {
    At(NaiveDateTime),
    Number(f64),
}

#[expect(clippy::cast_possible_truncation, reason = "out of range is refused by chrono")]
fn from_millis(millis: f64) -> Option<NaiveDateTime> {
    if !millis.is_finite() || millis.abs() > 4.0e14 {
        return None;
    }
    chrono::DateTime::from_timestamp_millis(millis.round() as i64).map(|at| at.naive_utc())
}

fn from_julian(day: f64) -> Option<NaiveDateTime> {
    from_millis(day * DAY_MS - EPOCH_JULIAN_MS)
}

fn from_unix(seconds: f64) -> Option<NaiveDateTime> {
    from_millis(seconds * 1000.0)
}

/// Years that four digits can write; others are no time here.
fn in_range(at: NaiveDateTime) -> Option<NaiveDateTime> {
    (0..=9999).contains(&at.year()).then_some(at)
}

fn clock(text: &str) -> Option<NaiveTime> {
    let mut parts = text.splitn(3, ':');
    let two = |part: Option<&str>| {
        let part = part.filter(|part| part.len() == 2)?;
        part.bytes().all(|byte| byte.is_ascii_digit()).then(|| part.parse::<u32>().ok())?
    };
    let (hour, minute) = (two(parts.next())?, two(parts.next())?);
    let Some(rest) = parts.next() else { return NaiveTime::from_hms_opt(hour, minute, 0) };
    let (whole, fraction) = rest.split_once('.').unwrap_or((rest, "0"));
    let second = two(Some(whole))?;
    if fraction.is_empty() || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let digits: String = fraction.chars().chain("000000000".chars()).take(9).collect();
    NaiveTime::from_hms_nano_opt(hour, minute, second, digits.parse().ok()?)
}

/// The offset at the end of a clock time, and what stands before it.
fn zone(text: &str) -> Option<(&str, Duration)> {
    if let Some(before) = text.strip_suffix(['Z', 'z']) {
        return Some((before.trim_end(), Duration::zero()));
    }
    let Some(at) = text.rfind(['+', '-']) else { return Some((text, Duration::zero())) };
    let (before, offset) = text.split_at(at);
    let span = clock(&offset[1..])?.signed_duration_since(NaiveTime::MIN);
    let span = if offset.starts_with('-') { -span } else { span };
    Some((before.trim_end(), span))
}

fn day(text: &str) -> Option<NaiveDate> {
    let bytes = text.as_bytes();
    if bytes.len() != 10 || bytes[4] != b'-' || bytes[7] != b'-' {
        return None;
    }
    let number = |range: std::ops::Range<usize>| {
        let part = text.get(range)?;
        part.bytes().all(|byte| byte.is_ascii_digit()).then(|| part.parse::<u32>().ok())?
    };
    let (year, month, day) = (number(0..4)?, number(5..7)?, number(8..10)?);
    if day == 0 || day > 31 {
        return None;
    }
    // the 31st of a shorter month is a day of the next
    let first = NaiveDate::from_ymd_opt(i32::try_from(year).ok()?, month, 1)?;
    first.checked_add_signed(Duration::days(i64::from(day) - 1))
}

fn given(cell: &Cell<'_>) -> Option<Given> {
    match cell {
        Cell::Integer(_) | Cell::Real(_) => return cell.real().map(Given::Number),
        Cell::Null | Cell::Boolean(_) | Cell::Blob(_) => return None,
        Cell::Text(_) | Cell::Json(_) => {}
    }
    let text = cell.text()?;
    let text = text.trim();
    if let Some(date) = text.get(..10).and_then(day) {
        let rest = &text[10..];
        let rest = rest.strip_prefix(['T', 't']).unwrap_or(rest).trim_start();
        if rest.is_empty() {
            return Some(Given::At(date.and_time(NaiveTime::MIN)));
        }
        let (rest, offset) = zone(rest)?;
        return date.and_time(clock(rest)?).checked_sub_signed(offset).map(Given::At);
    }
    if let Ok(number) = text.parse::<f64>() {
        return Some(Given::Number(number));
    }
    let (rest, offset) = zone(text)?;
    let date = NaiveDate::from_ymd_opt(2000, 1, 1)?;
    date.and_time(clock(rest)?).checked_sub_signed(offset).map(Given::At)
}

/// The moment that a time and its modifiers mean; `None` if one of them cannot be read.
fn moment(cells: &[Cell<'_>]) -> Result<Option<Moment>, Box<strataql_diag::Report>> {
    let Some(first) = cells.first() else {
        return Err(no_clock());
    };
    if first.text().is_some_and(|text| text.trim().eq_ignore_ascii_case("now")) {
        return Err(no_clock());
    }
    Ok(given(first).and_then(|given| modified(given, &cells[1..])))
}

/// `'now'` in a row's value: the statement's time is filled in while planning.
fn no_clock() -> Box<strataql_diag::Report> {
    bad(
        "`now` is understood only where it stands in the statement".to_owned(),
        "write `'now'` as a literal, or use `now()`",
    )
}

fn modified(given: Given, modifiers: &[Cell<'_>]) -> Option<Moment> {
    let all: Option<Vec<String>> =
        modifiers.iter().map(|cell| cell.text().map(|text| text.trim().to_lowercase())).collect();
    let all = all?;
    let mut rest = all.as_slice();
    let mut at = match given {
        Given::At(at) => at,
        Given::Number(number) => {
            // the first modifier says what the number counts
            let first = rest.first().map(String::as_str);
            let (is_unix, is_said) = match first {
                Some("unixepoch") => (true, true),
                Some("auto") => (!(0.0..5_373_485.0).contains(&number), true),
                Some("julianday") => (false, true),
                _ => (false, false),
            };
            rest = &rest[usize::from(is_said)..];
            if is_unix { from_unix(number)? } else { from_julian(number)? }
        }
    };
    let mut subseconds = false;
    for modifier in rest {
        if matches!(modifier.as_str(), "subsec" | "subsecond") {
            subseconds = true;
        } else {
            at = applied(at, modifier)?;
        }
    }
    in_range(at).map(|at| Moment { at, subseconds })
}

/// A moment changed by one modifier.
fn applied(at: NaiveDateTime, modifier: &str) -> Option<NaiveDateTime> {
    let midnight = |date: NaiveDate| date.and_time(NaiveTime::MIN);
    match modifier {
        // everything is UTC
        "utc" | "localtime" | "auto" => Some(at),
        "start of day" => Some(midnight(at.date())),
        "start of month" => at.date().with_day(1).map(midnight),
        "start of year" => at.date().with_ordinal(1).map(midnight),
        _ => match modifier.strip_prefix("weekday ") {
            Some(number) => {
                let wanted: u32 = number.trim().parse().ok().filter(|day| *day <= 6)?;
                let ahead = (wanted + 7 - at.weekday().num_days_from_sunday()) % 7;
                at.checked_add_signed(Duration::days(i64::from(ahead)))
            }
            None => shifted(at, modifier),
        },
    }
}

/// `+7 days`, `-1.5 hours`, `+02:30`, `+0001-02-03 04:05`.
fn shifted(at: NaiveDateTime, modifier: &str) -> Option<NaiveDateTime> {
    let (is_back, size) = match modifier.strip_prefix(['+', '-']) {
        Some(size) => (modifier.starts_with('-'), size),
        None => (false, modifier),
    };
    if let Some((number, unit)) = size.split_once(' ')
        && let Ok(number) = number.parse::<f64>()
    {
        let number = if is_back { -number } else { number };
        return by_unit(at, number, unit.trim());
    }
    if let Some(date) = size.get(..10).filter(|date| date.as_bytes()[4] == b'-') {
        let part = |range: std::ops::Range<usize>| date.get(range)?.parse::<i64>().ok();
        let sign = if is_back { -1 } else { 1 };
        let months = part(0..4)? * 12 + part(5..7)?;
        let at = plus_months(at, sign * months)?;
        let at = at.checked_add_signed(Duration::days(sign * part(8..10)?))?;
        let rest = size[10..].trim();
        return if rest.is_empty() { Some(at) } else { by_clock(at, rest, is_back) };
    }
    by_clock(at, size, is_back)
}

fn by_clock(at: NaiveDateTime, text: &str, is_back: bool) -> Option<NaiveDateTime> {
    let span = clock(text)?.signed_duration_since(NaiveTime::MIN);
    if is_back { at.checked_sub_signed(span) } else { at.checked_add_signed(span) }
}

#[expect(clippy::cast_possible_truncation, reason = "checked to be small")]
fn by_unit(at: NaiveDateTime, number: f64, unit: &str) -> Option<NaiveDateTime> {
    let unit = unit.strip_suffix('s').unwrap_or(unit);
    let seconds = match unit {
        "second" => 1.0,
        "minute" => 60.0,
        "hour" => 3600.0,
        "day" => 86_400.0,
        "month" | "year" => {
            if !number.is_finite() || number.abs() > 120_000.0 {
                return None;
            }
            let whole = number.trunc();
            let months = whole as i64 * if unit == "year" { 12 } else { 1 };
            let at = plus_months(at, months)?;
            // a part of a month counts in days, as in SQLite
            let days = (number - whole) * if unit == "year" { 365.0 } else { 30.0 };
            return by_unit(at, days, "day");
        }
        _ => return None,
    };
    let millis = number * seconds * 1000.0;
    if !millis.is_finite() || millis.abs() > 4.0e14 {
        return None;
    }
    at.checked_add_signed(Duration::milliseconds(millis.round() as i64))
}

/// So many months later; a day that the month lacks is one of the next month.
fn plus_months(at: NaiveDateTime, months: i64) -> Option<NaiveDateTime> {
    let month = i64::from(at.year()) * 12 + i64::from(at.month0()) + months;
    let year = i32::try_from(month.div_euclid(12)).ok()?;
    let first = NaiveDate::from_ymd_opt(year, u32::try_from(month.rem_euclid(12)).ok()? + 1, 1)?;
    let date = first.checked_add_signed(Duration::days(i64::from(at.day0())))?;
    Some(date.and_time(at.time()))
}

/// The Julian day.
fn julian(at: NaiveDateTime) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "years have four digits")]
    let millis = at.and_utc().timestamp_millis() as f64;
    (millis + EPOCH_JULIAN_MS) / DAY_MS
}

fn time_text(moment: Moment) -> String {
    let at = moment.at;
    let whole = format!("{:02}:{:02}:{:02}", at.hour(), at.minute(), at.second());
    if moment.subseconds {
        return format!("{whole}.{:03}", at.and_utc().timestamp_subsec_millis());
    }
    whole
}

fn date_text(at: NaiveDateTime) -> String {
    format!("{:04}-{:02}-{:02}", at.year(), at.month(), at.day())
}

fn date(cells: &[Cell<'_>], _memory: &mut Memory) -> Answer {
    Ok(moment(cells)?.map_or(Cell::Null, |moment| text(date_text(moment.at))))
}

fn time(cells: &[Cell<'_>], _memory: &mut Memory) -> Answer {
    Ok(moment(cells)?.map_or(Cell::Null, |moment| text(time_text(moment))))
}

fn datetime(cells: &[Cell<'_>], _memory: &mut Memory) -> Answer {
    Ok(moment(cells)?.map_or(Cell::Null, |moment| {
        text(format!("{} {}", date_text(moment.at), time_text(moment)))
    }))
}

fn julianday(cells: &[Cell<'_>], _memory: &mut Memory) -> Answer {
    Ok(moment(cells)?.map_or(Cell::Null, |moment| Cell::Real(julian(moment.at))))
}

fn unixepoch(cells: &[Cell<'_>], _memory: &mut Memory) -> Answer {
    let moment = moment(cells)?;
    Ok(moment.map_or(Cell::Null, |moment| Cell::Integer(moment.at.and_utc().timestamp())))
}

fn strftime(cells: &[Cell<'_>], _memory: &mut Memory) -> Answer {
    let Some(moment) = moment(&cells[1..])? else { return Ok(Cell::Null) };
    Ok(strftime::written(&text_of(cells, 0), moment.at).map_or(Cell::Null, text))
}

/// The way from the second time to the first: whole months as far as they go, then days and hours.
fn timediff(cells: &[Cell<'_>], _memory: &mut Memory) -> Answer {
    let (Some(to), Some(from)) = (moment(&cells[..1])?, moment(&cells[1..])?) else {
        return Ok(Cell::Null);
    };
    Ok(way(from.at, to.at).map_or(Cell::Null, text))
}

fn way(from: NaiveDateTime, to: NaiveDateTime) -> Option<String> {
    let is_back = to < from;
    let number = |at: NaiveDateTime| i64::from(at.year()) * 12 + i64::from(at.month0());
    let mut months = (number(to) - number(from)).abs();
    let near = loop {
        let near = plus_months(from, if is_back { -months } else { months })?;
        let is_beyond = if is_back { near < to } else { near > to };
        if !is_beyond || months == 0 {
            break near;
        }
        months -= 1;
    };
    let rest = to.signed_duration_since(near).abs();
    let clock = rest - Duration::days(rest.num_days());
    Some(format!(
        "{}{:04}-{:02}-{:02} {:02}:{:02}:{:02}.{:03}",
        if is_back { '-' } else { '+' },
        months / 12,
        months % 12,
        rest.num_days(),
        clock.num_hours(),
        clock.num_minutes() % 60,
        clock.num_seconds() % 60,
        clock.num_milliseconds() % 1000
    ))
}

const fn function(
    name: &'static str,
    returns: Returns,
    words: (&'static str, &'static str),
    example: (&'static str, &'static str),
    call: fn(&[Cell<'_>], &mut Memory) -> Answer,
) -> Scalar {
    let (syntax, doc) = words;
    Scalar {
        doc: FunctionDoc::new(Section::Dates, (name, &[]), syntax, doc, example),
        arguments: (0, ANY),
        returns,
        strict: true,
        times: &[0],
        call,
    }
}

/// The functions of this file.
pub(super) static FUNCTIONS: &[Scalar] = &[
    function(
        "date",
        Returns::Text,
        (
            "date([time[, modifier, …]])",
            "The day of a time, as text. A time is a date, a date and clock time, a clock time, a number of days (Julian) or, with the modifier `unixepoch`, of seconds, or `'now'`. Modifiers: `+7 days` (also `hours`, `minutes`, `seconds`, `months`, `years`), `+02:30`, `start of day`, `start of month`, `start of year`, `weekday 0`, `unixepoch`, `julianday`, `auto`, `subsec`; `utc` and `localtime` change nothing, all times are UTC. What cannot be read gives NULL.",
        ),
        (
            "SELECT date('2024-01-31', 'start of month', '+1 month', '-1 day'), date(1700000000, 'unixepoch')",
            "2024-01-31 | 2023-11-14",
        ),
        date,
    ),
    function(
        "time",
        Returns::Text,
        ("time([time[, modifier, …]])", "The clock time of a time, as text; see `date`."),
        ("SELECT time('2024-01-31T23:15:00+01:00', '+10 minutes')", "22:25:00"),
        time,
    ),
    function(
        "datetime",
        Returns::Text,
        ("datetime([time[, modifier, …]])", "Day and clock time of a time, as text; see `date`."),
        ("SELECT datetime(8, 'unixepoch')", "1970-01-01 00:00:08"),
        datetime,
    ),
    function(
        "julianday",
        Returns::Real,
        (
            "julianday([time[, modifier, …]])",
            "The number of days since noon on 24 November 4714 BC; see `date`.",
        ),
        ("SELECT julianday('2024-01-02') - julianday('2024-01-01 12:00')", "0.5"),
        julianday,
    ),
    function(
        "unixepoch",
        Returns::Integer,
        ("unixepoch([time[, modifier, …]])", "The number of seconds since 1970; see `date`."),
        ("SELECT unixepoch('2024-01-01T00:00:00Z')", "1704067200"),
        unixepoch,
    ),
    Scalar {
        arguments: (1, ANY),
        times: &[1],
        ..function(
            "strftime",
            Returns::Text,
            (
                "strftime(format[, time[, modifier, …]])",
                "A time in a format: `%Y %m %d %H %M %S %f` (seconds with fraction), `%j %J %s %w %u %W %U %V %G %e %k %I %l %p %P %F %T %R %%`; times and modifiers as in `date`. NULL for an unknown letter.",
            ),
            ("SELECT strftime('%d.%m.%Y %H:%M', '2024-03-05 07:08:09')", "05.03.2024 07:08"),
            strftime,
        )
    },
    Scalar {
        arguments: (2, 2),
        times: &[0, 1],
        ..function(
            "timediff",
            Returns::Text,
            (
                "timediff(to, from)",
                "What has to be added to the second time to come to the first, as `+YYYY-MM-DD HH:MM:SS.SSS`: years, months, days and clock time, which `datetime` takes as a modifier. Times as in `date`.",
            ),
            (
                "SELECT timediff('2024-03-02 12:00', '2024-01-01'), timediff('2024-01-01', '2024-02-01')",
                "+0000-02-01 12:00:00.000 | -0000-01-00 00:00:00.000",
            ),
            timediff,
        )
    },
];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MILLIS: std::ops::Range<i64> = -62_000_000_000_000..253_000_000_000_000;

    fn run(call: fn(&[Cell<'_>], &mut Memory) -> Answer, args: &[Cell<'static>]) -> Cell<'static> {
        call(args, &mut Memory::default()).unwrap()
    }

    fn texts(args: &[&str]) -> Vec<Cell<'static>> {
        args.iter().map(|&arg| text(arg)).collect()
    }

    #[test]
    fn times_and_modifiers_follow_sqlite() {
        for (args, wanted) in [
            (&["2024-01-31"][..], Some("2024-01-31 00:00:00")),
            (&["2024-01-31 10:20"], Some("2024-01-31 10:20:00")),
            (&["2024-01-31T10:20:30.567"], Some("2024-01-31 10:20:30")),
            (&["2024-01-31T10:20:30.567", "subsec"], Some("2024-01-31 10:20:30.567")),
            (&["2024-01-31T10:20:30Z"], Some("2024-01-31 10:20:30")),
            (&["2024-01-31 00:20:30+02:00"], Some("2024-01-30 22:20:30")),
            (&["10:20"], Some("2000-01-01 10:20:00")),
            (&["2440587.5"], Some("1970-01-01 00:00:00")),
            (&["2024-01-31", "+1 month"], Some("2024-03-02 00:00:00")),
            (&["2024-02-29", "+1 year"], Some("2025-03-01 00:00:00")),
            (&["2024-01-31", "-1 month"], Some("2023-12-31 00:00:00")),
            (&["2024-01-01", "+1.5 days"], Some("2024-01-02 12:00:00")),
            (&["2024-01-01", "7 days"], Some("2024-01-08 00:00:00")),
            (&["2024-01-01", "+02:30"], Some("2024-01-01 02:30:00")),
            (&["2024-01-01", "-0000-01-01 01:00"], Some("2023-11-29 23:00:00")),
            (&["2024-05-17 11:12:13", "start of day"], Some("2024-05-17 00:00:00")),
            (&["2024-05-17", "Start Of Month"], Some("2024-05-01 00:00:00")),
            (
                &["2024-05-17", "start of year", "+9 months", "weekday 2"],
                Some("2024-10-01 00:00:00"),
            ),
            (&["2024-05-17", "localtime", "utc"], Some("2024-05-17 00:00:00")),
            (&["1700000000", "unixepoch"], Some("2023-11-14 22:13:20")),
            (&["1700000000", "auto"], Some("2023-11-14 22:13:20")),
            (&["2440587.5", "auto"], Some("1970-01-01 00:00:00")),
            (&["2024-02-31"], Some("2024-03-02 00:00:00")),
            (&["2024-13-01"], None),
            (&["2024-01-32"], None),
            (&["2024-1-1"], None),
            (&["nonsense"], None),
            (&["2024-01-01", "sideways"], None),
            (&["2024-01-01", "+99999 years"], None),
            (&["2024-01-01", "weekday 7"], None),
            (&["2024-01-01 25:00"], None),
            (&["9999-12-31", "+1 day"], None),
            (&[""], None),
        ] {
            let wanted = wanted.map_or(Cell::Null, text);
            assert_eq!(run(datetime, &texts(args)), wanted, "{args:?}");
        }
    }

    #[test]
    fn numbers_are_days_or_seconds() {
        let unix = [Cell::Integer(8), text("unixepoch")];
        assert_eq!(run(datetime, &unix), text("1970-01-01 00:00:08"));
        assert_eq!(run(date, &[Cell::Integer(0)]), Cell::Null);
        assert_eq!(run(julianday, &texts(&["2000-01-01 12:00"])), Cell::Real(2_451_545.0));
        assert_eq!(run(unixepoch, &texts(&["1969-12-31 23:59:59"])), Cell::Integer(-1));
        assert_eq!(run(date, &[Cell::Real(f64::NAN)]), Cell::Null);
    }

    #[test]
    fn now_in_a_value_is_refused() {
        let report = datetime(&texts(&["now"]), &mut Memory::default()).unwrap_err();
        assert_eq!(report.code, strataql_diag::Code::BadValue);
    }

    #[test]
    fn differences_are_months_days_and_clock_time() {
        for (to, from, wanted) in [
            ("2023-03-15", "2023-02-15", "+0000-01-00 00:00:00.000"),
            ("2023-02-15", "2023-03-15", "-0000-01-00 00:00:00.000"),
            ("2024-02-29", "2023-02-28", "+0001-00-01 00:00:00.000"),
            ("2000-01-01", "2000-01-01", "+0000-00-00 00:00:00.000"),
            ("2000-01-01 00:00:00.25", "1999-12-31 23:59:59", "+0000-00-00 00:00:01.250"),
        ] {
            assert_eq!(run(timediff, &texts(&[to, from])), text(wanted), "{to} - {from}");
        }
        assert_eq!(run(timediff, &texts(&["2000-01-01", "some day"])), Cell::Null);
    }

    proptest! {
        #[test]
        fn a_difference_leads_back(from in MILLIS, to in MILLIS) {
            let at = |millis: i64| {
                let at = chrono::DateTime::from_timestamp_millis(millis).unwrap().naive_utc();
                let clock = time_text(Moment { at, subseconds: true });
                text(format!("{} {clock}", date_text(at)))
            };
            let difference = run(timediff, &[at(to), at(from)]);
            let there = run(datetime, &[at(from), difference.clone(), text("subsec")]);
            prop_assert_eq!(there, at(to), "{:?}", difference);
        }

        #[test]
        fn no_text_breaks_them(time in ".{0,24}", modifier in "[+-]?[0-9.:-]{0,12} ?[a-zé ]{0,10}") {
            let _moment = moment(&[text(time), text(modifier.clone())]);
            let _moment = moment(&[text("2024-01-31"), text(modifier)]);
        }

        #[test]
        fn no_number_breaks_them(number: f64, shift: f64) {
            let unit = text(format!("{shift} months"));
            let _moment = moment(&[Cell::Real(number), text("unixepoch"), unit.clone()]);
            let _moment = moment(&[Cell::Real(number), unit]);
        }

        #[test]
        fn days_are_read_as_they_are_written(days in 0_i64..3_652_000) {
            let at = NaiveDate::from_ymd_opt(0, 1, 1).unwrap() + Duration::days(days);
            let written = date_text(at.and_time(NaiveTime::MIN));
            prop_assert_eq!(run(date, &[text(written.clone())]), text(written));
        }
    }
}

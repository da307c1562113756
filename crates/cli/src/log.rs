//! The log of `--log`: what statements and calls do, on stderr.
//!
//! Owns: the subscriber, its levels and its two formats.
//! Refuses: other crates' events. HTTP libraries log headers, and credentials with them.
//! Surprise: every line passes the redactor, although values of statements are no fields.

use std::fmt::Debug;
use std::io;

use serde_json::{Map, Value as Json};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::set_global_default;
use tracing::{Event, Subscriber};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::registry::{LookupSpan, Registry};

use crate::args::{LogFormat, LogLevel};
use crate::console::Console;

/// The crates whose events are logged begin with this.
const OURS: &str = "strataql";

/// Starts the log of the process; nothing is set up for `off`.
pub(crate) fn start(level: LogLevel, format: LogFormat, console: &Console) {
    let level = match level {
        LogLevel::Off => return,
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Trace => LevelFilter::TRACE,
    };
    let console = console.clone();
    let layer = match format {
        LogFormat::Text => {
            let lines = fmt::layer().with_ansi(false);
            lines.with_writer(move || Lines(console.clone())).boxed()
        }
        LogFormat::Json => Objects(console).boxed(),
    };
    let layer = layer.with_filter(Targets::new().with_target(OURS, level));
    // the process has one log; tests may start it again
    let _first = set_global_default(Registry::default().with(layer));
}

/// Lines on their way to stderr.
struct Lines(Console);

impl io::Write for Lines {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.write_err(&String::from_utf8_lossy(line));
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Events as JSON, one object a line: time, level, target and fields of the event, and the spans
/// around it with their fields, the outermost first.
struct Objects(Console);

/// The fields of an event or a span.
#[derive(Default)]
struct Fields(Map<String, Json>);

impl Fields {
    fn put(&mut self, field: &Field, value: impl Into<Json>) {
        self.0.insert(field.name().to_owned(), value.into());
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.put(field, format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, value);
    }

    fn record_u128(&mut self, field: &Field, value: u128) {
        self.put(field, u64::try_from(value).unwrap_or(u64::MAX));
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Objects {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        span.extensions_mut().insert(fields);
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        if let Some(fields) = span.extensions_mut().get_mut::<Fields>() {
            values.record(fields);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut time = String::new();
        // a clock without a time has no line either
        if SystemTime.format_time(&mut Writer::new(&mut time)).is_err() {
            return;
        }
        let mut line = Fields::default();
        event.record(&mut line);
        let scope = context.event_scope(event).into_iter().flat_map(|scope| scope.from_root());
        let spans: Vec<Json> = scope
            .map(|span| {
                let extensions = span.extensions();
                let mut fields =
                    extensions.get::<Fields>().map(|own| own.0.clone()).unwrap_or_default();
                fields.insert("name".to_owned(), span.name().into());
                fields.into()
            })
            .collect();
        let about = event.metadata();
        line.0.insert("timestamp".to_owned(), time.into());
        line.0.insert("level".to_owned(), about.level().as_str().into());
        line.0.insert("target".to_owned(), about.target().into());
        line.0.insert("spans".to_owned(), spans.into());
        self.0.write_err(&format!("{}\n", Json::from(line.0)));
    }
}

//! CSV files, read as they are written.
//!
//! Owns: records and quotes (RFC 4180), the types of columns, and the stream of batches.
//! Surprise: a column is a number only if every value prints back as it is in the file, so that ids keep
//! their leading zeros. An empty field is NULL, and `""` is the empty text.

use std::fs::File;
use std::io::{BufReader, Bytes, Read};
use std::path::PathBuf;
use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions, StringArray};
use datafusion::arrow::compute::kernels::cast_utils::{Parser, string_to_timestamp_nanos};
use datafusion::arrow::compute::{CastOptions, cast_with_options};
use datafusion::arrow::datatypes::{DataType, Date32Type, Field, Schema, SchemaRef, TimeUnit};
use datafusion::common::Result;
use datafusion::datasource::file_format::file_compression_type::FileCompressionType;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::streaming::PartitionStream;
use strataql_diag::{Code, Report};
use strataql_query::error::external;

/// Rows of a batch.
const ROWS: usize = 8192;

/// A field of a record: nothing for an empty one without quotes.
type Value = Option<String>;

/// A CSV file with the types of its columns.
#[derive(Debug)]
pub(super) struct CsvFile {
    source: Source,
    schema: SchemaRef,
}

#[derive(Debug, Clone)]
struct Source {
    written: String,
    path: PathBuf,
    delimiter: u8,
    compression: FileCompressionType,
}

impl CsvFile {
    /// Opens a file and reads it once to find the types of its columns.
    ///
    /// # Errors
    /// `local-io` when it cannot be read, with the line.
    pub(super) fn open(
        written: &str,
        path: PathBuf,
        delimiter: u8,
        compression: FileCompressionType,
    ) -> Result<Self, Box<Report>> {
        let source = Source { written: written.to_owned(), path, delimiter, compression };
        let mut records = Records::open(&source)?;
        let names = records.header()?;
        let mut kinds = vec![Kind::default(); names.len()];
        let mut record = Vec::new();
        while records.next(&mut record)? {
            for (kind, value) in kinds.iter_mut().zip(&record) {
                if let Some(value) = value {
                    kind.see(value);
                }
            }
        }
        let fields: Vec<Field> = names
            .into_iter()
            .zip(&kinds)
            .map(|(name, kind)| Field::new(name, kind.data_type(), true))
            .collect();
        Ok(Self { source, schema: Arc::new(Schema::new(fields)) })
    }
}

impl PartitionStream for CsvFile {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, _context: Arc<TaskContext>) -> SendableRecordBatchStream {
        let schema = Arc::clone(&self.schema);
        let batches = match Batches::open(&self.source, &self.schema) {
            Ok(batches) => futures::future::Either::Left(futures::stream::iter(batches)),
            Err(report) => {
                let error = futures::stream::iter([Err(external(report))]);
                futures::future::Either::Right(error)
            }
        };
        Box::pin(RecordBatchStreamAdapter::new(schema, batches))
    }
}

/// The batches of a file.
struct Batches {
    records: Records,
    schema: SchemaRef,
    is_done: bool,
}

impl Batches {
    fn open(source: &Source, schema: &SchemaRef) -> Result<Self, Box<Report>> {
        let mut records = Records::open(source)?;
        records.header()?;
        Ok(Self { records, schema: Arc::clone(schema), is_done: false })
    }

    fn batch(&mut self) -> Result<Option<RecordBatch>> {
        let mut columns: Vec<Vec<Value>> = vec![Vec::new(); self.schema.fields().len()];
        let mut record = Vec::new();
        let mut rows = 0;
        while rows < ROWS && self.records.next(&mut record).map_err(external)? {
            for (column, value) in columns.iter_mut().zip(&mut record) {
                column.push(value.take());
            }
            rows += 1;
        }
        self.is_done = rows < ROWS;
        if rows == 0 {
            return Ok(None);
        }
        let options = CastOptions { safe: false, ..CastOptions::default() };
        let arrays: Result<Vec<ArrayRef>, _> = columns
            .into_iter()
            .zip(self.schema.fields())
            .map(|(column, field)| {
                cast_with_options(&StringArray::from(column), field.data_type(), &options)
            })
            .collect();
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        let batch = RecordBatch::try_new_with_options(Arc::clone(&self.schema), arrays?, &options)?;
        Ok(Some(batch))
    }
}

impl Iterator for Batches {
    type Item = Result<RecordBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.is_done {
            return None;
        }
        let batch = self.batch();
        self.is_done |= batch.is_err();
        batch.transpose()
    }
}

/// The records of a file.
struct Records {
    written: String,
    bytes: Bytes<BufReader<Box<dyn Read + Send>>>,
    ahead: Option<u8>,
    delimiter: u8,
    /// The line that is read.
    line: u64,
    /// Fields of the header.
    width: usize,
}

impl Records {
    fn open(source: &Source) -> Result<Self, Box<Report>> {
        let failed = |why: String| unreadable(&source.written, &why);
        let file = File::open(&source.path).map_err(|error| failed(error.to_string()))?;
        let reader =
            source.compression.convert_read(file).map_err(|error| failed(error.to_string()))?;
        let mut records = Self {
            written: source.written.clone(),
            bytes: BufReader::new(reader).bytes(),
            ahead: None,
            delimiter: source.delimiter,
            line: 1,
            width: 0,
        };
        records.skip_mark()?;
        Ok(records)
    }

    /// Skips the mark that some programs put before UTF-8.
    fn skip_mark(&mut self) -> Result<(), Box<Report>> {
        let first = self.byte()?;
        if first == Some(0xef) {
            let rest = [self.byte()?, self.byte()?];
            if rest != [Some(0xbb), Some(0xbf)] {
                return Err(self.failed("is not UTF-8"));
            }
        } else {
            self.ahead = first;
        }
        Ok(())
    }

    fn byte(&mut self) -> Result<Option<u8>, Box<Report>> {
        if let Some(byte) = self.ahead.take() {
            return Ok(Some(byte));
        }
        match self.bytes.next().transpose() {
            Ok(byte) => Ok(byte),
            Err(error) => Err(unreadable(&self.written, &error.to_string())),
        }
    }

    fn failed(&self, why: &str) -> Box<Report> {
        unreadable(&self.written, &format!("line {} {why}", self.line))
    }

    /// The names of the columns.
    fn header(&mut self) -> Result<Vec<String>, Box<Report>> {
        let mut record = Vec::new();
        if !self.next(&mut record)? {
            return Err(unreadable(&self.written, "it has no columns"));
        }
        let names: Vec<String> = record.into_iter().map(Option::unwrap_or_default).collect();
        for (at, name) in names.iter().enumerate() {
            if names[..at].contains(name) {
                let report = unreadable(
                    &self.written,
                    &format!("its first line names the column `{name}` twice"),
                );
                return Err(Box::new(report.with_help("rename one of the two columns")));
            }
        }
        self.width = names.len();
        Ok(names)
    }

    /// Reads the next record; false at the end. Empty lines are skipped.
    fn next(&mut self, record: &mut Vec<Value>) -> Result<bool, Box<Report>> {
        loop {
            record.clear();
            let Some(first) = self.byte()? else { return Ok(false) };
            if matches!(first, b'\n' | b'\r') {
                self.line += u64::from(first == b'\n');
                continue;
            }
            self.ahead = Some(first);
            let line = self.line;
            while self.field(record)? {}
            if self.width > 0 && record.len() != self.width {
                let why = format!("has {} fields, and the header has {}", record.len(), self.width);
                self.line = line;
                return Err(self.failed(&why));
            }
            return Ok(true);
        }
    }

    /// Reads a field; false if it is the last of its record.
    fn field(&mut self, record: &mut Vec<Value>) -> Result<bool, Box<Report>> {
        let mut text = Vec::new();
        let mut first = self.byte()?;
        let is_quoted = first == Some(b'"');
        if is_quoted {
            self.quoted(&mut text)?;
            first = self.byte()?;
        }
        let mut byte = first;
        let more = loop {
            match byte {
                None => break false,
                Some(b'\n') => {
                    self.line += 1;
                    break false;
                }
                Some(b'\r') => {
                    match self.byte()? {
                        Some(b'\n') => self.line += 1,
                        other => self.ahead = other,
                    }
                    break false;
                }
                Some(byte) if byte == self.delimiter => break true,
                Some(byte) => text.push(byte),
            }
            byte = self.byte()?;
        };
        let text = String::from_utf8(text).map_err(|_| self.failed("is not UTF-8"))?;
        record.push((is_quoted || !text.is_empty()).then_some(text));
        Ok(more)
    }

    /// Reads up to the closing quote; a line break belongs to the value.
    fn quoted(&mut self, text: &mut Vec<u8>) -> Result<(), Box<Report>> {
        let begin = self.line;
        loop {
            match self.byte()? {
                None => {
                    self.line = begin;
                    return Err(self.failed("begins a quoted value that does not end"));
                }
                Some(b'"') => match self.byte()? {
                    Some(b'"') => text.push(b'"'),
                    other => {
                        self.ahead = other;
                        return Ok(());
                    }
                },
                Some(byte) => {
                    self.line += u64::from(byte == b'\n');
                    text.push(byte);
                }
            }
        }
    }
}

fn unreadable(written: &str, why: &str) -> Box<Report> {
    Box::new(Report::new(Code::LocalIo, format!("the file `{written}` cannot be read: {why}")))
}

/// What the values of a column have in common.
#[derive(Debug, Clone)]
struct Kind {
    is_empty: bool,
    whole: bool,
    number: bool,
    boolean: bool,
    date: bool,
    timestamp: bool,
    /// Digits of a second's fraction.
    fraction: usize,
}

impl Default for Kind {
    fn default() -> Self {
        Self {
            is_empty: true,
            whole: true,
            number: true,
            boolean: true,
            date: true,
            timestamp: true,
            fraction: 0,
        }
    }
}

impl Kind {
    fn see(&mut self, text: &str) {
        self.is_empty = false;
        let is_whole = text.parse::<i64>().is_ok_and(|number| number.to_string() == text);
        self.whole &= is_whole;
        self.number &= is_whole || prints_back(text);
        self.boolean &= matches!(text, "true" | "false");
        self.date &= text.len() == 10 && Date32Type::parse(text).is_some();
        if self.timestamp {
            match fraction_of_timestamp(text) {
                Some(digits) => self.fraction = self.fraction.max(digits),
                None => self.timestamp = false,
            }
        }
    }

    const fn data_type(&self) -> DataType {
        match self {
            Self { is_empty: true, .. } => DataType::Utf8,
            Self { whole: true, .. } => DataType::Int64,
            Self { number: true, .. } => DataType::Float64,
            Self { boolean: true, .. } => DataType::Boolean,
            Self { date: true, .. } => DataType::Date32,
            Self { timestamp: true, fraction: 0, .. } => {
                DataType::Timestamp(TimeUnit::Second, None)
            }
            Self { timestamp: true, fraction: 1..=3, .. } => {
                DataType::Timestamp(TimeUnit::Millisecond, None)
            }
            Self { timestamp: true, .. } => DataType::Timestamp(TimeUnit::Microsecond, None),
            _ => DataType::Utf8,
        }
    }
}

/// True for a decimal number that a 64-bit float prints as it is.
fn prints_back(text: &str) -> bool {
    let is_decimal = text.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'-' | b'.'));
    is_decimal && text.parse::<f64>().is_ok_and(|number| format!("{number:?}") == text)
}

/// The digits of the fraction of a timestamp without a zone, at most six; `None` for other texts.
fn fraction_of_timestamp(text: &str) -> Option<usize> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let shape = whole.bytes().enumerate().all(|(at, byte)| match at {
        4 | 7 => byte == b'-',
        10 => matches!(byte, b'T' | b' '),
        13 | 16 => byte == b':',
        _ => byte.is_ascii_digit(),
    });
    let fits = whole.len() == 19 && shape && digits(fraction) && fraction.len() <= 6;
    let ends = fraction.is_empty() != text.contains('.');
    (fits && ends && string_to_timestamp_nanos(text).is_ok()).then_some(fraction.len())
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    /// A file that goes with the test.
    struct Temporary(PathBuf);

    impl Drop for Temporary {
        fn drop(&mut self) {
            let _ignored = std::fs::remove_file(&self.0);
        }
    }

    fn open(text: &str) -> Result<(CsvFile, Temporary), Box<Report>> {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("strataql-csv-{}-{number}.csv", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::write(&path, text).expect("written");
        let temporary = Temporary(path.clone());
        let file = CsvFile::open("a.csv", path, b',', FileCompressionType::UNCOMPRESSED)?;
        Ok((file, temporary))
    }

    fn types(text: &str) -> Vec<String> {
        let (file, _folder) = open(text).expect(text);
        file.schema.fields().iter().map(|field| field.data_type().to_string()).collect()
    }

    fn message(text: &str) -> String {
        open(text).err().expect(text).message
    }

    #[test]
    fn a_column_is_a_number_only_if_every_value_prints_back() {
        let text = "a,b,c,d,e,f,g,h,i\n012,+1,0x10,1e3,1.10,12,1.5,7,true\n1,2,3,4,5,-3,2,,false\n";
        let utf8 = "Utf8";
        assert_eq!(
            types(text),
            [utf8, utf8, utf8, utf8, utf8, "Int64", "Float64", "Int64", "Boolean"]
        );
        assert_eq!(types("a\n9223372036854775808\n"), [utf8]);
        assert_eq!(types("a\n\"\"\n5\n"), [utf8]);
        assert_eq!(types("a,b\n"), [utf8, utf8]);
    }

    #[test]
    fn dates_are_typed_and_offsets_stay() {
        let text = "a,b,c,d,e\n2024-01-31,2024-01-31T10:00:00,2024-01-31 10:00:00.25,2024-01-31T10:00:00Z,2024-01-31T10:00:00+02:00\n";
        assert_eq!(types(text), ["Date32", "Timestamp(s)", "Timestamp(ms)", "Utf8", "Utf8"]);
        assert_eq!(types("a\n2024-13-31\n"), ["Utf8"]);
    }

    #[test]
    fn empty_text_is_not_null_and_quotes_keep_what_is_inside() {
        let (file, _folder) =
            open("\u{feff}a,b\r\n\"\",\r\n\"x, \"\"y\"\"\nz\",012\r\n\r\n").expect("valid");
        let mut batches = Batches::open(&file.source, &file.schema).expect("valid");
        let batch = batches.next().expect("one").expect("valid");
        assert!(batches.next().is_none());
        let column = |at: usize| -> Vec<Option<String>> {
            let array = batch.column(at).as_any().downcast_ref::<StringArray>().expect("text");
            array.iter().map(|value| value.map(str::to_owned)).collect()
        };
        assert_eq!(column(0), [Some(String::new()), Some("x, \"y\"\nz".to_owned())]);
        assert_eq!(column(1), [None, Some("012".to_owned())]);
    }

    #[test]
    fn errors_name_the_line() {
        assert!(message("a,b\n1,2\n3\n").contains("line 3 has 1 fields"));
        assert!(message("a,b\n1,2\n\"x,2\n").contains("line 3 begins a quoted value"));
        assert!(message("a,b,a\n").contains("column `a` twice"));
        assert!(message("").contains("it has no columns"));
    }
}

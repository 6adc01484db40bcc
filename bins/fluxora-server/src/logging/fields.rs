use std::fmt::{self, Debug, Write};

use tracing::field::{Field, Visit};
use tracing_subscriber::field::RecordFields;
use tracing_subscriber::fmt::FormattedFields;
use tracing_subscriber::fmt::format::{FormatFields, Writer};

/// Writes the fields of a span as a JSON object.
///
/// The library's own format collects them in a map of JSON values first. Each request has a span, whether or not it logs a line, so that
/// cost as much as its read of the database.
#[derive(Debug, Default)]
pub(super) struct SpanFields;

impl<'w> FormatFields<'w> for SpanFields {
    fn format_fields<R: RecordFields>(&self, mut writer: Writer<'w>, fields: R) -> fmt::Result {
        writer.write_char('{')?;
        let mut object = Object { writer: &mut writer, is_empty: true, result: Ok(()) };
        fields.record(&mut object);
        object.result?;
        writer.write_char('}')
    }

    fn add_fields(
        &self,
        current: &'w mut FormattedFields<Self>,
        fields: &tracing::span::Record<'_>,
    ) -> fmt::Result {
        let is_empty = current.fields.len() <= 2;
        current.fields.pop();
        let mut object = Object { writer: &mut current.fields, is_empty, result: Ok(()) };
        fields.record(&mut object);
        object.result?;
        current.fields.write_char('}')
    }
}

/// An object that is being written.
struct Object<'o, W> {
    writer: &'o mut W,
    is_empty: bool,
    result: fmt::Result,
}

impl<W: Write> Object<'_, W> {
    fn member(&mut self, field: &Field, write: impl FnOnce(&mut W) -> fmt::Result) {
        if self.result.is_ok() {
            self.result = self.name(field).and_then(|()| write(self.writer));
        }
    }

    fn name(&mut self, field: &Field) -> fmt::Result {
        let separator = if std::mem::take(&mut self.is_empty) { "\"" } else { ",\"" };
        self.writer.write_str(separator)?;
        // A name is an identifier, with dots.
        self.writer.write_str(field.name().trim_start_matches("r#"))?;
        self.writer.write_str("\":")
    }

    fn text(&mut self, field: &Field, text: fmt::Arguments<'_>) {
        self.member(field, |writer| {
            writer.write_char('"')?;
            Escaped(writer).write_fmt(text)?;
            writer.write_char('"')
        });
    }
}

impl<W: Write> Visit for Object<'_, W> {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.text(field, format_args!("{value}"));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.text(field, format_args!("{value:?}"));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.member(field, |writer| write!(writer, "{value}"));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.member(field, |writer| write!(writer, "{value}"));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.member(field, |writer| write!(writer, "{value}"));
    }
}

/// Escapes what a JSON string must not have.
struct Escaped<'w, W>(&'w mut W);

impl<W: Write> Write for Escaped<'_, W> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if !text.bytes().any(|byte| byte < b' ' || byte == b'"' || byte == b'\\') {
            return self.0.write_str(text);
        }
        text.chars().try_for_each(|character| match character {
            '"' | '\\' => write!(self.0, "\\{character}"),
            '\0'..'\x20' => write!(self.0, "\\u{:04x}", u32::from(character)),
            other => self.0.write_char(other),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use serde_json::{Value, json};
    use tracing::{info, info_span};
    use tracing_subscriber::fmt;
    use tracing_subscriber::layer::SubscriberExt;

    use super::*;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// The member `span` of a line that is logged within a span.
    fn logged(in_span: impl FnOnce()) -> Value {
        let lines = Lines::default();
        let writer = lines.clone();
        let layer = fmt::layer().json().fmt_fields(SpanFields).with_writer(move || writer.clone());
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), in_span);
        let line: Value = serde_json::from_slice(&lines.0.lock().unwrap()).unwrap();
        line["span"].clone()
    }

    #[test]
    fn the_fields_of_a_span_are_json_whatever_they_contain() {
        let texts = ["", "plain", "a \"quoted\" \\ one", "line\nfeed\ttab \u{1}", "naïve ✓ \u{1f980}"];
        for text in texts {
            let span = logged(|| {
                let (number, negative, is_so) = (7_u64, -7_i64, true);
                let span =
                    info_span!("request", text, display = %text, debug = ?text, number, negative, is_so);
                span.in_scope(|| info!("done"));
            });
            let expect = json!({
                "name": "request", "text": text, "display": text, "debug": format!("{text:?}"), "number": 7, "negative": -7,
                "is_so": true,
            });
            assert_eq!(span, expect);
        }
    }

    #[test]
    fn a_span_without_fields_gets_those_that_are_recorded_later() {
        let span = logged(|| {
            let span = info_span!("work", later = tracing::field::Empty, last = tracing::field::Empty);
            span.record("later", "a");
            span.record("last", 2);
            span.in_scope(|| info!("done"));
        });
        assert_eq!(span, json!({"name": "work", "later": "a", "last": 2}));
    }
}

use std::borrow::Cow;

use crate::context::TraceContext;
use crate::id::SpanId;

/// A finished span.
#[derive(Clone, Debug)]
pub struct Span {
    /// Its ids.
    pub context: TraceContext,
    /// The span that caused it, in the same trace.
    pub parent: Option<SpanId>,
    /// A span of another trace, or one that need not have been recorded.
    pub link: Option<TraceContext>,
    /// The name: few values, never an id.
    pub name: Cow<'static, str>,
    /// Its side.
    pub kind: Kind,
    /// When it began, in nanoseconds since 1970.
    pub start_ns: u64,
    /// When it ended, in nanoseconds since 1970.
    pub end_ns: u64,
    /// The attributes, by their names in the semantic conventions.
    pub attributes: Vec<(&'static str, Value)>,
    /// Its result.
    pub status: Status,
}

/// The side of a span.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A request that this process answers.
    Server,
    /// A request that this process sends.
    Client,
}

/// The result of a span.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Nothing is said: the conventions leave it to the reader.
    Unset,
    /// It failed.
    Error,
}

/// The value of an attribute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// Text.
    Text(Cow<'static, str>),
    /// A number.
    Number(i64),
}

impl From<&'static str> for Value {
    fn from(text: &'static str) -> Self {
        Self::Text(text.into())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text.into())
    }
}

impl From<u16> for Value {
    fn from(number: u16) -> Self {
        Self::Number(number.into())
    }
}

impl From<u32> for Value {
    fn from(number: u32) -> Self {
        Self::Number(number.into())
    }
}

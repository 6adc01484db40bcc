//! The documentation of an operation. It is declared beside the handler and listed in the route table.

use crate::ErrorKind;

/// What a client has to know about one operation: the source of the operation objects of an OpenAPI document.
#[derive(Clone, Copy, Debug)]
pub struct Doc {
    /// One line, starting with a verb.
    pub summary: &'static str,
    /// Path, query and header parameters. Headers of every request and the access header are left out.
    pub parameters: &'static [Parameter],
    /// The request body; `None` if the operation takes none.
    pub request: Option<Content>,
    /// The successful answers.
    pub responses: &'static [Response],
    /// The errors this operation adds to those of every request.
    pub errors: &'static [ErrorKind],
}

/// The contract of every example.
pub(crate) const CONTRACT: &str = "CA3D5KRYM6CB7OWQ6TWYRR3Z4T7GNZLKERYNZGGA5SOAOPIFY6YQGAXE";

/// One parameter of an operation.
#[derive(Clone, Copy, Debug)]
pub struct Parameter {
    /// The name in the path pattern, the query string or the header.
    pub name: &'static str,
    /// Where the parameter is sent.
    pub location: Location,
    /// Meaning, accepted values and default.
    pub description: &'static str,
    /// A value that the operation accepts.
    pub example: &'static str,
    /// Whether a request without it is refused.
    pub required: bool,
}

/// Where a parameter is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Location {
    /// In the path; always required.
    Path,
    /// In the query string.
    Query,
    /// In a header; always optional.
    Header,
}

/// A JSON body.
#[derive(Clone, Copy, Debug)]
pub struct Content {
    /// The name of the schema.
    pub schema: &'static str,
    /// What the body holds.
    pub description: &'static str,
}

/// A successful answer.
#[derive(Clone, Copy, Debug)]
pub struct Response {
    /// The HTTP status.
    pub status: u16,
    /// The body.
    pub body: Content,
}

impl Doc {
    /// An operation without parameters, request body and further errors.
    pub(crate) const fn new(summary: &'static str, responses: &'static [Response]) -> Self {
        Self { summary, parameters: &[], request: None, responses, errors: &[] }
    }
}

pub(crate) const fn path(name: &'static str, description: &'static str, example: &'static str) -> Parameter {
    Parameter { name, location: Location::Path, description, example, required: true }
}

pub(crate) const fn query(name: &'static str, description: &'static str, example: &'static str) -> Parameter {
    Parameter { name, location: Location::Query, description, example, required: false }
}

pub(crate) const fn required_query(
    name: &'static str,
    description: &'static str,
    example: &'static str,
) -> Parameter {
    Parameter { name, location: Location::Query, description, example, required: true }
}

pub(crate) const fn header(
    name: &'static str,
    description: &'static str,
    example: &'static str,
) -> Parameter {
    Parameter { name, location: Location::Header, description, example, required: false }
}

pub(crate) const fn content(schema: &'static str, description: &'static str) -> Content {
    Content { schema, description }
}

pub(crate) const fn response(status: u16, schema: &'static str, description: &'static str) -> Response {
    Response { status, body: content(schema, description) }
}

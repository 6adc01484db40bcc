//! A small HTTP/1.1 client. It sends any bytes, also requests that violate HTTP.

mod connection;
mod event_stream;
mod request;
mod response;

pub(crate) use connection::Connection;
pub(crate) use event_stream::EventStream;
pub(crate) use request::Request;
pub(crate) use response::Response;

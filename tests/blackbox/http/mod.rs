//! A small HTTP/1.1 client. It sends what it is told to, also what no well-behaved client would.

mod connection;
mod request;
mod response;

pub(crate) use connection::Connection;
pub(crate) use request::Request;
pub(crate) use response::Response;

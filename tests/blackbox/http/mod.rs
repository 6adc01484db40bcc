//! A small HTTP/1.1 client. It sends any bytes, also requests that violate HTTP.

mod connection;
mod request;
mod response;

pub(crate) use connection::Connection;
pub(crate) use request::Request;
pub(crate) use response::Response;

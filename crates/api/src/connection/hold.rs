use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::ConnectionType;
use actix_web::http::header;
use actix_web::middleware::Next;
use actix_web::web::Bytes;
use actix_web::{Error, HttpRequest};

use super::{Body, Class, Connection};

/// Keeps a connection from reading its next request until the answer of this one has been handed over.
pub(crate) async fn hold(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let Some(connection) = request.request().conn_data::<Rc<Connection>>().cloned() else {
        return Ok(next.call(request).await?.map_into_boxed_body());
    };
    connection.begin(body_of(request.request()));
    let held = Held(connection);
    let mut response = next.call(request).await?.map_into_boxed_body();
    if held.0.class.get() == Class::Reserved {
        response.response_mut().head_mut().set_connection_type(ConnectionType::Close);
    }
    Ok(response.map_body(|_, body| BoxBody::new(HeldBody { body, _held: held })))
}

/// Reports that the body of a request has been read to its end.
pub(crate) fn body_ended(request: &HttpRequest) {
    if let Some(connection) = request.conn_data::<Rc<Connection>>() {
        connection.body_ended();
    }
}

/// Whether a request arrived on a connection that serves probes only.
pub(crate) fn is_reserved(request: &HttpRequest) -> bool {
    request.conn_data::<Rc<Connection>>().is_some_and(|connection| connection.class.get() == Class::Reserved)
}

/// Counts the connection of a request as a client of the event feed until its answer has ended.
pub(crate) fn follows(request: &HttpRequest) {
    if let Some(connection) = request.conn_data::<Rc<Connection>>() {
        connection.follow();
    }
}

fn body_of(request: &HttpRequest) -> Body {
    let headers = request.headers();
    if headers.contains_key(header::TRANSFER_ENCODING) {
        return Body::Chunked;
    }
    let length = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok());
    length.and_then(|length| length.trim().parse().ok()).map_or(Body::NONE, Body::Sized)
}

/// A request that is being answered, until it is dropped.
struct Held(Rc<Connection>);

impl Drop for Held {
    fn drop(&mut self) {
        self.0.answered();
    }
}

struct HeldBody {
    body: BoxBody,
    _held: Held,
}

impl MessageBody for HeldBody {
    type Error = <BoxBody as MessageBody>::Error;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        Pin::new(&mut self.get_mut().body).poll_next(cx)
    }
}

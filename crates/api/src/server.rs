use std::future::Future;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use actix_http::error::DispatchError;
use actix_http::{HttpService, Protocol};
use actix_server::{ServerBuilder, ServerHandle};
use actix_service::{IntoServiceFactory, ServiceFactoryExt, fn_service, map_config};
use actix_web::App;
use actix_web::dev::AppConfig;
use actix_web::middleware::from_fn;
use socket2::{Domain, Socket, Type};
use tokio::net::TcpStream;

use crate::access_log::access_log;
use crate::answer::answer;
use crate::connection::{Bounds, GuardedStream, Registry, hold};
use crate::cors::cors;
use crate::{Api, table};

/// The time in which the first head of a connection has to arrive.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
const KEEP_ALIVE: Duration = Duration::from_secs(75);
/// Connections beyond the bound that are accepted for probes while every other one is being answered.
const RESERVED: usize = 64;
/// Connections that wait to be accepted.
const BACKLOG: i32 = 1_024;
/// Bytes that the kernel keeps for one connection. It doubles both.
const SEND_BUFFER: usize = 64 * 1024;
const RECEIVE_BUFFER: usize = 32 * 1024;

/// Options of the server.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Threads that serve requests.
    pub workers: usize,
    /// The most connections at a time, at least one for each thread. One more replaces the connection that has waited longest
    /// for a request. Clients of the event feed are not counted.
    pub max_connections: usize,
    /// The most clients of the event feed at a time, as the feed bounds them.
    pub max_followers: usize,
    /// The time that a graceful stop waits for requests in flight, in whole seconds.
    pub shutdown_timeout: Duration,
}

impl Default for Options {
    /// One thread for each core; 1,024 connections and 10,000 clients of the event feed; 30 seconds.
    fn default() -> Self {
        let workers = std::thread::available_parallelism().map_or(1, usize::from);
        let shutdown_timeout = Duration::from_secs(30);
        Self { workers, max_connections: 1_024, max_followers: 10_000, shutdown_timeout }
    }
}

impl Options {
    /// The most connections that are open at a time.
    pub fn most_connections(&self) -> usize {
        let Bounds { open, reserved } = self.bounds();
        let of_threads = open.saturating_add(reserved).saturating_mul(self.workers.max(1));
        of_threads.saturating_add(self.max_followers)
    }

    /// The bounds of one thread.
    fn bounds(&self) -> Bounds {
        let share = |all: usize| all.checked_div(self.workers).unwrap_or(all).max(1);
        Bounds { open: share(self.max_connections), reserved: share(RESERVED) }
    }
}

/// The HTTP server, bound to its address.
pub struct Server {
    address: SocketAddr,
    server: actix_server::Server,
}

/// A handle that stops a [`Server`].
#[derive(Clone)]
pub struct Stop(ServerHandle);

impl Server {
    /// Binds the address; port 0 picks a free one. Requests are answered once the server runs.
    ///
    /// # Errors
    /// The address cannot be bound.
    pub fn bind(api: Arc<Api>, address: SocketAddr, options: Options) -> io::Result<Self> {
        let Options { workers, shutdown_timeout, .. } = options;
        let bounds = options.bounds();
        let listener = listen(address)?;
        let address = listener.local_addr()?;
        let builder = ServerBuilder::new()
            .workers(workers)
            // Above every bound of the registries: they decide. Connections that they refuse are closed at once.
            .max_concurrent_connections(options.most_connections().saturating_add(1))
            .shutdown_timeout(shutdown_timeout.as_secs())
            .disable_signals();
        let stopping = builder.graceful_shutdown_signal();
        let service = move || {
            let (api, stopping) = (Arc::clone(&api), stopping.clone());
            let app = App::new()
                .app_data(stopping.clone())
                .configure(|config| table::configure(config, &api))
                .wrap(from_fn(cors))
                .wrap(from_fn(answer))
                .wrap(access_log())
                .wrap(from_fn(hold));
            let http = HttpService::build()
                .graceful_shutdown_signal(move || {
                    let stopping = stopping.clone();
                    async move { stopping.notified().await }
                })
                .keep_alive(KEEP_ALIVE)
                .client_request_timeout(HEAD_TIMEOUT)
                .local_addr(address)
                .on_connect_ext(|stream: &GuardedStream<TcpStream>, data| {
                    data.insert(stream.connection());
                })
                .finish(map_config(app.into_factory(), |()| AppConfig::default()));
            let registry = Registry::new(bounds, Arc::clone(&api.metrics().connections));
            fn_service(move |socket: TcpStream| {
                let registry = Rc::clone(&registry);
                async move {
                    let peer = socket.peer_addr().ok();
                    let stream = GuardedStream::open(socket, &registry).ok_or_else(full)?;
                    Ok((stream, Protocol::Http1, peer))
                }
            })
            .and_then(http)
        };
        let server = builder.listen("api", listener, service)?.run();
        Ok(Self { address, server })
    }

    /// The address that was bound.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// A handle that stops it.
    pub fn stop(&self) -> Stop {
        Stop(self.server.handle())
    }

    /// Answers requests until it is stopped.
    pub fn run(self) -> impl Future<Output = io::Result<()>> {
        self.server
    }
}

impl Stop {
    /// Accepts nothing more, waits for the requests in flight (bounded by [`Options::shutdown_timeout`]), and ends the server.
    pub async fn gracefully(&self) {
        self.0.stop(true).await;
    }
}

fn full() -> DispatchError {
    DispatchError::Io(io::Error::other("every connection is in use"))
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    socket.set_reuse_address(true)?;
    // Accepted connections inherit both. Without them the kernel lets each grow to megabytes.
    socket.set_send_buffer_size(SEND_BUFFER)?;
    socket.set_recv_buffer_size(RECEIVE_BUFFER)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bounds_of_all_threads_are_within_those_of_the_server() {
        for workers in 1..=64 {
            for max_connections in [16, 100, 1_024, 100_000] {
                let options = Options { workers, max_connections, max_followers: 7, ..Options::default() };
                let Bounds { open, reserved } = options.bounds();
                assert!(open * workers <= max_connections.max(workers), "{options:?}");
                assert!((1..=64).contains(&(reserved * workers)), "{options:?}");
                assert!(options.most_connections() <= max_connections.max(workers) + 64 + 7, "{options:?}");
            }
        }
    }
}

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::middleware::from_fn;
use actix_web::{App, HttpServer};

use crate::access_log::access_log;
use crate::answer::answer;
use crate::{Api, table};

/// The time in which the head of a request has to arrive.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
const KEEP_ALIVE: Duration = Duration::from_secs(75);

/// Options of the server.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Threads that serve requests.
    pub workers: usize,
    /// The time that a graceful stop waits for requests in flight, in whole seconds.
    pub shutdown_timeout: Duration,
}

impl Default for Options {
    /// One thread for each core; 30 seconds.
    fn default() -> Self {
        let workers = std::thread::available_parallelism().map_or(1, usize::from);
        Self { workers, shutdown_timeout: Duration::from_secs(30) }
    }
}

/// The HTTP server, bound to its address.
pub struct Server {
    address: SocketAddr,
    server: actix_web::dev::Server,
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
        let app = move || {
            App::new()
                .configure(|config| table::configure(config, &api))
                .wrap(from_fn(answer))
                .wrap(access_log())
        };
        let server = HttpServer::new(app)
            .workers(options.workers)
            .shutdown_timeout(options.shutdown_timeout.as_secs())
            .client_request_timeout(HEAD_TIMEOUT)
            .keep_alive(KEEP_ALIVE)
            .disable_signals()
            .bind(address)?;
        let address = server.addrs().first().copied().unwrap_or(address);
        Ok(Self { address, server: server.run() })
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

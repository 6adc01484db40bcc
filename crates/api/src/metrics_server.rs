use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use actix_web::middleware::from_fn;
use actix_web::web::{self, Data};
use actix_web::{App, HttpServer};

use crate::access_log::access_log;
use crate::answer::answer;
use crate::error::{ApiError, ErrorKind};
use crate::table::{METRICS, ROUTES};
use crate::{Access, Api, LimitClass};

/// A server of `GET /metrics` alone, on an address for those who collect metrics. It asks for no token.
pub struct MetricsServer {
    address: SocketAddr,
    server: actix_web::dev::Server,
}

impl MetricsServer {
    /// Binds the address; port 0 picks a free one. Requests are answered once the server runs.
    ///
    /// # Errors
    /// The address cannot be bound.
    pub fn bind(api: Arc<Api>, address: SocketAddr) -> io::Result<Self> {
        let app = move || {
            let metrics = ROUTES.iter().filter(|route| route.path == METRICS);
            let services = metrics.map(|route| route.service_for(Access::Public, LimitClass::Probe));
            App::new()
                .app_data(Data::new(Arc::clone(&api)))
                .service(services.fold(web::resource(METRICS), actix_web::Resource::route))
                .default_service(web::to(async || {
                    let message = format!("this address has {METRICS} only");
                    Err::<&str, _>(ApiError::new(ErrorKind::NotFound, message))
                }))
                .wrap(from_fn(answer))
                .wrap(access_log())
        };
        // Ends with the process: a scrape that is cut off loses nothing.
        let server = HttpServer::new(app).workers(1).shutdown_timeout(1).disable_signals().bind(address)?;
        let address = server.addrs().first().copied().unwrap_or(address);
        Ok(Self { address, server: server.run() })
    }

    /// The address that was bound.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers requests until the process ends.
    pub fn run(self) -> impl Future<Output = io::Result<()>> {
        self.server
    }
}

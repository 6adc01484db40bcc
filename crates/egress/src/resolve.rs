//! Names to addresses.

use std::net::{SocketAddr, ToSocketAddrs};
use std::pin::Pin;
use std::sync::Arc;

use thiserror::Error;
use tokio::sync::Semaphore;

/// The most names that the system resolves at the same time. An abandoned look-up counts until the system gives it up.
const LOOKUPS: usize = 64;
/// The most addresses of one name. A name with more does not resolve.
pub(crate) const MAX_ADDRESSES: usize = 64;

/// A name does not resolve.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the name does not resolve")]
pub struct ResolveError;

/// The addresses of a name, with the port beside each.
pub type Resolving<'a> = Pin<Box<dyn Future<Output = Result<Vec<SocketAddr>, ResolveError>> + Send + 'a>>;

/// A source of addresses. Whatever it answers is checked before a connection.
pub trait Resolve: Send + Sync {
    /// Looks up a name.
    fn resolve<'a>(&'a self, name: &'a str, port: u16) -> Resolving<'a>;
}

/// The resolver of the operating system.
#[derive(Clone, Debug)]
pub struct SystemResolver(Arc<Semaphore>);

impl Default for SystemResolver {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(LOOKUPS)))
    }
}

impl Resolve for SystemResolver {
    fn resolve<'a>(&'a self, name: &'a str, port: u16) -> Resolving<'a> {
        let (semaphore, name) = (Arc::clone(&self.0), name.to_owned());
        Box::pin(async move {
            let permit = semaphore.acquire_owned().await.map_err(|_| ResolveError)?;
            let look_up = move || {
                let found = (name.as_str(), port).to_socket_addrs().map(Iterator::collect);
                drop(permit);
                found
            };
            let found = tokio::task::spawn_blocking(look_up).await.map_err(|_| ResolveError)?;
            found.map_err(|_| ResolveError)
        })
    }
}

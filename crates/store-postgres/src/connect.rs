use std::fmt;
use std::future::poll_fn;
use std::sync::Arc;
use std::time::Duration;

use deadpool::managed::{Manager, Metrics, RecycleError, RecycleResult};
use deadpool_postgres::ClientWrapper;
use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_postgres::config::{SslMode, TargetSessionAttrs};
use tokio_postgres::{AsyncMessage, Client, Config};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::breaker::Breaker;
use crate::error::OpenError;
use crate::location::Encryption;
use crate::{Location, Options, tls};

/// Why a connection cannot be made.
#[derive(Debug)]
pub(crate) enum ConnectFault {
    Driver(tokio_postgres::Error),
    /// Not within [`Options::connect_timeout`].
    Timeout,
    /// The runtime that the store was opened in has ended.
    RuntimeEnded,
    /// The last attempt failed a moment ago, for this reason.
    Paused(String),
}

/// Makes connections, all alike.
///
/// They live on the runtime that the store was opened in: an HTTP worker's own runtime may end before the store is closed, and
/// with it the connections that other workers use.
#[derive(Clone)]
pub(crate) struct Connector(Arc<Shared>);

struct Shared {
    config: Config,
    tls: MakeRustlsConnect,
    runtime: Handle,
    timeout: Duration,
    breaker: Breaker,
}

impl Connector {
    /// A connector for the runtime that this is called in.
    pub(crate) fn new(location: &Location, options: &Options) -> Result<Self, OpenError> {
        Self::with(location, options, "")
    }

    /// A connector for connections over which creates are written. Their one statement is planned once: the server would plan it again for
    /// each number of creates, which takes as long as writing one.
    pub(crate) fn for_creates(location: &Location, options: &Options) -> Result<Self, OpenError> {
        Self::with(location, options, " -c plan_cache_mode=force_generic_plan")
    }

    /// A connector for connections over which the chain is changed. A plan made while a table was small is kept until the table is analyzed
    /// again, and a chain grows fast from nothing. So plans do not depend on row counts: each statement looks its values up in the index
    /// that is made for it.
    pub(crate) fn for_chain(location: &Location, options: &Options) -> Result<Self, OpenError> {
        let settings = " -c plan_cache_mode=force_generic_plan -c enable_seqscan=off -c enable_hashjoin=off \
                        -c enable_mergejoin=off -c enable_sort=off";
        Self::with(location, options, settings)
    }

    fn with(location: &Location, options: &Options, settings: &str) -> Result<Self, OpenError> {
        let tls = tls::connector(&location.encryption)?;
        let mut config = config(location, options);
        config.options(session(options.statement_timeout.as_millis()) + settings);
        let timeout = options.connect_timeout;
        let shared = Shared { config, tls, runtime: Handle::current(), timeout, breaker: Breaker::default() };
        Ok(Self(Arc::new(shared)))
    }

    pub(crate) fn runtime(&self) -> &Handle {
        &self.0.runtime
    }

    /// Makes a connection. It ends when the task does.
    pub(crate) async fn connect(&self) -> Result<(Client, JoinHandle<()>), ConnectFault> {
        self.connect_and(|_| {}).await
    }

    /// Makes a connection that leaves a permit for each notification it receives.
    pub(crate) async fn listen(&self, heard: Arc<Notify>) -> Result<(Client, JoinHandle<()>), ConnectFault> {
        let heard = move |message: &AsyncMessage| {
            if matches!(message, AsyncMessage::Notification(_)) {
                heard.notify_waiters();
                heard.notify_one();
            }
        };
        self.connect_and(heard).await
    }

    async fn connect_and(
        &self,
        heard: impl Fn(&AsyncMessage) + Send + 'static,
    ) -> Result<(Client, JoinHandle<()>), ConnectFault> {
        let shared = Arc::clone(&self.0);
        let connecting = self.0.runtime.spawn(async move {
            let connect = shared.config.connect(shared.tls.clone());
            let (client, mut connection) = tokio::time::timeout(shared.timeout, connect)
                .await
                .map_err(|_| ConnectFault::Timeout)?
                .map_err(ConnectFault::Driver)?;
            let task = tokio::spawn(async move {
                while let Some(message) = poll_fn(|context| connection.poll_message(context)).await {
                    match message {
                        Ok(message) => heard(&message),
                        Err(error) => {
                            let error = fluxora_store::error_chain(&error);
                            tracing::debug!(error, "a connection to the database ended");
                            return;
                        }
                    }
                }
            });
            Ok((client, task))
        });
        connecting.await.unwrap_or(Err(ConnectFault::RuntimeEnded))
    }
}

impl Manager for Connector {
    type Type = ClientWrapper;
    type Error = ConnectFault;

    async fn create(&self) -> Result<ClientWrapper, ConnectFault> {
        let breaker = &self.0.breaker;
        breaker.ask(Instant::now(), self.0.timeout).map_err(ConnectFault::Paused)?;
        match self.connect().await {
            Ok((client, task)) => {
                breaker.succeeded();
                Ok(ClientWrapper::new(client, task))
            }
            Err(fault) => {
                breaker.failed(Instant::now(), fault.to_string());
                Err(fault)
            }
        }
    }

    async fn recycle(&self, client: &mut ClientWrapper, _: &Metrics) -> RecycleResult<ConnectFault> {
        if client.is_closed() { Err(RecycleError::message("the connection has ended")) } else { Ok(()) }
    }
}

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connector").field("breaker", &self.0.breaker).finish_non_exhaustive()
    }
}

impl fmt::Display for ConnectFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Driver(error) => match error.as_db_error() {
                Some(said) => crate::faults::ServerSaid::of(said).fmt(f),
                None => f.write_str(&fluxora_store::error_chain(error)),
            },
            Self::Timeout => f.write_str("it does not answer in time"),
            Self::RuntimeEnded => f.write_str("the runtime that the store was opened in has ended"),
            Self::Paused(reason) => f.write_str(reason),
        }
    }
}

impl std::error::Error for ConnectFault {}

fn config(location: &Location, options: &Options) -> Config {
    let mut config = Config::new();
    config
        .host(&location.host)
        .port(location.port)
        .dbname(&location.database)
        .user(&location.user)
        .application_name("fluxora")
        .ssl_mode(match location.encryption {
            Encryption::Disabled => SslMode::Disable,
            Encryption::Preferred => SslMode::Prefer,
            Encryption::Required | Encryption::Verified { .. } => SslMode::Require,
        })
        // After a failover the old address may lead to a standby.
        .target_session_attrs(TargetSessionAttrs::ReadWrite)
        .connect_timeout(options.connect_timeout)
        // A server that vanished without a word is noticed although nothing comes back.
        .tcp_user_timeout(options.statement_timeout)
        .keepalives(true)
        .keepalives_idle(Duration::from_secs(5))
        .keepalives_interval(Duration::from_secs(1))
        .keepalives_retries(3);
    if let Some(password) = &location.password {
        config.password(password);
    }
    config
}

/// Settings of every session, over those of the database and the role: limits for statements and for idle transactions, read committed
/// isolation, and plans that read a page in the order of an index. To collect its rows in another order and sort them is cheaper only
/// while a sender has few. Parallel workers would read and sort a table instead, at the cost of other requests.
fn session(timeout_ms: u128) -> String {
    format!(
        "-c statement_timeout={timeout_ms} -c idle_in_transaction_session_timeout=5000 \
         -c default_transaction_isolation=read\\ committed -c enable_bitmapscan=off -c jit=off \
         -c max_parallel_workers_per_gather=0"
    )
}

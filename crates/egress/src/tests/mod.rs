mod hostile;
mod names;
mod receiver;
mod reuse;
mod secure;

use std::sync::Arc;
use std::time::Duration;

use receiver::Names;

use crate::{Client, Limits, Policy, Response, SendError, tls_config};

/// A client that may reach this machine, in short time.
fn client(names: Names) -> Client {
    client_with(
        names,
        "127.0.0.0/8:*, [::1]:*",
        Limits { total: Duration::from_secs(1), ..Limits::default() },
    )
}

fn client_with(names: Names, allowed: &str, limits: Limits) -> Client {
    let policy = Policy { allowed: allowed.parse().unwrap(), plain_http: true };
    Client::new(policy, limits, Arc::new(names), tls_config(None).unwrap())
}

async fn post(client: &Client, url: &str) -> Result<Response, SendError> {
    let target = client.policy().target(url).unwrap();
    client.post(&target, &[("x-test", "1")], "{}").await
}

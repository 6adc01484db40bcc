//! Connections by the server's TLS settings, on a separate server.

use super::*;
use crate::testing::Settings;
use crate::{OpenError, probe};

#[tokio::test(flavor = "multi_thread")]
async fn tls_is_as_private_as_sslmode_says() {
    let Some(cluster) = Cluster::start(Settings { tls: true, ..Settings::default() }) else { return };
    let database = cluster.database();
    let open = async |host: &str, parameters: &str| {
        PostgresStore::open(&Location::parse(&database.url_with(host, parameters)).unwrap(), patient()).await
    };
    let uses_tls = |expect| {
        let sql = "SELECT bool_and(ssl) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE application_name = 'fluxora'";
        until(&database, sql, expect);
    };
    let verified = format!("sslmode=verify-full&sslrootcert={}", cluster.root_certificate().display());
    for (n, (host, parameters, expect)) in (1..).zip([
        ("127.0.0.1", "sslmode=disable", "f"),
        ("127.0.0.1", "sslmode=prefer", "t"),
        ("127.0.0.1", "sslmode=require", "t"),
        ("localhost", verified.as_str(), "t"),
    ]) {
        let store = open(host, parameters).await.unwrap();
        put(&store, [n]).await;
        uses_tls(expect);
        fluxora_store::Store::close(&store).await;
        until(&database, "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'fluxora'", "0");
    }
    // The certificate is for localhost; and the system knows nothing of its issuer.
    for (host, parameters) in [("127.0.0.1", verified.as_str()), ("localhost", "sslmode=verify-full")] {
        let error = open(host, parameters).await.unwrap_err();
        let private = matches!(error, OpenError::NotPrivate { .. } | OpenError::NoSystemRoots);
        assert!(private, "{host} {parameters}: {error:?}");
    }
    cluster.admit_only("hostssl all all 127.0.0.1/32 scram-sha-256");
    let error = open("127.0.0.1", "sslmode=disable").await.unwrap_err();
    assert!(matches!(error, OpenError::NotAdmitted { .. }), "{error:?}");
    assert!(error.to_string().contains("may require TLS"), "{error}");
    open("127.0.0.1", "sslmode=require").await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_that_lose_acknowledged_writes_are_noticed() {
    let notices = async |database: &Database| {
        let store = open(database).await;
        probe::not_durable(&store.lease().await).await.unwrap()
    };
    let Some(shared) = Cluster::shared() else { return };
    assert_eq!(notices(&shared.database()).await, ["fsync", "full_page_writes"]);
    let Some(cluster) = Cluster::start(Settings { durable: true, ..Settings::default() }) else { return };
    let database = cluster.database();
    assert_eq!(notices(&database).await, [""; 0]);
    let name = database.sql("SELECT current_database()");
    database.sql(&format!("ALTER DATABASE {name} SET synchronous_commit = off"));
    assert_eq!(notices(&database).await, ["synchronous_commit"]);
}

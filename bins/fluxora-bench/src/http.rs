//! Requests: what the server spends on each, beside what the same library spends on static bytes.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use clap::Args;
use fluxora_store_postgres::testing::{Cluster, Settings as ClusterSettings};
use tokio::net::TcpStream;

use crate::load::{self, MakeRequest};
use crate::report::Report;
use crate::server::Server;
use crate::{accounting, floor, population};

const HOST: &str = "host: 127.0.0.1\r\n";

#[derive(Args)]
pub(crate) struct Settings {
    /// Seconds of each measurement.
    #[arg(long, default_value_t = 5)]
    seconds: u64,
    /// Connections that send at the same time.
    #[arg(long, default_value_t = 64)]
    connections: u32,
    /// Streams that are created before memory is read.
    #[arg(long, default_value_t = 200_000)]
    creates: u64,
    /// Leave PostgreSQL out.
    #[arg(long)]
    sqlite_only: bool,
}

pub(crate) fn run(settings: &Settings, report: &mut Report) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let ceiling = Server::start(Command::new(std::env::current_exe()?).arg("ceiling"))?;
    runtime.block_on(measure(settings, "static handler", &ceiling, None, get("/"), report))?;
    drop(ceiling);
    let folder = tempfile::tempdir()?;
    let server = Server::fluxora(folder.path(), None, &[])?;
    runtime.block_on(routes(settings, "sqlite", &server, None, report))?;
    let what = format!("sqlite: after {} creates", settings.creates);
    let many = Settings { seconds: 600, ..*settings };
    runtime.block_on(async {
        load::send(
            server.address,
            settings.connections,
            Duration::from_secs(many.seconds),
            settings.creates,
            create(),
        )
        .await
    })?;
    let [now, largest] = accounting::resident(server.id())?;
    let megabytes = |bytes: u64| f64::from(u32::try_from(bytes / 1_024).unwrap_or(u32::MAX)) / 1_024.0;
    report.add(&what, [("rss_mb", megabytes(now)), ("largest_mb", megabytes(largest))]);
    drop(server);
    floor::run(&folder.path().join("data/fluxora.db"), report)?;
    if settings.sqlite_only {
        return Ok(());
    }
    let cluster = Cluster::start(ClusterSettings { durable: true, tls: false })
        .context("PostgreSQL is not installed")?;
    let process: u32 = cluster.process().trim().parse()?;
    let server = Server::fluxora(Path::new("/"), Some(&cluster.database().url()), &[])?;
    runtime.block_on(routes(settings, "postgres", &server, Some(process), report))
}

async fn routes(
    settings: &Settings,
    name: &str,
    server: &Server,
    database: Option<u32>,
    report: &mut Report,
) -> anyhow::Result<()> {
    let what = |route: &str| format!("{name}: {route}");
    measure(settings, &what("POST /api/streams"), server, database, create(), report).await?;
    let id = some_stream(server).await?;
    let stream = get(&format!("/api/streams/{id}"));
    measure(settings, &what("GET /api/streams/{id}"), server, database, stream, report).await?;
    measure(settings, &what("GET /api/streams, 20"), server, database, get("/api/streams?limit=20"), report)
        .await?;
    measure(settings, &what("GET /health"), server, database, get("/health"), report).await?;
    measure(settings, &what("GET /health/live"), server, database, get("/health/live"), report).await
}

/// Sends one kind of request for the time of a measurement.
async fn measure(
    settings: &Settings,
    what: &str,
    server: &Server,
    database: Option<u32>,
    make: MakeRequest,
    report: &mut Report,
) -> anyhow::Result<()> {
    let warm = Duration::from_millis(500);
    load::send(server.address, settings.connections, warm, u64::MAX, Arc::clone(&make)).await?;
    let of_database = || database.map_or(Ok(Duration::ZERO), accounting::cpu_with_children);
    let (before, database_before) = (accounting::cpu(server.id())?, of_database()?);
    let time = Duration::from_secs(settings.seconds);
    let times = load::send(server.address, settings.connections, time, u64::MAX, make).await?;
    let count = f64::from(u32::try_from(times.count())?);
    let each = |time: Duration| time.as_secs_f64() * 1_000_000.0 / count;
    report.add(
        what,
        [
            ("cpu_us", each(accounting::cpu(server.id())?.saturating_sub(before))),
            ("database_cpu_us", each(of_database()?.saturating_sub(database_before))),
            ("per_second", count / time.as_secs_f64()),
            ("p50_us", times.at(50)),
            ("p99_us", times.at(99)),
        ],
    );
    Ok(())
}

fn get(path: &str) -> MakeRequest {
    let request = format!("GET {path} HTTP/1.1\r\n{HOST}\r\n").into_bytes();
    Arc::new(move |_| request.clone())
}

pub(crate) fn create() -> MakeRequest {
    Arc::new(|number| {
        let (sender, recipient) =
            (population::account(number % 1_000), population::account(1_000_000 + number % 20_000));
        let body = format!(
            r#"{{"sender":"{sender}","recipient":"{recipient}","depositAmount":"1000000.0000000","ratePerSecond":"0.0050000"}}"#
        );
        let length = body.len();
        let head = "POST /api/streams HTTP/1.1\r\ncontent-type: application/json\r\n";
        format!("{head}{HOST}content-length: {length}\r\n\r\n{body}").into_bytes()
    })
}

/// The id of a stream of the server.
async fn some_stream(server: &Server) -> anyhow::Result<String> {
    use tokio::io::AsyncWriteExt as _;
    let mut connection = TcpStream::connect(server.address).await?;
    connection.write_all(&get("/api/streams?limit=1")(0)).await?;
    let body = load::read_answer(&mut connection, &mut Vec::new()).await?;
    let page: serde_json::Value = serde_json::from_slice(&body)?;
    let id = page.pointer("/streams/0/id").and_then(serde_json::Value::as_str);
    id.map(str::to_owned).context("the server has a stream")
}

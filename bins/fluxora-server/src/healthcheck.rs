//! `fluxora-server healthcheck`: asks the server on this machine how it is, for supervisors that run a program to find out, and for
//! images in which there is no other program.
//!
//! Exit codes: 0 it is healthy; 1 it is not, or does not answer.

use std::io::{self, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// How long the whole exchange may take: longer than the server waits for its storage, so that it can say that it waited in vain.
const PATIENCE: Duration = Duration::from_secs(4);
/// Far more than the answer has.
const MOST_BYTES: u64 = 16 * 1024;
/// How much of an answer is shown: it may be that of another program.
const MOST_CHARACTERS_SHOWN: usize = 500;

/// Asks the server that listens on this address.
pub(crate) fn run(listens: SocketAddr) -> ExitCode {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let asked = runtime.context("starting the runtime").and_then(|runtime| runtime.block_on(ask(listens)));
    match asked {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Where nobody reads, the exit code still tells.
            writeln!(io::stderr(), "fluxora-server healthcheck: {error:#}").ok();
            ExitCode::FAILURE
        }
    }
}

async fn ask(listens: SocketAddr) -> anyhow::Result<()> {
    ensure!(listens.port() != 0, "PORT is 0, which lets the server pick a port: set the one it listens on");
    let address = reachable(listens);
    let answer = tokio::time::timeout(PATIENCE, get(address, "/health"))
        .await
        .with_context(|| format!("{address} does not answer within {} seconds", PATIENCE.as_secs()))?
        .with_context(|| format!("{address} does not answer"))?;
    judge(&answer).with_context(|| format!("{address} is not healthy"))
}

/// Where a server can be reached from its own machine: one that listens everywhere listens on loopback.
fn reachable(listens: SocketAddr) -> SocketAddr {
    let ip = match listens.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    SocketAddr::new(ip, listens.port())
}

async fn get(address: SocketAddr, path: &str) -> io::Result<String> {
    let mut connection = TcpStream::connect(address).await?;
    let request = format!("GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
    connection.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    connection.take(MOST_BYTES).read_to_end(&mut answer).await?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

/// Healthy is an HTTP answer with a 2xx status. Anything else is an error that shows what the answer says, in one line.
fn judge(answer: &str) -> anyhow::Result<()> {
    let status = answer
        .strip_prefix("HTTP/1.1 ")
        .and_then(|rest| rest.split_whitespace().next())
        .and_then(|code| code.parse::<u16>().ok());
    let Some(status) = status else { bail!("its answer is not HTTP") };
    if (200..300).contains(&status) {
        return Ok(());
    }
    let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    let line: String = body.lines().next().unwrap_or_default().chars().take(MOST_CHARACTERS_SHOWN).collect();
    bail!("HTTP {status} {line}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_server_that_takes_the_question_and_never_answers_is_not_waited_for() {
        let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let error = ask(silent.local_addr().unwrap()).await.unwrap_err().to_string();
        assert!(error.ends_with("does not answer within 4 seconds"), "{error}");
    }

    #[test]
    fn a_server_that_listens_everywhere_is_asked_over_loopback() {
        for (listens, asked) in [
            ("0.0.0.0:3000", "127.0.0.1:3000"),
            ("[::]:3000", "[::1]:3000"),
            ("127.0.0.1:80", "127.0.0.1:80"),
            ("[::1]:80", "[::1]:80"),
            ("10.1.2.3:80", "10.1.2.3:80"),
        ] {
            assert_eq!(reachable(listens.parse().unwrap()), asked.parse().unwrap(), "{listens}");
        }
    }

    #[test]
    fn only_an_answer_with_a_2xx_status_is_healthy() {
        for (answer, fault) in [
            ("HTTP/1.1 200 OK\r\n\r\n{}", ""),
            ("HTTP/1.1 204 \r\n\r\n", ""),
            ("HTTP/1.1 301 Moved\r\n\r\n", "HTTP 301 "),
            (
                "HTTP/1.1 503 Away\r\nx: y\r\n\r\n{\"status\":\"unavailable\"}\nmore",
                "HTTP 503 {\"status\":\"unavailable\"}",
            ),
            ("HTTP/1.1 OK\r\n\r\n", "its answer is not HTTP"),
            ("SSH-2.0-OpenSSH_9.2\r\n", "its answer is not HTTP"),
            ("", "its answer is not HTTP"),
        ] {
            let judged = judge(answer).err().map_or(String::new(), |error| error.to_string());
            assert_eq!(judged, fault, "{answer:?}");
        }
    }
}

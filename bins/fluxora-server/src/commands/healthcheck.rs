//! `fluxora-server healthcheck`: requests `GET /health` from the server on this machine, for service managers and
//! images without an HTTP client.
//!
//! Exit codes: 0 healthy; 1 unhealthy, or no answer.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{block_on, complain};
use crate::exit;

/// Limit for the whole exchange: longer than the server waits for its storage, so that an unhealthy server can answer.
const TIMEOUT: Duration = Duration::from_secs(4);
/// Limit for the answer, far above its usual size.
const MAX_BYTES: u64 = 16 * 1024;
/// Limit for the part of an answer that is shown: it may come from another program.
const MAX_CHARACTERS_SHOWN: usize = 500;

/// Checks the server that listens on this address.
pub(crate) fn run(listens: SocketAddr) -> u8 {
    match block_on(check(listens)) {
        Ok(()) => exit::OK,
        Err(error) => {
            complain(format_args!("fluxora-server healthcheck: {error:#}"));
            exit::FAILURE
        }
    }
}

async fn check(listens: SocketAddr) -> anyhow::Result<()> {
    ensure!(
        listens.port() != 0,
        "PORT is 0, so the system picks the port: set PORT to the port that the server listens on"
    );
    let address = reachable(listens);
    let answer = tokio::time::timeout(TIMEOUT, get(address, "/health"))
        .await
        .with_context(|| format!("{address} does not answer within {} seconds", TIMEOUT.as_secs()))?
        .with_context(|| format!("{address} does not answer"))?;
    judge(&answer).with_context(|| format!("{address} is not healthy"))
}

/// The address to connect to: a server that listens on all addresses is reached over loopback.
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
    connection.take(MAX_BYTES).read_to_end(&mut answer).await?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

/// An HTTP answer with a 2xx status is healthy. Any other answer is an error with its first line.
fn judge(answer: &str) -> anyhow::Result<()> {
    let status = answer
        .strip_prefix("HTTP/1.1 ")
        .and_then(|rest| rest.split_whitespace().next())
        .and_then(|code| code.parse::<u16>().ok());
    let Some(status) = status else { bail!("the answer is not HTTP") };
    if (200..300).contains(&status) {
        return Ok(());
    }
    let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    let line: String = body.lines().next().unwrap_or_default().chars().take(MAX_CHARACTERS_SHOWN).collect();
    bail!("HTTP {status} {line}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_server_that_never_answers_is_given_up_after_four_seconds() {
        let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let error = check(silent.local_addr().unwrap()).await.unwrap_err().to_string();
        assert!(error.ends_with("does not answer within 4 seconds"), "{error}");
    }

    #[test]
    fn a_server_that_listens_on_all_addresses_is_reached_over_loopback() {
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
            ("HTTP/1.1 OK\r\n\r\n", "the answer is not HTTP"),
            ("SSH-2.0-OpenSSH_9.2\r\n", "the answer is not HTTP"),
            ("", "the answer is not HTTP"),
        ] {
            let judged = judge(answer).err().map_or(String::new(), |error| error.to_string());
            assert_eq!(judged, fault, "{answer:?}");
        }
    }
}

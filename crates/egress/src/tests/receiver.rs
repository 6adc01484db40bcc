//! Receivers that misbehave, and names that resolve to what a test wants.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::resolve::Resolving;
use crate::{Resolve, ResolveError};

/// What a receiver does after it has read a request.
#[derive(Clone, Debug)]
pub(super) enum Script {
    /// Writes these bytes and waits for the next request.
    Write(Vec<u8>),
    /// Writes these bytes and closes the connection.
    WriteAndClose(Vec<u8>),
    /// Writes these bytes, then resets the connection.
    WriteAndReset(Vec<u8>),
    /// Writes the first bytes, then the second ones for ever.
    Repeat(Vec<u8>, Vec<u8>),
    /// Writes these bytes and then nothing.
    Hang(Vec<u8>),
    /// Writes the first bytes, then the second one by one, with a pause between two.
    Drip(Vec<u8>, Vec<u8>),
}

pub(super) fn write(text: &str) -> Script {
    Script::Write(text.into())
}

/// A receiver on a free port of the loopback address. It counts connections and keeps requests.
pub(super) struct Receiver {
    address: SocketAddr,
    pub(super) connections: Arc<AtomicUsize>,
    pub(super) requests: Arc<Mutex<Vec<String>>>,
    accepting: JoinHandle<()>,
}

impl Receiver {
    pub(super) async fn start(script: Script) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (connections, requests) = (Arc::new(AtomicUsize::new(0)), Arc::new(Mutex::new(Vec::new())));
        let (counted, kept) = (Arc::clone(&connections), Arc::clone(&requests));
        let accepting = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                counted.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(serve(stream, script.clone(), Arc::clone(&kept)));
            }
        });
        Self { address, connections, requests, accepting }
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}/hook?a=b", self.address)
    }

    pub(super) fn port(&self) -> u16 {
        self.address.port()
    }

    pub(super) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// One request: its head and, by `content-length`, its body.
async fn read_request(stream: &mut TcpStream) -> Option<String> {
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            if body.len() >= length.map_or(0, |length| length.parse().unwrap()) {
                return Some(text);
            }
        }
        match stream.read(&mut buffer).await {
            Ok(0) | Err(_) => return None,
            Ok(read) => bytes.extend_from_slice(&buffer[..read]),
        }
    }
}

async fn serve(mut stream: TcpStream, script: Script, requests: Arc<Mutex<Vec<String>>>) {
    while let Some(request) = read_request(&mut stream).await {
        requests.lock().unwrap().push(request);
        if follow(&mut stream, &script).await.is_err() {
            return;
        }
    }
}

/// An error ends the connection.
async fn follow(stream: &mut TcpStream, script: &Script) -> std::io::Result<()> {
    let closed = || Err(std::io::ErrorKind::ConnectionAborted.into());
    match script {
        Script::Write(bytes) => stream.write_all(bytes).await,
        Script::WriteAndClose(bytes) => {
            stream.write_all(bytes).await?;
            closed()
        }
        Script::WriteAndReset(bytes) => {
            stream.write_all(bytes).await?;
            stream.set_zero_linger()?;
            closed()
        }
        Script::Repeat(first, then) => {
            stream.write_all(first).await?;
            loop {
                stream.write_all(then).await?;
            }
        }
        Script::Hang(bytes) => {
            stream.write_all(bytes).await?;
            std::future::pending().await
        }
        Script::Drip(first, then) => {
            stream.write_all(first).await?;
            for byte in then {
                stream.write_all(&[*byte]).await?;
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            }
            Ok(())
        }
    }
}

/// A resolver of a test: each look-up of a name takes its next answer, and the last one stays.
#[derive(Default)]
pub(super) struct Names(Mutex<HashMap<String, Vec<Answer>>>);

#[derive(Clone)]
pub(super) enum Answer {
    Found(Vec<IpAddr>),
    Failed,
    Hangs,
}

pub(super) fn found(addresses: &[&str]) -> Answer {
    Answer::Found(addresses.iter().map(|address| address.parse().unwrap()).collect())
}

impl Names {
    pub(super) fn with(self, name: &str, answers: Vec<Answer>) -> Self {
        self.0.lock().unwrap().insert(name.to_owned(), answers);
        self
    }
}

impl Resolve for Names {
    fn resolve<'a>(&'a self, name: &'a str, port: u16) -> Resolving<'a> {
        let answer = {
            let mut names = self.0.lock().unwrap();
            names.get_mut(name).map(|answers| match answers.len() {
                1 => answers[0].clone(),
                _ => answers.remove(0),
            })
        };
        Box::pin(async move {
            match answer {
                Some(Answer::Found(addresses)) => {
                    Ok(addresses.into_iter().map(|address| SocketAddr::new(address, port)).collect())
                }
                Some(Answer::Hangs) => std::future::pending().await,
                Some(Answer::Failed) | None => Err(ResolveError),
            }
        })
    }
}

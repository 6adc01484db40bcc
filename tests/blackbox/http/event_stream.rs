use std::io::{self, BufRead, Error, ErrorKind, Read};
use std::net::SocketAddr;

use super::Connection;
use super::Request;

/// A response of server-sent events, read strictly: what the server need not send is an error.
pub(crate) struct EventStream {
    connection: Connection,
    /// What is left of the present chunk.
    left: usize,
    has_ended: bool,
}

/// One frame with data. A comment has none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    /// `message` for an event of the log.
    pub(crate) name: String,
    pub(crate) id: Option<u64>,
    pub(crate) retry: Option<u64>,
    pub(crate) data: String,
}

impl EventStream {
    /// Asks for a stream.
    pub(crate) fn open(address: SocketAddr, request: Request) -> io::Result<Self> {
        let request = request.header("accept", "text/event-stream");
        let mut connection = Connection::open(address)?;
        connection.write(&request.head())?;
        let reader = connection.reader();
        let status = line(reader)?;
        if !status.starts_with("HTTP/1.1 200 ") {
            return Err(nonsense(&status));
        }
        let mut headers = Vec::new();
        loop {
            match line(reader)? {
                header if header.is_empty() => break,
                header => headers.push(header.to_ascii_lowercase()),
            }
        }
        for expected in ["content-type: text/event-stream", "transfer-encoding: chunked"] {
            if !headers.iter().any(|header| header == expected) {
                return Err(nonsense(&format!("{expected} is not in {headers:?}")));
            }
        }
        Ok(Self { connection, left: 0, has_ended: false })
    }

    /// The next frame with data; `None` at the orderly end of the response.
    pub(crate) fn next(&mut self) -> io::Result<Option<Frame>> {
        let mut frame = Frame { name: "message".to_owned(), id: None, retry: None, data: String::new() };
        let mut fields = Vec::new();
        loop {
            let Some(line) = self.line()? else {
                return if fields.is_empty() { Ok(None) } else { Err(nonsense("a frame is cut off")) };
            };
            if line.is_empty() {
                match fields.last().map(String::as_str) {
                    Some("comment") => fields.clear(),
                    Some("data") => return Ok(Some(frame)),
                    _ => return Err(nonsense("an empty frame")),
                }
                continue;
            }
            let (name, value) = line.split_once(": ").ok_or_else(|| nonsense(&line))?;
            let number = || value.parse().map(Some).map_err(|_| nonsense(&line));
            match name {
                "" => fields.push("comment".to_owned()),
                "event" => value.clone_into(&mut frame.name),
                "id" => frame.id = number()?,
                "retry" => frame.retry = number()?,
                "data" => value.clone_into(&mut frame.data),
                _ => return Err(nonsense(&line)),
            }
            if !name.is_empty() {
                if fields.iter().any(|field| field == name) {
                    return Err(nonsense("a field comes twice"));
                }
                fields.push(name.to_owned());
            }
        }
    }

    /// Waits for a heartbeat: a comment.
    pub(crate) fn heartbeat(&mut self) -> io::Result<()> {
        match (self.line()?.as_deref(), self.line()?.as_deref()) {
            (Some(": heartbeat"), Some("")) => Ok(()),
            lines => Err(nonsense(&format!("no heartbeat: {lines:?}"))),
        }
    }

    /// A line of the body; `None` at its end.
    fn line(&mut self) -> io::Result<Option<String>> {
        let mut bytes = Vec::new();
        loop {
            match self.byte()? {
                None if bytes.is_empty() => return Ok(None),
                None => return Err(nonsense("a line is cut off")),
                Some(b'\n') => {
                    return String::from_utf8(bytes).map(Some).map_err(|_| nonsense("not UTF-8"));
                }
                Some(byte) => bytes.push(byte),
            }
        }
    }

    fn byte(&mut self) -> io::Result<Option<u8>> {
        if self.has_ended {
            return Ok(None);
        }
        let reader = self.connection.reader();
        if self.left == 0 {
            let size = line(reader)?;
            self.left = usize::from_str_radix(&size, 16).map_err(|_| nonsense(&size))?;
            if self.left == 0 {
                self.has_ended = true;
                return if line(reader)?.is_empty() { Ok(None) } else { Err(nonsense("trailers")) };
            }
        }
        let mut byte = [0];
        reader.read_exact(&mut byte)?;
        self.left -= 1;
        if self.left == 0 && !line(reader)?.is_empty() {
            return Err(nonsense("a chunk is longer than its size"));
        }
        Ok(Some(byte[0]))
    }
}

fn line(from: &mut impl BufRead) -> io::Result<String> {
    let mut line = String::new();
    from.read_line(&mut line)?;
    let line = line.strip_suffix("\r\n").ok_or_else(|| Error::from(ErrorKind::UnexpectedEof))?;
    Ok(line.to_owned())
}

fn nonsense(what: &str) -> Error {
    Error::new(ErrorKind::InvalidData, format!("not a stream of events: {what}"))
}

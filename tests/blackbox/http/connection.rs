use std::io::{self, BufRead, BufReader, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

use super::{Request, Response};
use crate::PATIENCE;

/// One connection, kept open from request to request.
pub(crate) struct Connection {
    reader: BufReader<TcpStream>,
}

impl Connection {
    pub(crate) fn open(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect_timeout(&address, PATIENCE)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        stream.set_nodelay(true)?;
        Ok(Self { reader: BufReader::new(stream) })
    }

    /// Waits for an answer no longer than `limit`.
    pub(crate) fn with_patience(self, limit: Duration) -> io::Result<Self> {
        self.reader.get_ref().set_read_timeout(Some(limit))?;
        Ok(self)
    }

    /// Sends a request and waits for its answer, which may come before everything has been sent.
    pub(crate) fn send(&mut self, request: &Request) -> io::Result<Response> {
        let mut bytes = request.head();
        bytes.extend_from_slice(request.body());
        let sent = self.write(&bytes);
        let answer = Response::read(&mut self.reader, request.is_head());
        answer.or_else(|error| sent.and(Err(error)))
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.reader.get_mut().write_all(bytes)
    }

    /// Writes until the peer has read nothing for so long.
    pub(crate) fn write_within(&mut self, bytes: &[u8], limit: Duration) -> io::Result<()> {
        self.reader.get_ref().set_write_timeout(Some(limit))?;
        self.write(bytes)
    }

    /// Waits for an answer to what was written.
    pub(crate) fn read(&mut self) -> io::Result<Response> {
        Response::read(&mut self.reader, false)
    }

    pub(super) fn reader(&mut self) -> &mut BufReader<TcpStream> {
        &mut self.reader
    }

    /// Says that nothing more will be sent.
    pub(crate) fn finish_writing(&self) -> io::Result<()> {
        self.reader.get_ref().shutdown(Shutdown::Write)
    }

    /// Waits until the server has closed the connection; `false` if it sent something instead.
    pub(crate) fn is_closed(&mut self) -> io::Result<bool> {
        self.reader.fill_buf().map(<[u8]>::is_empty)
    }
}

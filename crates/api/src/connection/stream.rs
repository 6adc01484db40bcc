use std::future::Future;
use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use actix_web::web::BytesMut;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

use super::cut::first_part;
use super::{Body, Connection, Phase, Registry};

/// The time for a head after its first byte. The framework answers 408 to the first head of a connection one second earlier.
const HEAD: Duration = Duration::from_secs(11);
/// The time without a request after which a connection is closed. The framework closes most connections 5 seconds earlier.
const IDLE: Duration = Duration::from_secs(80);
/// The time for the rest of a body that is read after the answer.
const DRAIN: Duration = Duration::from_secs(10);
/// The time in which a peer has to take at least one byte of an answer.
const WRITE_PROGRESS: Duration = Duration::from_secs(10);
/// The time in which a peer has to take a whole answer.
const WRITE: Duration = Duration::from_secs(60);
/// The bytes that are read ahead of the framework.
const BUFFER: usize = 4_096;

type Timer = Option<Pin<Box<Sleep>>>;

/// A socket with the limits of a [`Connection`].
pub(crate) struct GuardedStream<S> {
    socket: S,
    connection: Rc<Connection>,
    /// Bytes that were received and not yet passed on.
    received: BytesMut,
    /// The request whose head was last begun, and the time limit of the present wait.
    head_of: Option<u64>,
    waiting_since: Option<u64>,
    read_timer: Timer,
    /// The last part ended: the framework has to decode it before it gets the next one.
    yields: bool,
    is_blocked: bool,
    progress_timer: Timer,
    answer_timer: Timer,
}

impl<S> GuardedStream<S> {
    /// `None` if there is no room for one more connection.
    pub(crate) fn open(socket: S, registry: &Rc<Registry>) -> Option<Self> {
        let connection = registry.open()?;
        Some(Self {
            socket,
            connection,
            received: BytesMut::new(),
            head_of: None,
            waiting_since: None,
            read_timer: None,
            yields: false,
            is_blocked: false,
            progress_timer: None,
            answer_timer: None,
        })
    }

    pub(crate) fn connection(&self) -> Rc<Connection> {
        Rc::clone(&self.connection)
    }

    /// Passes on at most `most` bytes of what was received.
    fn pass_on(&mut self, most: usize, buffer: &mut ReadBuf<'_>) -> usize {
        let length = most.min(self.received.len()).min(buffer.remaining());
        buffer.put_slice(&self.received.split_to(length));
        length
    }

    /// Starts the time limit of a wait once, and fails when it has passed.
    fn check_read_time(&mut self, draining: bool, cx: &mut Context<'_>) -> io::Result<()> {
        let request = self.connection.requests.get();
        if self.waiting_since != Some(request) {
            self.waiting_since = Some(request);
            self.read_timer = Some(Box::pin(sleep(if draining { DRAIN } else { IDLE })));
        }
        expired(&mut self.read_timer, cx, "the peer did not complete a request in time")
    }

    fn begin_head(&mut self, draining: bool) {
        let request = self.connection.requests.get();
        if self.head_of != Some(request) && !draining {
            self.head_of = Some(request);
            self.waiting_since = Some(request);
            self.read_timer = Some(Box::pin(sleep(HEAD)));
        }
    }
}

impl<S: AsyncRead + Unpin> GuardedStream<S> {
    /// Receives if nothing is left of what was received before. `false` is the end of the stream.
    fn poll_receive(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<bool>> {
        if !self.received.is_empty() {
            return Poll::Ready(Ok(true));
        }
        let mut space = [MaybeUninit::uninit(); BUFFER];
        let mut buffer = ReadBuf::uninit(&mut space);
        ready!(Pin::new(&mut self.socket).poll_read(cx, &mut buffer))?;
        self.received.extend_from_slice(buffer.filled());
        Poll::Ready(Ok(!self.received.is_empty()))
    }

    /// Passes nothing on before the peer ends its side or resets the connection: answers without an end, such as the event
    /// feed, stop then.
    fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if ready!(self.poll_receive(cx))? { Poll::Pending } else { Poll::Ready(Ok(())) }
    }

    fn poll_head(
        &mut self,
        draining: bool,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.check_read_time(draining, cx)?;
        if !ready!(self.poll_receive(cx))? {
            return Poll::Ready(Ok(()));
        }
        self.begin_head(draining);
        let part = first_part(&self.received);
        self.yields = self.pass_on(part, buffer) > 0;
        Poll::Ready(Ok(()))
    }

    fn poll_body(
        &mut self,
        body: Body,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if !ready!(self.poll_receive(cx))? {
            return Poll::Ready(Ok(()));
        }
        match body {
            Body::Sized(left) => {
                let passed = self.pass_on(usize::try_from(left).unwrap_or(usize::MAX), buffer);
                let left = left.saturating_sub(u64::try_from(passed).unwrap_or(u64::MAX));
                self.connection.phase.set(Phase::Busy(Body::Sized(left)));
            }
            Body::Chunked => {
                let part = first_part(&self.received);
                self.yields = self.pass_on(part, buffer) > 0;
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for GuardedStream<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if std::mem::take(&mut this.yields) {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        match this.connection.phase.get() {
            Phase::Evicted => Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into())),
            _ if this.is_blocked => Poll::Pending,
            Phase::Busy(Body::NONE) | Phase::Flushing { .. } => {
                this.connection.reader.replace(Some(cx.waker().clone()));
                this.poll_end(cx)
            }
            Phase::Busy(body) => {
                this.connection.reader.replace(Some(cx.waker().clone()));
                this.poll_body(body, cx, buffer)
            }
            Phase::Waiting { draining } => {
                this.connection.reader.replace(Some(cx.waker().clone()));
                this.poll_head(draining, cx, buffer)
            }
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for GuardedStream<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.socket).poll_write(cx, bytes);
        if written.is_ready() {
            this.progress_timer = None;
        } else {
            this.is_blocked = true;
            this.progress_timer.get_or_insert_with(|| Box::pin(sleep(WRITE_PROGRESS)));
            expired(&mut this.progress_timer, cx, "the peer does not read its answer")?;
            this.answer_timer.get_or_insert_with(|| Box::pin(sleep(WRITE)));
        }
        expired(&mut this.answer_timer, cx, "the peer reads its answer too slowly")?;
        written
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(Pin::new(&mut this.socket).poll_flush(cx))?;
        this.answer_timer = None;
        this.connection.flushed();
        if std::mem::take(&mut this.is_blocked) {
            cx.waker().wake_by_ref();
        }
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().socket).poll_shutdown(cx)
    }
}

/// Fails if a timer is set and has run out.
fn expired(timer: &mut Timer, cx: &mut Context<'_>, reason: &'static str) -> io::Result<()> {
    match timer.as_mut().map(|timer| timer.as_mut().poll(cx)) {
        Some(Poll::Ready(())) => Err(io::Error::new(io::ErrorKind::TimedOut, reason)),
        Some(Poll::Pending) | None => Ok(()),
    }
}

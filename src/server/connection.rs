//! A connection with a bounded life: tonic's own `max_connection_age_grace` cuts without
//! ever asking a connection to end, and nothing of tonic's ends a connection that does
//! not take what it is sent.

use std::{
    future::Future,
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    sync::{Notify, watch},
    time::{Sleep, sleep},
};
use tonic::transport::server::Connected;

use crate::server::accept::Seat;

/// When a connection ends at the latest.
#[derive(Clone)]
pub(super) struct Life {
    /// How long it lasts.
    pub(super) most: Duration,
    /// How long it may take nothing of what it is sent.
    pub(super) stall: Duration,
    /// Becomes true when all connections are cut.
    pub(super) cut: watch::Receiver<bool>,
}

/// Cuts a connection. Each call on it has one: a stream whose answer is not taken cannot be
/// ended from within, since the transport asks for nothing more of it.
#[derive(Clone, Default)]
pub(super) struct Cutter(Arc<Notify>);

impl Cutter {
    pub(super) fn cut(&self) {
        self.0.notify_one();
    }
}

/// A connection as the transport sees it: an error once its life is over.
pub(super) struct Connection {
    stream: TcpStream,
    /// What was read to see that it speaks HTTP/2, and is read once more.
    preface: &'static [u8],
    end: Pin<Box<dyn Future<Output = ()> + Send>>,
    has_ended: bool,
    stall: Duration,
    stalled: Option<Pin<Box<Sleep>>>,
    cutter: Cutter,
    _seat: Seat,
}

impl Connection {
    pub(super) fn new(stream: TcpStream, preface: &'static [u8], life: Life, seat: Seat) -> Self {
        let Life { most, stall, mut cut } = life;
        let cutter = Cutter::default();
        let asked = cutter.clone();
        let end = Box::pin(async move {
            tokio::select! {
                () = sleep(most) => {}
                () = asked.0.notified() => {}
                // It also ends when nobody could cut it any more.
                _ = cut.wait_for(|cut| *cut) => {}
            }
        });
        let (has_ended, stalled) = (false, None);
        Self { stream, preface, end, has_ended, stall, stalled, cutter, _seat: seat }
    }

    #[cfg(test)]
    pub(super) fn nodelay(&self) -> io::Result<bool> {
        self.stream.nodelay()
    }

    /// Refuses once the life is over, and sees to it that the task wakes up then.
    fn require_life(&mut self, context: &mut Context<'_>) -> io::Result<()> {
        self.has_ended = self.has_ended || self.end.as_mut().poll(context).is_ready();
        if self.has_ended { Err(io::ErrorKind::TimedOut.into()) } else { Ok(()) }
    }

    /// Refuses a peer that has taken nothing for too long.
    fn require_progress<T>(
        &mut self,
        context: &mut Context<'_>,
        written: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.stalled = None;
            return written;
        }
        let stall = self.stall;
        let stalled = self.stalled.get_or_insert_with(|| Box::pin(sleep(stall)));
        ready!(stalled.as_mut().poll(context));
        self.has_ended = true;
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.require_life(context)?;
        if self.preface.is_empty() {
            return Pin::new(&mut self.stream).poll_read(context, buffer);
        }
        let (now, later) = self.preface.split_at(self.preface.len().min(buffer.remaining()));
        buffer.put_slice(now);
        self.preface = later;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.require_life(context)?;
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.require_progress(context, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.require_life(context)?;
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.require_progress(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.require_life(context)?;
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.require_life(context)?;
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

impl Connected for Connection {
    type ConnectInfo = Cutter;

    fn connect_info(&self) -> Cutter {
        self.cutter.clone()
    }
}

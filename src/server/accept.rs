//! The accept loop: who may connect, how many, and what they must say first.

use std::{
    collections::BTreeMap,
    io,
    net::{IpAddr, Ipv6Addr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures::future::Either;
use tokio::{
    io::AsyncReadExt,
    net::{TcpListener, TcpStream},
    sync::{mpsc, watch},
    task::JoinSet,
    time::{sleep, timeout},
};
use tokio_stream::wrappers::ReceiverStream;

use crate::{
    auth::Strangers,
    server::{
        connection::{Connection, Life},
        limits::Limits,
    },
};

/// What every HTTP/2 connection begins with.
pub(super) const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// How long the loop rests when the machine cannot accept (no file descriptors, no
/// memory), and the longest it rests when that goes on.
const REST: (Duration, Duration) = (Duration::from_millis(10), Duration::from_secs(1));
/// Connections that have spoken and wait to be served.
const READY: usize = 16;

/// Connections that speak HTTP/2, as they come. The listener is closed when the stream is
/// dropped, and with it what has not yet spoken.
pub(super) fn incoming(
    listener: TcpListener,
    limits: &Limits,
    cut: watch::Receiver<bool>,
) -> ReceiverStream<io::Result<Connection>> {
    let (ready, incoming) = mpsc::channel(READY);
    let door = Door {
        seats: Seats::new(limits.connections, limits.connections_per_peer),
        refused: Strangers::default(),
        preface: limits.preface,
        life: Life {
            most: limits.connection_age + limits.connection_grace,
            stall: limits.keepalive_interval + limits.keepalive_timeout,
            cut,
        },
        ready,
    };
    tokio::spawn(door.keep(listener));
    ReceiverStream::new(incoming)
}

struct Door {
    seats: Seats,
    refused: Strangers,
    preface: Duration,
    life: Life,
    ready: mpsc::Sender<io::Result<Connection>>,
}

impl Door {
    async fn keep(self, listener: TcpListener) {
        let mut silent = JoinSet::new();
        let mut rest = REST.0;
        loop {
            let accepted = tokio::select! {
                () = self.ready.closed() => return,
                Some(_) = silent.join_next() => continue,
                accepted = listener.accept() => accepted,
            };
            match accepted {
                Ok((stream, peer)) => {
                    rest = REST.0;
                    silent.spawn(self.welcome(stream, peer.ip()));
                }
                Err(error) if is_of_one_connection(&error) => {}
                Err(error) => {
                    tracing::warn!(%error, rest_ms = rest.as_millis(), "cannot accept; resting");
                    sleep(rest).await;
                    rest = (rest * 2).min(REST.1);
                }
            }
        }
    }

    /// Hands a connection on once it has said what it must; one too many is closed.
    fn welcome(&self, stream: TcpStream, peer: IpAddr) -> impl Future<Output = ()> + use<> {
        let Some(seat) = self.seats.take(peer) else {
            tracing::debug!("a connection too many was closed");
            if let Some(count) = self.refused.count() {
                tracing::warn!(count, "connections too many were closed");
            }
            return Either::Left(std::future::ready(()));
        };
        let (ready, life, wait) = (self.ready.clone(), self.life.clone(), self.preface);
        Either::Right(async move {
            let mut stream = stream;
            match timeout(wait, speaks_http2(&mut stream)).await {
                Ok(Ok(true)) => {
                    let connection = Connection::new(stream, PREFACE, life, seat);
                    // Nobody is there to take it when the service is about to end.
                    drop(ready.send(Ok(connection)).await);
                }
                Ok(Ok(false) | Err(_)) | Err(_) => {
                    tracing::debug!("a connection that does not speak HTTP/2 was closed");
                }
            }
        })
    }
}

/// Whether the stream begins with the preface; false with the first byte that differs.
async fn speaks_http2(stream: &mut TcpStream) -> io::Result<bool> {
    // Small answers must not wait for the acknowledgement of earlier ones.
    stream.set_nodelay(true)?;
    let mut said = [0; PREFACE.len()];
    let mut length = 0;
    while length < said.len() {
        let more = stream.read(&mut said[length..]).await?;
        length += more;
        if more == 0 || !PREFACE.starts_with(&said[..length]) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Whether an error speaks of the connection that was to be accepted, and so of nothing
/// that the next one would meet.
fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::Interrupted
    )
}

/// Who is connected, counted.
#[derive(Clone)]
struct Seats {
    taken: Arc<Mutex<Taken>>,
    most: usize,
    most_per_peer: usize,
}

#[derive(Default)]
struct Taken {
    all: usize,
    by_peer: BTreeMap<IpAddr, usize>,
}

/// A connection's place, given back when it is dropped.
pub(super) struct Seat {
    seats: Seats,
    peer: IpAddr,
}

impl Seats {
    fn new(most: usize, most_per_peer: usize) -> Self {
        Self { taken: Arc::default(), most, most_per_peer }
    }

    fn take(&self, address: IpAddr) -> Option<Seat> {
        let peer = network_of(address);
        let mut taken = self.lock();
        let of_peer = taken.by_peer.get(&peer).copied().unwrap_or(0);
        if taken.all >= self.most || of_peer >= self.most_per_peer {
            return None;
        }
        taken.all += 1;
        taken.by_peer.insert(peer, of_peer + 1);
        Some(Seat { seats: self.clone(), peer })
    }

    fn lock(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut taken = self.seats.lock();
        taken.all -= 1;
        let of_peer = taken.by_peer.get(&self.peer).copied().unwrap_or(0);
        if of_peer > 1 {
            taken.by_peer.insert(self.peer, of_peer - 1);
        } else {
            taken.by_peer.remove(&self.peer);
        }
    }
}

/// What counts as one peer: an address, or the /64 of IPv6 that one subscriber has whole.
fn network_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => {
            IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)))
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt;
    use tokio_stream::StreamExt;

    use super::*;

    #[tokio::test]
    async fn what_is_accepted_does_not_delay_small_answers() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (_cut, is_cut) = watch::channel(false);
        let mut incoming = incoming(listener, &Limits::default(), is_cut);
        let mut client = TcpStream::connect(address).await.unwrap();
        client.write_all(PREFACE).await.unwrap();
        let connection = incoming.next().await.unwrap().unwrap();
        assert!(connection.nodelay().unwrap());
    }

    #[test]
    fn a_subscriber_is_one_peer() {
        for (one, other, same) in [
            ("10.0.0.1", "10.0.0.1", true),
            ("10.0.0.1", "10.0.0.2", false),
            ("::ffff:10.0.0.1", "10.0.0.1", true),
            ("2001:db8:0:1::1", "2001:db8:0:1:ffff::2", true),
            ("2001:db8:0:1::1", "2001:db8:0:2::1", false),
        ] {
            let network = |text: &str| network_of(text.parse().unwrap());
            assert_eq!(network(one) == network(other), same, "{one} {other}");
        }
    }

    #[test]
    fn errors_of_one_connection_need_no_rest() {
        // EMFILE, ENFILE, ENOBUFS, ENOMEM: the next one would meet them too.
        for code in [24, 23, 105, 12] {
            assert!(!is_of_one_connection(&io::Error::from_raw_os_error(code)), "{code}");
        }
        assert!(is_of_one_connection(&io::ErrorKind::ConnectionAborted.into()));
    }
}

//! How services are reached: from where this process is, or from where their bridges are.

use std::fmt;
use std::fs::File;
use std::io;
use std::net::{SocketAddr, TcpStream as Unconnected};
use std::os::fd::{AsFd as _, OwnedFd};
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc;
use std::thread;

use rustix::net::{AddressFamily, SocketFlags, SocketType, socket_with};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::oneshot;

/// How services are reached.
#[derive(Clone, Debug, Default)]
pub enum Way {
    /// From where this process is.
    #[default]
    Here,
    /// From another network namespace.
    From(Arc<Namespace>),
}

/// A thread that is in another network namespace, and makes sockets there: a socket stays where it was
/// made, whoever uses it.
#[derive(Debug)]
pub struct Namespace {
    orders: mpsc::Sender<Order>,
}

struct Order {
    family: AddressFamily,
    made: oneshot::Sender<io::Result<OwnedFd>>,
}

impl Way {
    /// Enters the network namespace that is bound to this file.
    pub fn from(netns: &Path) -> io::Result<Self> {
        let netns = File::open(netns)?;
        let (orders, ordered) = mpsc::channel::<Order>();
        let (enters, entered) = mpsc::channel();
        let make = move || {
            let there = move_into_link_name_space(netns.as_fd(), Some(LinkNameSpaceType::Network));
            let is_there = there.is_ok();
            // Nobody hears it who does not wait for it any more.
            if enters.send(there).is_err() || !is_there {
                return;
            }
            for Order { family, made } in ordered {
                let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
                let socket = socket_with(family, SocketType::STREAM, flags, None);
                drop(made.send(socket.map_err(io::Error::from)));
            }
        };
        thread::Builder::new().name("netns".to_owned()).spawn(make)?;
        entered.recv().map_err(io::Error::other)??;
        Ok(Self::From(Arc::new(Namespace { orders })))
    }

    async fn connect(&self, at: SocketAddr) -> io::Result<TcpStream> {
        match self {
            Self::Here => TcpStream::connect(at).await,
            Self::From(namespace) => namespace.connect(at).await,
        }
    }
}

impl Namespace {
    async fn connect(&self, at: SocketAddr) -> io::Result<TcpStream> {
        let family = if at.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
        let (made, socket) = oneshot::channel();
        self.orders.send(Order { family, made }).map_err(|_| gone())?;
        let socket = socket.await.map_err(|_| gone())??;
        TcpSocket::from_std_stream(Unconnected::from(socket)).connect(at).await
    }
}

fn gone() -> io::Error {
    io::Error::other("the thread in the namespace of the guests has ended")
}

/// Where a service answers, and how that is reached.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place<'a> {
    pub(super) at: SocketAddr,
    pub(super) way: &'a Way,
}

impl Place<'_> {
    /// Makes a connection.
    pub(super) async fn connect(self) -> io::Result<TcpStream> {
        let line = self.way.connect(self.at).await?;
        line.set_nodelay(true)?;
        Ok(line)
    }
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.at.fmt(f)
    }
}

//! A port that is kept, whether or not anybody listens at it.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use tokio::net::{TcpListener, TcpSocket};

/// A port of this machine that nobody else gets while it is closed.
#[derive(Debug)]
pub(crate) struct Port {
    /// Bound and not listening: the kernel refuses connections, and gives the port to nobody.
    _kept: TcpSocket,
    pub(crate) at: SocketAddr,
}

impl Port {
    pub(crate) fn any() -> io::Result<Self> {
        let kept = socket((Ipv4Addr::LOCALHOST, 0).into())?;
        let at = kept.local_addr()?;
        Ok(Self { _kept: kept, at })
    }

    /// Opens it. It is closed again when what is returned is dropped.
    pub(crate) fn open(&self) -> io::Result<TcpListener> {
        socket(self.at)?.listen(4096)
    }
}

fn socket(at: SocketAddr) -> io::Result<TcpSocket> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.set_reuseport(true)?;
    socket.bind(at)?;
    Ok(socket)
}

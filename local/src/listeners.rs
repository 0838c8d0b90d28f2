//! The addresses the system listens on: this machine only, or also those that other machines and containers reach.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

use axum::Router;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::StartError;

/// One port on one or more addresses.
pub(crate) struct Listeners {
    pub port: u16,
    all: Vec<TcpListener>,
}

impl Listeners {
    /// Binds a port on this machine's loopback addresses, and on `host` if that is another address. Port 0 takes any
    /// free port.
    pub(crate) async fn bind(port: u16, host: Option<IpAddr>) -> Result<Self, StartError> {
        let taken = |source: std::io::Error, address: IpAddr| match source.kind() {
            std::io::ErrorKind::AddrInUse => StartError::PortTaken { port },
            _ if host == Some(address) => StartError::Host { address, source },
            _ => StartError::Port { port, source },
        };
        let first = host.filter(|host| !is_default(*host)).unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST));
        let listener = TcpListener::bind((first, port)).await.map_err(|source| taken(source, first))?;
        let port = listener.local_addr().map_err(|source| taken(source, first))?.port();
        let mut listeners = Self { port, all: vec![listener] };
        let is_everywhere = first.is_unspecified();
        if first != Ipv4Addr::LOCALHOST && !is_everywhere {
            // This machine still opens the pages by its own name. The inbox can be opened only that way.
            let here = IpAddr::V4(Ipv4Addr::LOCALHOST);
            listeners.all.push(TcpListener::bind((here, port)).await.map_err(|source| taken(source, here))?);
        }
        if first != Ipv6Addr::UNSPECIFIED {
            match TcpListener::bind((Ipv6Addr::LOCALHOST, port)).await {
                Ok(listener) => listeners.all.push(listener),
                // Another program listens there. A browser that asks for `localhost` would take it for this one.
                Err(source) if source.kind() == std::io::ErrorKind::AddrInUse => {
                    return Err(taken(source, IpAddr::V6(Ipv6Addr::LOCALHOST)));
                }
                // The machine has no IPv6.
                Err(_) => {}
            }
        }
        Ok(listeners)
    }

    pub(crate) fn serve(self, tasks: &mut JoinSet<()>, router: &Router) {
        for listener in self.all {
            let service = router.clone().into_make_service_with_connect_info::<SocketAddr>();
            tasks.spawn(async move {
                if let Err(error) = axum::serve(listener, service).await {
                    tracing::error!(%error, "a server stopped");
                }
            });
        }
    }
}

/// Returns the URL at which other machines find a listener on `host`. Returns `None` if only this machine can connect.
pub(crate) fn public_url(host: Option<IpAddr>, port: u16) -> Option<String> {
    let host = host.filter(|host| !is_default(*host))?;
    let address = if host.is_unspecified() { own_address()? } else { host };
    Some(format!("http://{}", SocketAddr::new(address, port)))
}

fn is_default(host: IpAddr) -> bool {
    host == Ipv4Addr::LOCALHOST || host == Ipv6Addr::LOCALHOST
}

/// Returns this machine's address in its network: the source address of its outgoing connections. Nothing is sent.
fn own_address() -> Option<IpAddr> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).ok()?;
    socket.connect((Ipv4Addr::new(192, 0, 2, 1), 9)).ok()?;
    Some(socket.local_addr().ok()?.ip()).filter(|address| !address.is_loopback() && !address.is_unspecified())
}

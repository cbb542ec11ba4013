//! What of the upstreams can be offered, and what is said about the rest.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use phoenix_domain::{FeatureName, ModelKind, Scheme, Upstream};

/// What a gateway offers.
pub(super) struct Offers<'u> {
    /// Routes over HTTP, by the numbers of their guests.
    pub(super) sites: Vec<Offer<'u>>,
    /// Routes whose bytes are passed on.
    pub(super) ports: Vec<Offer<'u>>,
    /// Servers of models.
    pub(super) models: Vec<(ModelKind, Offer<'u>)>,
    /// What cannot be offered, and why.
    pub(super) left_out: Vec<(&'u Upstream, &'static str)>,
}

/// One thing that is offered.
pub(super) struct Offer<'u> {
    /// By this guest.
    pub(super) upstream: &'u Upstream,
    /// Under this label, where it has one.
    pub(super) label: String,
    /// At this port of the guest.
    pub(super) port: u16,
    /// In this way.
    pub(super) scheme: Scheme,
    /// Whether answers take minutes and come piece by piece.
    pub(super) streams: bool,
}

impl<'u> Offers<'u> {
    /// Sorts upstreams by what they are.
    pub(super) fn of(upstreams: &'u [Upstream], streams: impl Fn(&FeatureName) -> bool) -> Self {
        let mut sorted: Vec<_> = upstreams.iter().collect();
        sorted.sort_unstable_by_key(|upstream| upstream.vmid);
        let (mut labels, mut taken) = (BTreeSet::new(), BTreeSet::new());
        let mut offers =
            Self { sites: Vec::new(), ports: Vec::new(), models: Vec::new(), left_out: Vec::new() };
        for upstream in sorted {
            let streams = upstream.model.is_some() || upstream.features.iter().any(&streams);
            let label = upstream.route.as_ref().and_then(phoenix_domain::Route::label);
            if let Some((server, port)) = &upstream.model {
                let label = label.clone().unwrap_or_default();
                let offer = Offer { upstream, label, port: *port, scheme: Scheme::Http, streams };
                offers.models.push((server.kind(), offer));
            }
            let Some(route) = &upstream.route else { continue };
            if let Some(fault) = route.fault() {
                offers.left_out.push((upstream, fault));
                continue;
            }
            let (Some(label), Some(scheme)) = (label, route.scheme()) else { continue };
            if !labels.insert(label.clone()) {
                offers.left_out.push((upstream, "another guest has its name"));
                continue;
            }
            if route.own_port().is_some_and(|port| !taken.insert(port)) {
                offers.left_out.push((upstream, "another guest has its port"));
                continue;
            }
            let offer = Offer { upstream, label, port: route.port, scheme, streams };
            match scheme {
                Scheme::Http | Scheme::Https => offers.sites.push(offer),
                Scheme::Tcp => offers.ports.push(offer),
            }
        }
        offers
    }

    /// Returns the servers of models of a kind.
    pub(super) fn models(&self, kind: ModelKind) -> Vec<&Offer<'u>> {
        let of_kind = self.models.iter().filter(|(of, _)| *of == kind);
        of_kind.map(|(_, offer)| offer).collect()
    }
}

impl Offer<'_> {
    /// Returns the address with its port, if anybody knows it.
    pub(super) fn at(&self) -> Option<SocketAddr> {
        self.upstream.address.map(|address| SocketAddr::new(address, self.port))
    }

    /// Returns the guest as people call it.
    pub(super) fn called(&self) -> String {
        called(self.upstream)
    }
}

/// Returns a guest as people call it.
pub(super) fn called(upstream: &Upstream) -> String {
    format!("{} {}", upstream.vmid, upstream.name)
}

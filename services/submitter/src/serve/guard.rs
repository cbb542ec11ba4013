//! What holds for every request and every answer, whatever they are about.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, HOST, HeaderValue, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS,
};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

use super::Window;

/// What the page may do in a browser: nothing but to load its own parts.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
                      img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The names by which we may be called. A page of somebody else can have its own name lead here, and
/// would then read what only people at this machine are shown.
#[derive(Clone, Debug)]
pub(super) struct Names {
    is_local: bool,
    names: Vec<String>,
}

impl Names {
    /// Takes the address that is listened to, and the names that somebody gave.
    pub(super) fn of(at: SocketAddr, names: &[String]) -> Self {
        Self { is_local: at.ip().is_loopback(), names: names.to_vec() }
    }

    /// Says whether a page with this address sent a request that names us like that. It is the address
    /// that was named, with its port; only a proxy is called otherwise than it calls us.
    pub(super) fn is_our_page(&self, origin: &str, host: &str) -> bool {
        let Some((_, at)) = origin.split_once("://").filter(|_| self.know(host)) else {
            return false;
        };
        let is_proxy = || {
            let named = name(at);
            name(host) != named && self.names.iter().any(|known| known.eq_ignore_ascii_case(named))
        };
        at.eq_ignore_ascii_case(host) || is_proxy()
    }

    /// Says whether a request that names us like this is meant for us.
    fn know(&self, host: &str) -> bool {
        let name = name(host);
        let is_number = name.parse::<IpAddr>().is_ok_and(|at| at.is_loopback() || !self.is_local);
        is_number
            || name == "localhost"
            || self.names.iter().any(|known| known.eq_ignore_ascii_case(name))
            || (!self.is_local && self.names.is_empty())
    }
}

/// Returns the name in an address, without the port.
fn name(host: &str) -> &str {
    match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.rsplit_once(':').map_or(host, |(name, _)| name),
    }
}

pub(super) async fn guard(
    State(window): State<Arc<Window>>,
    request: Request,
    next: Next,
) -> Response {
    let host = request.headers().get(HOST).and_then(|host| host.to_str().ok());
    let mut answer = if host.is_some_and(|host| window.names.know(host)) {
        next.run(request).await
    } else {
        let why = "nobody is here by this name; `phoenix serve --name NAME` takes another one\n";
        (StatusCode::MISDIRECTED_REQUEST, why).into_response()
    };
    let headers = answer.headers_mut();
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_listens_to_this_machine_alone_is_called_by_no_name_and_no_page_of_others() {
        let local = Names::of("127.0.0.1:8480".parse().unwrap(), &["phoenix.lan".to_owned()]);
        for host in
            ["127.0.0.1:8480", "localhost:8480", "[::1]:8480", "phoenix.lan", "Phoenix.lan:80"]
        {
            assert!(local.know(host), "{host}");
        }
        for host in
            ["evil.example", "evil.example:8480", "10.0.0.5:8480", "", "localhost.evil.example"]
        {
            assert!(!local.know(host), "{host}");
        }
        let is_ours = |origin: &str, host: &str| local.is_our_page(origin, host);
        assert!(is_ours("http://127.0.0.1:8480", "127.0.0.1:8480"));
        assert!(is_ours("https://phoenix.lan", "phoenix.lan"));
        assert!(is_ours("https://phoenix.lan", "127.0.0.1:8480"), "a proxy calls us otherwise");
        for (origin, host) in [
            ("", "127.0.0.1:8480"),
            ("null", "127.0.0.1:8480"),
            ("http://evil.example", "127.0.0.1:8480"),
            ("http://127.0.0.1:3000", "127.0.0.1:8480"),
            ("http://localhost:8480", "127.0.0.1:8480"),
            ("https://phoenix.lan:3000", "phoenix.lan"),
            ("http://evil.example", "evil.example"),
        ] {
            assert!(!is_ours(origin, host), "{origin} {host}");
        }
        let open = Names::of("0.0.0.0:80".parse().unwrap(), &[]);
        assert!(open.know("pve1.lan") && open.know("10.0.0.5:80"));
    }
}

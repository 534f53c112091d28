//! The network: HTTP/1.1 on one thread.

use std::convert::Infallible;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{HeaderName, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};

use super::site::{Answer, Asked, Site};
use crate::Result;
use crate::error::Context;

/// How long a reader may take to say what it wants.
const PATIENCE: Duration = Duration::from_secs(10);
/// Connections at once: a handful of readers with a handful each.
const MOST_CONNECTIONS: usize = 64;
/// After the system refused a connection, say for want of file descriptors.
const BREATH: Duration = Duration::from_millis(100);

/// Answer whoever connects, until the process ends.
///
/// # Errors
/// The system refuses to wait for connections.
pub fn listen(listener: TcpListener, site: &Arc<Site>) -> Result<Infallible> {
    let failed = || "cannot wait for connections".to_owned();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context(failed)?;
    runtime.block_on(async {
        listener.set_nonblocking(true).context(failed)?;
        let listener = tokio::net::TcpListener::from_std(listener).context(failed)?;
        let connections = Arc::new(());
        loop {
            let Ok((stream, _)) = listener.accept().await else {
                tokio::time::sleep(BREATH).await;
                continue;
            };
            if Arc::strong_count(&connections) > MOST_CONNECTIONS {
                continue;
            }
            let (site, open) = (Arc::clone(site), Arc::clone(&connections));
            tokio::spawn(async move {
                let service = service_fn(|request| {
                    let response = respond(&site, &request);
                    async move { Ok::<_, Infallible>(response) }
                });
                let mut http = http1::Builder::new();
                http.timer(TokioTimer::new()).header_read_timeout(PATIENCE);
                // A reader that breaks off or talks nonsense has lost its connection, and that is all.
                drop(http.serve_connection(TokioIo::new(stream), service).await);
                drop(open);
            });
        }
    })
}

fn respond(site: &Site, request: &Request<Incoming>) -> Response<Full<Bytes>> {
    let header = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let asked = Asked {
        method: request.method().as_str(),
        path: request.uri().path(),
        query: request.uri().query().unwrap_or_default(),
        host: header("host"),
        cookie: header("cookie"),
        authorization: header("authorization"),
        if_none_match: header("if-none-match"),
    };
    let Answer { status, headers, body } = site.answer(&asked);
    let mut response = Response::new(Full::new(Bytes::copy_from_slice(body.as_bytes())));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    for (name, value) in headers {
        if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_str(&value)) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}

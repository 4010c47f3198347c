//! Serves `/metrics`, `/healthz` and `/readyz` to every client that can reach the address. The
//! pages contain no secrets and change nothing.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};

/// The highest number of connections at once: a scraper, a health check, and a person. More have to
/// wait.
const CONNECTIONS: usize = 16;
/// The longest duration of a connection. A scraper that keeps connections open connects again.
const CONNECTION_TIMEOUT: Duration = Duration::from_secs(60);
/// The time limit for a request's head.
const HEAD_TIMEOUT: Duration = Duration::from_secs(5);
/// The wait after a connection that could not be accepted, for instance because there are no file
/// descriptors left.
const ACCEPT_RETRY_DELAY: Duration = Duration::from_millis(100);

/// The content of the pages.
#[derive(Clone)]
pub struct Pages {
    /// Returns why the daemon is not ready; `None` if it is ready.
    pub not_ready_reason: Arc<dyn Fn() -> Option<&'static str> + Send + Sync>,
    /// Returns further lines for `/readyz`.
    pub details: Arc<dyn Fn() -> Vec<String> + Send + Sync>,
    /// The metrics, if they are served in Prometheus's format.
    pub prometheus: Option<PrometheusHandle>,
}

/// Serves the pages until the future is dropped.
///
/// If cancelled, no new connection is accepted, and open ones end with the runtime.
pub async fn serve(listener: TcpListener, pages: Pages) -> Infallible {
    let permits = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let permit = Arc::clone(&permits).acquire_owned().await;
        match listener.accept().await {
            Ok((stream, _)) => {
                let pages = pages.clone();
                tokio::spawn(async move {
                    connection(stream, pages).await;
                    drop(permit);
                });
            }
            Err(error) => {
                tracing::debug!(%error, "A connection to the metrics could not be accepted");
                sleep(ACCEPT_RETRY_DELAY).await;
            }
        }
    }
}

async fn connection(stream: TcpStream, pages: Pages) {
    let answer = service_fn(move |request: Request<Incoming>| {
        let answer = pages.answer(request.method(), request.uri().path());
        std::future::ready(Ok::<_, Infallible>(answer))
    });
    let serving = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .serve_connection(TokioIo::new(stream), answer);
    // The client notices by itself that the connection ended.
    let _ = timeout(CONNECTION_TIMEOUT, serving).await;
}

impl Pages {
    fn answer(&self, method: &Method, path: &str) -> Response<Full<Bytes>> {
        if !matches!(*method, Method::GET | Method::HEAD) {
            return text(StatusCode::METHOD_NOT_ALLOWED, "only GET\n".to_owned());
        }
        match (path, &self.prometheus) {
            ("/metrics", Some(handle)) => metrics(handle.render()),
            ("/metrics", None) => text(
                StatusCode::NOT_FOUND,
                "metrics are not served here: use --metrics prometheus\n".to_owned(),
            ),
            ("/healthz", _) => text(StatusCode::OK, "ok\n".to_owned()),
            ("/readyz", _) => match (self.not_ready_reason)() {
                None => text(StatusCode::OK, self.with_details("ok")),
                Some(why) => text(StatusCode::SERVICE_UNAVAILABLE, self.with_details(why)),
            },
            _ => text(
                StatusCode::NOT_FOUND,
                "/metrics, /healthz, /readyz\n".to_owned(),
            ),
        }
    }

    fn with_details(&self, answer: &str) -> String {
        let mut lines = (self.details)();
        lines.insert(0, answer.to_owned());
        lines.join("\n") + "\n"
    }
}

fn text(status: StatusCode, body: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(
        CONTENT_TYPE,
        HeaderValue::from_static("text/plain; charset=utf-8"),
    );
    response
}

/// Returns metrics in Prometheus's text format (Prometheus, "Exposition formats").
fn metrics(body: String) -> Response<Full<Bytes>> {
    let mut response = text(StatusCode::OK, body);
    response.headers_mut().insert(
        CONTENT_TYPE,
        HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8"),
    );
    response
}

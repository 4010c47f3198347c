//! A server that gives canned answers and remembers the requests.

use std::collections::{HashMap, VecDeque};
use std::convert::Infallible;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{HeaderMap, Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::time::Instant;

/// A request that arrived.
#[derive(Clone)]
pub(crate) struct Received {
    /// The method and the path with its query: `POST /app`.
    pub(crate) line: String,
    pub(crate) headers: HeaderMap,
    pub(crate) json: Value,
    pub(crate) at: Instant,
}

impl Received {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }

    /// Returns the token of `Authorization: Bearer`.
    pub(crate) fn token(&self) -> &str {
        self.header("authorization")
            .strip_prefix("Bearer ")
            .unwrap()
    }
}

/// A canned answer.
#[derive(Clone)]
pub(crate) struct Reply {
    status: u16,
    headers: Vec<(&'static str, String)>,
    text: String,
    delay: Duration,
}

/// Returns an answer with this status and JSON.
pub(crate) fn reply(status: u16, json: &Value) -> Reply {
    Reply {
        status,
        headers: Vec::new(),
        text: json.to_string(),
        delay: Duration::ZERO,
    }
}

impl Reply {
    pub(crate) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// The same answer with another text.
    pub(crate) fn text(mut self, text: impl Into<String>) -> Self {
        self.text = text.into();
        self
    }

    /// The same answer after this time.
    pub(crate) fn after(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }
}

#[derive(Default)]
struct State {
    /// The answers by method and path without query. The last one is repeated.
    replies: Mutex<HashMap<String, VecDeque<Reply>>>,
    received: Mutex<Vec<Received>>,
    in_work: AtomicUsize,
    most_in_work: AtomicUsize,
}

/// The server. It ends with the test's runtime.
#[derive(Clone)]
pub(crate) struct Server {
    /// `http://127.0.0.1:PORT`.
    pub(crate) url: String,
    state: Arc<State>,
}

impl Server {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let state = Arc::new(State::default());
        let accepted = Arc::clone(&state);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let state = Arc::clone(&accepted);
                tokio::spawn(async move {
                    let service = service_fn(move |request| answer(Arc::clone(&state), request));
                    let connection = http1::Builder::new()
                        .auto_date_header(false)
                        .serve_connection(TokioIo::new(stream), service);
                    // The client may close the connection at any time.
                    let _ = connection.await;
                });
            }
        });
        Self { url, state }
    }

    /// Returns a server that refuses connections.
    pub(crate) async fn that_ended() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        Self {
            url: format!("http://{}", listener.local_addr().unwrap()),
            state: Arc::default(),
        }
    }

    /// Adds the next answer to `METHOD /path`.
    pub(crate) fn on(&self, route: &str, reply: Reply) -> &Self {
        let mut replies = self.state.replies.lock().unwrap();
        replies
            .entry(route.to_owned())
            .or_default()
            .push_back(reply);
        self
    }

    /// Returns the requests so far.
    pub(crate) fn received(&self) -> Vec<Received> {
        self.state.received.lock().unwrap().clone()
    }

    /// Returns the method and path of each request so far.
    pub(crate) fn lines(&self) -> Vec<String> {
        let received = self.received().into_iter();
        received.map(|request| request.line).collect()
    }

    /// Returns the last request with this method and path.
    pub(crate) fn last(&self, line: &str) -> Received {
        let received = self.received().into_iter();
        let mut same = received.filter(|request| request.line.starts_with(line));
        same.next_back().unwrap()
    }

    /// Returns the most requests that were in work at the same time.
    pub(crate) fn most_in_work(&self) -> usize {
        self.state.most_in_work.load(Ordering::SeqCst)
    }
}

async fn answer(
    state: Arc<State>,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let in_work = state.in_work.fetch_add(1, Ordering::SeqCst) + 1;
    state.most_in_work.fetch_max(in_work, Ordering::SeqCst);
    let (head, body) = request.into_parts();
    let content = body.collect().await.unwrap().to_bytes();
    let route = format!("{} {}", head.method, head.uri.path());
    state.received.lock().unwrap().push(Received {
        line: format!("{} {}", head.method, head.uri),
        headers: head.headers,
        json: serde_json::from_slice(&content).unwrap_or_default(),
        at: Instant::now(),
    });
    let reply = {
        let mut replies = state.replies.lock().unwrap();
        let queue = replies.get_mut(&route);
        queue.and_then(|queue| match queue.len() {
            0 | 1 => queue.front().cloned(),
            _ => queue.pop_front(),
        })
    };
    let reply = reply.unwrap_or_else(|| panic!("no answer to {route}"));
    tokio::time::sleep(reply.delay).await;
    let mut response = Response::builder().status(reply.status);
    for (name, value) in &reply.headers {
        response = response.header(*name, value);
    }
    state.in_work.fetch_sub(1, Ordering::SeqCst);
    Ok(response.body(Full::from(reply.text)).unwrap())
}

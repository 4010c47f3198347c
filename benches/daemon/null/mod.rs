//! A null AWS: the calls of SQS, DynamoDB and CodePipeline that the daemon makes, with nothing
//! behind them but a queue in memory, and rows in memory for pushes. Every call is answered after
//! the same configurable latency, and a message is received that long after it was sent at the
//! earliest, so that a poll that waited for it is no faster than any other call. What else is in
//! the account, and how many calls CodePipeline takes, is configurable too (`account.rs`).
//!
//! It uses one thread: the measured process has the other processors for itself. Requests without
//! the header of an operation are its own (`control.rs`).

mod account;
mod answers;
mod chunks;
mod control;
mod events;
mod github;
mod queue;
mod rows;
mod tally;
mod throttle;
mod webhooks;

use std::convert::Infallible;
use std::io::Write;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use http_body_util::BodyExt;
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

use account::Account;
use chunks::Chunks;
use queue::Queue;
use rows::Rows;
use tally::Tally;
use webhooks::Event;

use super::Trouble;

/// The header that names the operation (awsJson protocols 1.0 and 1.1).
const TARGET: &str = "x-amz-target";
/// The service that throttles, in that header.
const CODEPIPELINE: &str = "CodePipeline_20150709";
/// The answer to a call above the account's rate.
const THROTTLED: &str = r#"{"__type":"ThrottlingException","message":"Rate exceeded"}"#;

/// What is left out of each delay. tokio's timers have a resolution of a millisecond and are never
/// early, so that they are late by half of it on average.
const TIMER_LATENESS: Duration = Duration::from_micros(500);

/// State that all connections share.
struct Null {
    state: Mutex<State>,
    /// Notified when a message can be received.
    arrived: Notify,
}

/// State that changes from call to call.
struct State {
    /// The configured latency without [`TIMER_LATENESS`].
    latency: Duration,
    /// What happens to pull requests in this measurement.
    event: Event,
    queue: Queue,
    rows: Rows,
    account: Account,
    tally: Tally,
}

impl Null {
    /// Nothing panics under this lock.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Serves on a free port of the loopback, which it prints, until the process is ended.
pub(super) fn serve() -> Result<(), Trouble> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        writeln!(std::io::stdout(), "http://{}", listener.local_addr()?)?;
        let null = Arc::new(Null {
            state: Mutex::new(State {
                latency: Duration::ZERO,
                event: Event::default(),
                queue: Queue::default(),
                rows: Rows::default(),
                account: Account::default(),
                tally: Tally::default(),
            }),
            arrived: Notify::new(),
        });
        loop {
            let (stream, _) = listener.accept().await?;
            tokio::spawn(connection(stream, Arc::clone(&null)));
        }
    })
}

/// A client that goes away during a call is not an error.
async fn connection(stream: TcpStream, null: Arc<Null>) {
    let _ = stream.set_nodelay(true);
    let service = service_fn(|request| {
        let null = Arc::clone(&null);
        async move { Ok::<_, Infallible>(answer(request, &null).await) }
    });
    let _ = http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

async fn answer(request: Request<Incoming>, null: &Arc<Null>) -> Response<Chunks> {
    let (head, body) = request.into_parts();
    let Ok(body) = body.collect().await else {
        return response(StatusCode::BAD_REQUEST, Chunks::default());
    };
    let body = body.to_bytes();
    let answered = match head.headers.get(TARGET).map(|target| target.to_str()) {
        None if github::is_call(head.uri.path()) => github::answer(&head, &body, null).await,
        None => control::answer(head.uri.path(), &body, null),
        Some(Ok(target)) if is_throttled(target, null) => {
            return response(StatusCode::BAD_REQUEST, Chunks::from(THROTTLED));
        }
        Some(Ok(target)) => call(target, body, null).await,
        Some(Err(error)) => Err(error.into()),
    };
    match answered {
        Ok(chunks) => response(StatusCode::OK, chunks),
        Err(trouble) => {
            let _ = writeln!(std::io::stderr(), "{:?}: {trouble}", head.headers);
            null.lock().tally.refused += 1;
            response(StatusCode::BAD_REQUEST, Chunks::from(trouble.to_string()))
        }
    }
}

/// Counts a call to CodePipeline. Returns true if it is above the account's rate.
fn is_throttled(target: &str, null: &Null) -> bool {
    if !target.starts_with(CODEPIPELINE) {
        return false;
    }
    let mut state = null.lock();
    let throttle = state.account.throttle.as_mut();
    let is_throttled = throttle.is_some_and(|throttle| !throttle.admits());
    state.tally.codepipeline(is_throttled);
    is_throttled
}

async fn call(target: &str, body: Bytes, null: &Arc<Null>) -> Result<Chunks, Trouble> {
    let (_, operation) = target.split_once('.').unwrap_or_default();
    let (latency, event) = {
        let mut state = null.lock();
        if matches!(operation, "CreatePipeline" | "StartPipelineExecution") {
            let number = rows::pipeline_number(&body);
            if let Some(sent) = number.and_then(|number| state.queue.arrived(number)) {
                state.tally.reached(sent);
            }
        }
        (state.latency, state.event)
    };
    let begun = Instant::now();
    if !latency.is_zero() {
        tokio::time::sleep(latency).await;
    }
    let held = begun.elapsed();
    null.lock().tally.call(operation, &body, held, event);
    answers::answer(operation, body, null).await
}

fn response(status: StatusCode, chunks: Chunks) -> Response<Chunks> {
    let mut response = Response::new(chunks);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    let json = hyper::header::HeaderValue::from_static("application/x-amz-json-1.0");
    headers.insert(hyper::header::CONTENT_TYPE, json);
    response
}

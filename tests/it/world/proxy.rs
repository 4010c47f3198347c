//! A proxy on the loopback between a daemon and the emulator that does what networks and services
//! do: delays, resets, errors, throttling, and truncated responses, before or after a request took
//! effect. It counts what passes.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use super::lock;

/// The headers of one message are far shorter than this.
const HEAD: usize = 64 * 1_024;

/// A random fault of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fault {
    Late,
    ResetBefore,
    ResetAfter,
    ErrorBefore,
    ErrorAfter,
    Throttled,
    Truncated,
}

pub(crate) const FAULTS: [Fault; 7] = [
    Fault::Late,
    Fault::ResetBefore,
    Fault::ResetAfter,
    Fault::ErrorBefore,
    Fault::ErrorAfter,
    Fault::Throttled,
    Fault::Truncated,
];

/// What a test orders for requests of one kind.
#[derive(Clone, Copy)]
enum Order {
    /// Never answer.
    Hold,
    /// Answer with AccessDenied.
    Deny,
    /// Shorten a long visibility timeout.
    Hurry,
}

/// The calls of one operation that were answered by the emulator.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Answered {
    pub(crate) calls: usize,
    /// The bytes of the answers, without their heads.
    pub(crate) bytes: usize,
}

/// A running proxy. It ends when it is dropped.
pub(crate) struct Proxy {
    pub(crate) endpoint: String,
    pub(crate) shared: Arc<Shared>,
    task: JoinHandle<()>,
}

/// The state that all connections of a proxy share.
pub(crate) struct Shared {
    upstream: SocketAddr,
    /// Requests that meet a random fault, in thousandths.
    pub(crate) rate: AtomicU32,
    rng: Mutex<fastrand::Rng>,
    /// How often each random fault was injected.
    pub(crate) done: Mutex<BTreeMap<Fault, usize>>,
    /// The orders: a text in the head of a request, how many requests with it pass first, and the
    /// order.
    orders: Mutex<Vec<(&'static str, usize, Order)>>,
    /// Notified when a request is held.
    holds: Notify,
    /// What the emulator answered, by operation.
    answered: Mutex<BTreeMap<String, Answered>>,
}

impl Proxy {
    /// Starts a proxy in front of `upstream`, without faults.
    pub(crate) async fn start(upstream: SocketAddr, seed: u64) -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let endpoint = format!("http://{}", listener.local_addr()?);
        let shared = Arc::new(Shared {
            upstream,
            rate: AtomicU32::new(0),
            rng: Mutex::new(fastrand::Rng::with_seed(seed)),
            done: Mutex::default(),
            orders: Mutex::default(),
            holds: Notify::new(),
            answered: Mutex::default(),
        });
        let task = tokio::spawn(accept(listener, Arc::clone(&shared)));
        Ok(Self {
            endpoint,
            shared,
            task,
        })
    }

    /// Returns what the emulator answered since the last time, by operation.
    pub(crate) fn take_answered(&self) -> BTreeMap<String, Answered> {
        std::mem::take(&mut lock(&self.shared.answered))
    }

    /// Never answers requests whose head contains this text, in lower case, from now on.
    pub(crate) fn hold(&self, service: &'static str) {
        self.hold_after(service, 0);
    }

    /// Does the same after this many of them.
    pub(crate) fn hold_after(&self, service: &'static str, passes: usize) {
        lock(&self.shared.orders).push((service, passes, Order::Hold));
    }

    /// Denies requests whose head contains this text, in lower case, from now on.
    pub(crate) fn deny(&self, service: &'static str) {
        self.deny_after(service, 0);
    }

    /// Does the same after this many of them.
    pub(crate) fn deny_after(&self, service: &'static str, passes: usize) {
        lock(&self.shared.orders).push((service, passes, Order::Deny));
    }

    /// Shortens visibility timeouts of two minutes to two seconds, from now on.
    pub(crate) fn hurry(&self) {
        lock(&self.shared.orders).push(("amazonsqs.receivemessage", 0, Order::Hurry));
    }

    /// Returns once a request is held.
    pub(crate) async fn holds(&self) {
        self.shared.holds.notified().await;
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    while let Ok((client, _)) = listener.accept().await {
        let shared = Arc::clone(&shared);
        // Broken connections are the purpose of this proxy.
        tokio::spawn(async move {
            let _ = serve(client, &shared).await;
        });
    }
}

/// Serves the requests of one connection until one side or a fault ends it.
async fn serve(mut client: TcpStream, shared: &Shared) -> io::Result<()> {
    client.set_nodelay(true)?;
    let mut rest = Vec::new();
    while let Some(request) = read(&mut client, &mut rest).await? {
        let request = match shared.ordered(&request) {
            None => request,
            Some(Order::Hurry) => hurried(request),
            Some(Order::Deny) => {
                let denied = error(400, "AccessDeniedException");
                client.write_all(&denied).await?;
                continue;
            }
            Some(Order::Hold) => {
                shared.holds.notify_one();
                return std::future::pending().await;
            }
        };
        let fault = shared.fault();
        if let Some(fault) = fault {
            *lock(&shared.done).entry(fault).or_default() += 1;
        }
        if fault == Some(Fault::Late) {
            let wait = lock(&shared.rng).u64(50..1_500);
            tokio::time::sleep(Duration::from_millis(wait)).await;
        }
        match fault {
            Some(Fault::ResetBefore) => return reset(client),
            Some(Fault::ErrorBefore) => client.write_all(&error(500, "InternalFailure")).await?,
            Some(Fault::Throttled) => client.write_all(&error(400, "ThrottlingException")).await?,
            Some(Fault::Late | Fault::ResetAfter | Fault::ErrorAfter | Fault::Truncated) | None => {
                let answer = tokio::select! {
                    biased;
                    answer = forward(shared.upstream, &request) => answer?,
                    // The emulator would give the next message to it.
                    () = gone(&client), if contains(&request, "amazonsqs.receivemessage") => {
                        return Ok(());
                    }
                };
                shared.count(&request, &answer);
                match fault {
                    Some(Fault::ResetAfter) => return reset(client),
                    Some(Fault::ErrorAfter) => {
                        client.write_all(&error(503, "ServiceUnavailable")).await?
                    }
                    Some(Fault::Truncated) => {
                        let half = answer.len() - answer.len() / 4;
                        client
                            .write_all(answer.get(..half).unwrap_or_default())
                            .await?;
                        return client.shutdown().await;
                    }
                    Some(
                        Fault::Late | Fault::ResetBefore | Fault::ErrorBefore | Fault::Throttled,
                    )
                    | None => {
                        client.write_all(&answer).await?;
                    }
                }
                if contains(&answer, "connection: close") {
                    return client.shutdown().await;
                }
            }
        }
    }
    Ok(())
}

/// Keeps the length of the request, so that its headers stay valid.
fn hurried(request: Vec<u8>) -> Vec<u8> {
    let text = String::from_utf8(request).expect("a request of JSON");
    let long = "\"VisibilityTimeout\":120";
    text.replace(long, "\"VisibilityTimeout\":  2").into_bytes()
}

impl Shared {
    fn count(&self, request: &[u8], answer: &[u8]) {
        let head = head(request);
        let target = head
            .lines()
            .find_map(|line| line.strip_prefix("x-amz-target:"));
        let operation = target.and_then(|target| target.split_once('.'));
        let Some((_, operation)) = operation else {
            return;
        };
        let mut answered = lock(&self.answered);
        let answered = answered.entry(operation.trim().to_owned()).or_default();
        answered.calls += 1;
        answered.bytes += length(answer);
    }

    fn ordered(&self, request: &[u8]) -> Option<Order> {
        let mut orders = lock(&self.orders);
        let matches =
            |(service, ..): &&mut (&'static str, usize, Order)| contains(request, service);
        let (_, passes, order) = orders.iter_mut().find(matches)?;
        if *passes > 0 {
            *passes -= 1;
            return None;
        }
        Some(*order)
    }

    fn fault(&self) -> Option<Fault> {
        let rate = self.rate.load(Ordering::Relaxed);
        let mut rng = lock(&self.rng);
        let meets = rng.u32(0..1_000) < rate;
        meets.then(|| rng.choice(FAULTS)).flatten()
    }
}

/// Ends a connection without a response, as a machine that went away.
fn reset(client: TcpStream) -> io::Result<()> {
    client.set_zero_linger()
}

/// The emulator undoes a refused transaction by restoring the whole table, and with it overwrites
/// what others wrote in the meantime (moto 5.2.5, `transact_write_items`). DynamoDB's transactions
/// are serializable, so they pass one after the other.
static TRANSACTION: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

/// Waits until a client that awaits an answer has closed its connection.
async fn gone(client: &TcpStream) {
    if matches!(client.peek(&mut [0]).await, Ok(1..)) {
        std::future::pending().await
    }
}

/// Forwards a request over a connection of its own, and reads the whole response.
async fn forward(upstream: SocketAddr, request: &[u8]) -> io::Result<Vec<u8>> {
    let _alone = match contains(request, "transactwriteitems") {
        true => Some(TRANSACTION.lock().await),
        false => None,
    };
    let mut server = TcpStream::connect(upstream).await?;
    server.write_all(request).await?;
    let answer = read(&mut server, &mut Vec::new()).await?;
    answer.ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
}

/// Reads one HTTP/1.1 message with its body, whose length must be in its head. Returns `None` at
/// the end of the connection. `rest` holds what was read beyond the message.
async fn read(stream: &mut TcpStream, rest: &mut Vec<u8>) -> io::Result<Option<Vec<u8>>> {
    let mut message = std::mem::take(rest);
    let mut buffer = vec![0; 16 * 1_024];
    let end = loop {
        if let Some(head) = message.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
            let end = head + 4 + length(message.get(..head).unwrap_or_default());
            if message.len() >= end {
                break end;
            }
        } else if message.len() > HEAD {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let read = stream.read(&mut buffer).await?;
        if read == 0 {
            return Ok(None);
        }
        message.extend_from_slice(buffer.get(..read).unwrap_or_default());
    };
    *rest = message.split_off(end);
    Ok(Some(message))
}

/// Returns the value of `Content-Length`.
fn length(head: &[u8]) -> usize {
    let head = String::from_utf8_lossy(head).to_ascii_lowercase();
    let line = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length:"));
    line.and_then(|value| value.trim().parse().ok())
        .unwrap_or(0)
}

fn contains(message: &[u8], header: &str) -> bool {
    head(message).contains(header)
}

/// Returns the head of a message in lower case.
fn head(message: &[u8]) -> String {
    let head = message.windows(4).position(|bytes| bytes == b"\r\n\r\n");
    let head = message.get(..head.unwrap_or(0)).unwrap_or_default();
    String::from_utf8_lossy(head).to_ascii_lowercase()
}

/// Returns an error in the services' format.
fn error(status: u16, code: &str) -> Vec<u8> {
    let body = format!(r#"{{"__type":"{code}","message":"as the test ordered"}}"#);
    let length = body.len();
    format!(
        "HTTP/1.1 {status} Fault\r\ncontent-type: application/x-amz-json-1.1\r\nx-amzn-errortype: {code}\r\ncontent-length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}

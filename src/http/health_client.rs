//! Asks a running daemon how it is, for containers that have no `curl`.

use std::net::SocketAddr;
use std::time::Duration;

use http_body_util::{BodyExt, Empty, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::header::HOST;
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::timeout;

/// A daemon that takes longer is not well. Docker waits 30 s by default.
const PATIENCE: Duration = Duration::from_secs(3);
/// More than it has to say, in bytes.
const LONGEST: usize = 4_096;

/// What `path` says: `Ok` with 200, `Err` otherwise, each with what it said or why it said nothing.
///
/// Cancelled: the connection ends.
///
/// # Errors
/// One line.
pub async fn ask(address: SocketAddr, path: &str) -> Result<String, String> {
    let asked = timeout(PATIENCE, get(address, path)).await;
    let answer = asked.map_err(|_| format!("no answer within {} s", PATIENCE.as_secs()));
    let (status, said) = answer
        .and_then(|answer| answer.map_err(|error| error.to_string()))
        .map_err(|why| format!("http://{address}{path}: {why}"))?;
    let said = said.trim().to_owned();
    if status == StatusCode::OK {
        Ok(said)
    } else {
        Err(format!("http://{address}{path}: {said}"))
    }
}

type Failed = Box<dyn std::error::Error + Send + Sync>;

async fn get(address: SocketAddr, path: &str) -> Result<(StatusCode, String), Failed> {
    let stream = TokioIo::new(TcpStream::connect(address).await?);
    let (mut sender, connection) = http1::handshake(stream).await?;
    let request = Request::get(path)
        .header(HOST, address.to_string())
        .body(Empty::<Bytes>::new())?;
    let exchange = async {
        let response = sender.send_request(request).await?;
        let status = response.status();
        let body = Limited::new(response.into_body(), LONGEST)
            .collect()
            .await?;
        let said = String::from_utf8_lossy(&body.to_bytes()).into_owned();
        Ok((status, said))
    };
    tokio::pin!(exchange);
    tokio::select! {
        answer = &mut exchange => answer,
        ended = connection => {
            ended?;
            exchange.await
        }
    }
}

//! Queries the health endpoint of a running daemon, for containers without `curl`.

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

/// The time limit of a request. A daemon that takes longer is not healthy. Docker waits 30 s by
/// default.
const TIMEOUT: Duration = Duration::from_secs(3);
/// The longest answer that is read, in bytes.
const MAX_ANSWER: usize = 4_096;

/// Requests `path`. Returns the body of an answer with status 200; any other answer is an error.
///
/// If cancelled, the connection is closed.
///
/// # Errors
/// One line with the answer, or with the reason why there is none.
pub async fn ask(address: SocketAddr, path: &str) -> Result<String, String> {
    let answer = match timeout(TIMEOUT, get(address, path)).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err(format!("no answer within {} s", TIMEOUT.as_secs())),
    };
    let (status, body) = answer.map_err(|why| format!("http://{address}{path}: {why}"))?;
    let body = body.trim();
    if status == StatusCode::OK {
        Ok(body.to_owned())
    } else {
        Err(format!("http://{address}{path}: {body}"))
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
        let body = Limited::new(response.into_body(), MAX_ANSWER)
            .collect()
            .await?;
        let body = String::from_utf8_lossy(&body.to_bytes()).into_owned();
        Ok((status, body))
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

//! A null GitHub: it accepts commit statuses, after the latency of every call. Its lists are empty.

use std::sync::Arc;

use hyper::Method;
use hyper::http::request::Parts;

use super::Null;
use super::chunks::Chunks;
use super::rows::pipeline_number;
use crate::Trouble;

/// The path of the API, to which `api_url` is set.
const API: &str = "/github/";

/// Returns true if this is a path of the API.
pub(super) fn is_call(path: &str) -> bool {
    path.starts_with(API)
}

/// Responds to a call.
pub(super) async fn answer(head: &Parts, body: &[u8], null: &Arc<Null>) -> Result<Chunks, Trouble> {
    let path = head.uri.path();
    if head.method == Method::GET {
        // A job lists repositories and their pull requests: there are none.
        return Ok(Chunks::from("[]"));
    }
    if head.method != Method::POST || !path.contains("/statuses/") {
        return Err(format!("{} {path} is not a call of a benchmark", head.method).into());
    }
    let latency = {
        let mut state = null.lock();
        state.tally.github += 1;
        // The link of a status contains the name of the pipeline.
        let number = pipeline_number(body).filter(|_| state.event.is_internal());
        if let Some(sent) = number.and_then(|number| state.queue.arrived(number)) {
            state.tally.reached(sent);
        }
        state.latency
    };
    tokio::time::sleep(latency).await;
    Ok(Chunks::from("{}"))
}

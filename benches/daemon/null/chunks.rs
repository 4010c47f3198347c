//! A response made of shared pieces, so that a megabyte is not copied for each message that
//! contains it.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use hyper::body::{Body, Bytes, Frame, SizeHint};

/// The pieces, in order.
#[derive(Default)]
pub(super) struct Chunks(VecDeque<Bytes>);

impl Chunks {
    /// Appends a piece.
    pub(super) fn push(&mut self, piece: impl Into<Bytes>) {
        self.0.push_back(piece.into());
    }
}

impl<T: Into<Bytes>> From<T> for Chunks {
    fn from(whole: T) -> Self {
        Self(VecDeque::from([whole.into()]))
    }
}

impl Body for Chunks {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.0.pop_front().map(|piece| Ok(Frame::data(piece))))
    }

    fn size_hint(&self) -> SizeHint {
        let bytes: usize = self.0.iter().map(Bytes::len).sum();
        SizeHint::with_exact(u64::try_from(bytes).unwrap_or(u64::MAX))
    }
}

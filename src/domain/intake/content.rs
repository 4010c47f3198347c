//! The content of a message: what changed at GitHub, or in a pipeline.

use crate::domain::fault::Fault;
use crate::domain::intake::authenticated::{AuthenticatedMessage, PIPELINE_EVENT};
use crate::domain::intake::decision::Decision;
use crate::domain::intake::envelope::Source;
use crate::domain::intake::event::Event;
use crate::domain::intake::pipeline_event;
use crate::domain::intake::sighting::{self, SIGHTING};
use crate::domain::report::execution::ExecutionEvent;

/// The content of an authenticated message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// A repository, a pull request or a branch changed, was seen at GitHub, or is to be repaired.
    Event(Box<Event>),
    /// An execution changed its state, or one of its stages or actions did.
    Execution(Box<ExecutionEvent>),
}

impl Content {
    /// Reads the content of an authenticated message.
    ///
    /// # Errors
    /// [`Reason::InvalidPayload`](crate::domain::fault::Reason::InvalidPayload) when the body is
    /// not what its sender documents. The detail never quotes the body.
    pub fn read(message: &AuthenticatedMessage) -> Result<Decision<Self>, Fault> {
        let is_internal = message.envelope().source == Source::Internal;
        let event = match message.event().as_str() {
            PIPELINE_EVENT if is_internal => {
                let event = pipeline_event::read(message)?;
                return Ok(event.map(|event| Self::Execution(Box::new(event))));
            }
            SIGHTING if is_internal => Decision::Handle(sighting::read(message)?),
            _ => Event::read(message)?,
        };
        Ok(event.map(|event| Self::Event(Box::new(event))))
    }
}

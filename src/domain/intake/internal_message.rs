//! What branchline's own messages have in common: their id, their attributes, and the repository
//! that they name.

use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::domain::fault::Fault;
use crate::domain::ids::{RepositoryId, RepositoryName};
use crate::domain::intake::authenticated::{INTERNAL_EVENT, INTERNAL_ID};
use crate::domain::intake::envelope::Attribute;
use crate::domain::intake::payload::not_a;
use crate::domain::outcome::outgoing::OutgoingMessage;

/// The repository in the body of a message.
#[derive(Deserialize)]
pub(super) struct RepositoryPayload {
    id: u64,
    full_name: String,
}

impl RepositoryPayload {
    /// Reads the repository's number and its name.
    ///
    /// # Errors
    /// `invalid-payload`, if the name is none.
    pub(super) fn read(self) -> Result<(RepositoryId, RepositoryName), Fault> {
        let name = RepositoryName::parse(self.full_name);
        let name = name.map_err(|why| not_a("repository.full_name", &why))?;
        Ok((RepositoryId(self.id), name))
    }
}

/// Returns the id of a message: equal contents have equal ids, so one that is sent twice counts as
/// one delivery.
pub(super) fn id(prefix: &str, content: &str) -> String {
    let hash = hex::encode(Sha256::digest(content));
    format!("{prefix}-{}", hash.get(..32).unwrap_or_default())
}

/// Creates a message of this kind for the internal queue.
pub(super) fn outgoing(event: &str, id: String, body: String) -> OutgoingMessage {
    let attributes = [(INTERNAL_EVENT, event), (INTERNAL_ID, &id)];
    let attributes = attributes.map(|(name, value)| (name.to_owned(), Attribute::text(value)));
    OutgoingMessage {
        attributes: attributes.into(),
        message_id: id,
        body,
    }
}

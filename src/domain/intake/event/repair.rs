//! A repair, which is no event of GitHub's. The event's name stands outside of what is signed, so the body says it too.

use crate::domain::fault::Fault;
use crate::domain::ids::{PipelineName, RepositoryId, Subject};
use crate::domain::intake::event::words::{Object, RepairWords};
use crate::domain::intake::event::{Change, Decision, Event, event, not_a, wrong};
use crate::domain::intake::repair_request::{FindingKind, Repair};

pub(super) fn read(words: RepairWords) -> Result<Decision<Event>, Fault> {
    if words.branchline != "repair" {
        return Err(wrong("branchline"));
    }
    let Object(repository) = &words.repository;
    let subject = Subject::from_key(RepositoryId(repository.id), &words.subject);
    let flaw = FindingKind::ALL
        .into_iter()
        .find(|flaw| flaw.as_str() == words.flaw);
    let repair = Repair {
        subject: subject.ok_or_else(|| wrong("subject"))?,
        generation: words.generation,
        flaw: flaw.ok_or_else(|| wrong("flaw"))?,
        pipeline: PipelineName::parse(words.pipeline).map_err(|why| not_a("pipeline", &why))?,
    };
    event(words.repository, words.sender, None, Change::Repair(repair))
}

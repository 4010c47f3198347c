//! `merge_group`: a group of the merge queue, which is a branch. GitHub sends `push` and
//! `delete` for it as well, and `merge_group` to Apps only
//! (<https://docs.github.com/webhooks/webhook-events-and-payloads#merge_group>).

use crate::domain::fault::Fault;
use crate::domain::ids::{ActionName, Branch, CommitId};
use crate::domain::intake::decision::{Decision, Ignored};
use crate::domain::intake::event::payloads::GroupPayload;
use crate::domain::intake::event::tip::Tip;
use crate::domain::intake::object::Object;
use crate::domain::intake::payload::{not_a, wrong};

/// Reads the branch of a group, and what became of it.
pub(super) fn read(
    Object(group): Object<GroupPayload>,
    action: String,
) -> Result<Decision<(Branch, Tip)>, Fault> {
    let branch = group.head_ref.strip_prefix("refs/heads/");
    let branch = branch.ok_or_else(|| wrong("merge_group.head_ref"))?;
    let branch = Branch::parse(branch).map_err(|why| not_a("merge_group.head_ref", &why))?;
    let sha = CommitId::parse(group.head_sha);
    let sha = sha.map_err(|why| not_a("merge_group.head_sha", &why))?;
    let tip = match action.as_str() {
        "checks_requested" => Tip::At {
            sha,
            before: None,
            skip: false,
        },
        "destroyed" => Tip::Gone { before: Some(sha) },
        _ => {
            let unknown = ActionName::parse(action).map_err(|_| wrong("action"))?;
            return Ok(Decision::Ignore(Ignored::Action(unknown)));
        }
    };
    Ok(Decision::Handle((branch, tip)))
}

//! The invariants of a world at rest.

use std::collections::BTreeSet;

use branchline::domain::clone::tags::is_ours;
use branchline::domain::ids::{ProjectName, Timestamp};
use branchline::domain::outcome::audit_entry::AuditEntry;
use branchline::domain::outcome::chain_check::ChainCheck;
use branchline::domain::outcome::outgoing::Destination;
use branchline::domain::report::execution::ExecutionState;
use branchline::domain::state::mapping::{Mapping, State};
use branchline::ports::Clock;

use super::account::Pipeline;
use super::executions::Started;
use super::lock;
use super::queue_state::StoredMessage;
use super::stacks::{deployed, environments};
use super::story::{World, display, owner, pipeline_of};

impl World {
    /// Fails the test if anything is left over.
    pub(crate) fn finish(&self) {
        let left = self.leftovers();
        assert!(left.is_empty(), "left over:\n  {}", left.join("\n  "));
    }

    /// Returns what is left over, in sentences.
    pub(crate) fn leftovers(&self) -> Vec<String> {
        let expected = lock(&self.half_way).clone();
        let rows = self.store.rows();
        let (stuck, rows): (Vec<_>, Vec<_>) = rows
            .into_iter()
            .partition(|row| expected.contains(&display(row)));
        let mut left = self.dead_letters_left();
        left.extend(self.account.violations());
        let unmet = expected.len() - stuck.len();
        left.extend((unmet > 0).then(|| format!("{unmet} expected half-way, not there")));
        left.extend(stuck.iter().filter_map(not_stuck));
        left.extend(
            rows.iter()
                .filter_map(|row| unsettled(row, self.clock.now())),
        );
        left.extend(self.pipelines_left(&rows, &stuck));
        left.extend(self.projects_left(&rows, &stuck));
        left.extend(self.stacks_left(&rows, &stuck));
        left.extend(self.names_left(&rows, &stuck));
        left.extend(self.heads_left(&rows));
        left.extend(self.slots_left());
        left.extend(self.trail_left());
        left
    }

    fn dead_letters_left(&self) -> Vec<String> {
        let queues = [
            ("the source queue", self.queue.waiting()),
            (
                "the dead letters",
                self.queue.look(Destination::DeadLetters),
            ),
            ("quarantine", self.queue.look(Destination::Quarantine)),
        ];
        let line = |queue: &str, dead_letter: &StoredMessage| {
            let event = dead_letter.text("X-GitHub-Event").unwrap_or("?");
            let reason = dead_letter.text("branchline-reason").unwrap_or("no reason");
            let id = &dead_letter.message_id;
            format!(
                "{id} ({event}, {reason}) in {queue}, {} receives: {}",
                dead_letter.receives,
                dead_letter.text("branchline-detail").unwrap_or("no detail"),
            )
        };
        let lines = queues.iter().flat_map(|(queue, dead_letters)| {
            dead_letters
                .iter()
                .map(move |dead_letter| line(queue, dead_letter))
        });
        lines.collect()
    }

    /// Checks that pipelines and active mappings match, and that every pipeline carries its
    /// subject's tags.
    fn pipelines_left(&self, rows: &[Mapping], stuck: &[Mapping]) -> Vec<String> {
        let all = self.account.all();
        let mut unowned: BTreeSet<String> = self.pipelines().into_iter().collect();
        for row in stuck {
            unowned.remove(pipeline_of(row));
        }
        let mut left = Vec::new();
        for row in rows.iter().filter(|row| row.state == State::Active) {
            let name = pipeline_of(row);
            unowned.remove(name);
            let ours = |pipeline: &Pipeline| is_ours(&pipeline.tags, &row.subject, &owner());
            match all.get(name) {
                None => left.push(format!("{} is active, without its '{name}'", display(row))),
                Some(pipeline) if !ours(pipeline) => {
                    left.push(format!("'{name}' is not marked as {}'s", display(row)));
                }
                Some(_) => {}
            }
        }
        left.extend(
            unowned
                .iter()
                .map(|name| format!("pipeline '{name}' has no mapping")),
        );
        left
    }

    /// Checks that the CodeBuild projects of clones and those of active mappings match, that each
    /// carries its subject's tags, and that a clone uses no project that is not there.
    fn projects_left(&self, rows: &[Mapping], stuck: &[Mapping]) -> Vec<String> {
        let all = self.account.all_projects();
        let pipelines = self.account.all();
        let mut unowned: BTreeSet<String> = self.account.own_projects().into_iter().collect();
        let mut left = Vec::new();
        for row in rows.iter().chain(stuck) {
            let recorded = row.resources.projects.iter();
            let recorded: Vec<&str> = recorded.map(|one| one.name.as_str()).collect();
            for name in &recorded {
                unowned.remove(*name);
            }
            if row.state != State::Active {
                let is_wrong = State::HALF_WAY.contains(&row.state) || recorded.is_empty();
                left.extend((!is_wrong).then(|| format!("{} records {recorded:?}", display(row))));
                continue;
            }
            for name in &recorded {
                let project = all.get(*name);
                if !project.is_some_and(|one| is_ours(&one.tags(), &row.subject, &owner())) {
                    left.push(format!(
                        "{} is active, without its project '{name}'",
                        display(row)
                    ));
                }
            }
            let pipeline = pipelines.get(pipeline_of(row));
            for used in pipeline.map(Pipeline::projects).unwrap_or_default() {
                let is_of_clone =
                    ProjectName::parse(&used).is_ok_and(|name| name.may_be_of_clone());
                if is_of_clone && !recorded.contains(&used.as_str()) {
                    left.push(format!(
                        "{} uses '{used}' and records {recorded:?}",
                        display(row)
                    ));
                }
            }
        }
        left.extend(
            unowned
                .iter()
                .map(|name| format!("project '{name}' has no mapping")),
        );
        left
    }

    /// Checks that the stacks are those of active mappings, which record them.
    fn stacks_left(&self, rows: &[Mapping], stuck: &[Mapping]) -> Vec<String> {
        let mut present = self.account.stacks();
        let pipelines = self.account.all();
        let mut left = Vec::new();
        for row in rows.iter().chain(stuck) {
            let recorded = row.resources.stacks.iter();
            let recorded: Vec<&str> = recorded.map(|stack| stack.name.as_str()).collect();
            if row.state.is_removed() {
                // It remembers what was left when an operator forgot it.
                continue;
            }
            let Some(pipeline) = pipelines.get(pipeline_of(row)) else {
                present.retain(|name| !recorded.contains(&name.as_str()));
                continue;
            };
            let last = pipeline.runs.last();
            let is_deployed = last.is_some_and(|run| run.state == ExecutionState::Succeeded);
            for name in deployed(&pipeline.declaration) {
                if is_deployed && row.state == State::Active && !present.contains(&name) {
                    left.push(format!(
                        "{} is active, without its stack '{name}'",
                        display(row)
                    ));
                }
            }
            // What is no stack is not recorded.
            let unrecorded = environments(&pipeline.declaration);
            present.retain(|name| !recorded.contains(&name.as_str()) && !unrecorded.contains(name));
        }
        let expected = lock(&self.stacks).clone();
        let unowned = present.difference(&expected);
        left.extend(unowned.map(|name| format!("stack '{name}' has no mapping")));
        let missing = expected.difference(&present);
        left.extend(missing.map(|name| format!("stack '{name}' was deleted")));
        left
    }

    /// Checks that a name is reserved exactly as long as its subject is not gone.
    fn names_left(&self, rows: &[Mapping], stuck: &[Mapping]) -> Vec<String> {
        let mut reserved: BTreeSet<(String, String)> = self.store.names().into_iter().collect();
        let name = |row: &Mapping| (pipeline_of(row).to_owned(), row.subject.key());
        for row in stuck {
            reserved.remove(&name(row));
        }
        let owners = rows.iter().filter(|row| row.state == State::Active);
        let missing = owners.filter(|row| !reserved.remove(&name(row)));
        let mut left: Vec<String> = missing
            .map(|row| format!("'{}' is used, but not reserved", pipeline_of(row)))
            .collect();
        let line = |(name, key): &(String, String)| format!("'{name}' is still reserved by {key}");
        left.extend(reserved.iter().map(line));
        left
    }

    /// Checks that every head commit was built to the end, and none twice in a row. Subjects whose
    /// commits ask for no build, or whose clones detect pushes by themselves, are left out: their
    /// mapping does not record builds.
    fn heads_left(&self, rows: &[Mapping]) -> Vec<String> {
        let all = self.account.all();
        let mut left = Vec::new();
        for row in rows.iter().filter(|row| row.state == State::Active) {
            let Some(pipeline) = all.get(pipeline_of(row)) else {
                continue;
            };
            let commits = pipeline.commits();
            let built = pipeline.runs.iter();
            let built = built.filter(|run| run.commit.is_some() && !run.by_hand);
            let mut pairs = built.clone().zip(built.skip(1));
            let twice = lock(&self.built_twice).contains(&display(row));
            let again = |run: &Started| {
                let chaos = lock(&self.chaos);
                let back = chaos.as_ref().zip(run.commit.clone());
                back.is_some_and(|(back, commit)| {
                    run.stopped || run.outdated || back.contains(&(display(row), commit))
                })
            };
            if pairs.any(|(one, next)| one.commit == next.commit && !again(one)) != twice {
                left.push(format!(
                    "{} built a commit twice: {commits:?}",
                    display(row)
                ));
            }
            let built = row.observed.built.as_ref().map(|built| built.as_str());
            // An execution that was started at the branch's head, before an event named it, built
            // whatever that was.
            let last = pipeline.runs.last().and_then(|run| run.commit.as_deref());
            let ours = !lock(&self.unbuilt).contains(&display(row));
            if last.is_some() && ours && last != built {
                left.push(format!(
                    "{} built {commits:?}, records {built:?}",
                    display(row)
                ));
            }
            if pipeline.runs.last().is_some_and(|run| run.stopped) {
                left.push(format!("{}: its last execution was stopped", display(row)));
            }
            if row.owes_start() && ours {
                left.push(format!("{} did not build its head", display(row)));
            }
        }
        left
    }

    /// Checks that every chain of the audit trail is whole, and that each mapping names the last
    /// entry of its chain.
    fn trail_left(&self) -> Vec<String> {
        let mut left = Vec::new();
        for chain in self.store.chains() {
            let mut check = ChainCheck::default();
            for entry in self.store.chain_of(&chain) {
                let defects = check.push(&entry).into_iter();
                left.extend(defects.map(|defect| format!("{chain}: {defect:?}")));
            }
        }
        for row in self.store.rows() {
            let last = self.store.audit(&row.subject).last().map(AuditEntry::head);
            if last != row.trail {
                left.push(format!(
                    "{} names {:?}, and its trail ends with {last:?}",
                    display(&row),
                    row.trail
                ));
            }
        }
        left
    }

    /// Checks that clones alone take slots.
    fn slots_left(&self) -> Vec<String> {
        let rows = self.store.rows();
        let held = |rule: &str| {
            let counts = |row: &&Mapping| row.slot.as_deref() == Some(rule);
            rows.iter().filter(counts).count()
        };
        let queues = self.store.all_slots();
        let uncounted = *lock(&self.uncounted);
        let wrong = queues
            .iter()
            .filter(|(rule, taken)| held(rule) + uncounted != *taken);
        wrong
            .map(|(rule, taken)| {
                format!(
                    "rule '{rule}' counts {taken} clones, and has {}",
                    held(rule)
                )
            })
            .collect()
    }
}

fn unsettled(row: &Mapping, now: Timestamp) -> Option<String> {
    let state = row.state.as_str();
    if row.claim_at(now).is_some() {
        return Some(format!("{} is {state}, with a live claim", display(row)));
    }
    match row.state {
        State::Creating | State::Starting | State::Deleting => {
            Some(format!("{} is half-way: {state}", display(row)))
        }
        State::Retiring => Some(format!("{} is retiring", display(row))),
        State::Active | State::Gone | State::Asleep => sleep_left(row),
    }
}

/// Checks that a subject that is asleep has nothing, and that another one has no reason to be.
fn sleep_left(row: &Mapping) -> Option<String> {
    let is_asleep = row.state == State::Asleep;
    let has_nothing = row.resources.pipeline.is_none() && row.slot.is_none();
    let is_open = row.absence().is_none();
    match row.activity.sleep {
        Some(_) if is_asleep && is_open && has_nothing => None,
        None if !is_asleep => None,
        sleep => Some(format!(
            "{} is {}, with {sleep:?}",
            display(row),
            row.state.as_str()
        )),
    }
}

fn not_stuck(row: &Mapping) -> Option<String> {
    match row.state {
        State::Creating | State::Starting | State::Deleting | State::Retiring => None,
        State::Active | State::Gone | State::Asleep => {
            Some(format!("{} is not half-way", display(row)))
        }
    }
}

//! Verifies the audit trail: the hashes and the numbers of its chains, and the mappings that have
//! their last links.
//!
//! A first pass reads everything once, while daemons go on writing. Whatever looks wrong is read
//! again as it is now, and only what is still wrong is reported.

mod finding;

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::fault::{Fault, Reason};
use crate::domain::ids::{RepositoryId, Subject};
use crate::domain::outcome::audit_entry::AuditEntry;
use crate::domain::outcome::chain::{Chain, ChainHead};
use crate::domain::outcome::chain_check::ChainCheck;
use crate::domain::state::mapping::{Mapping, State};
use crate::inspect::history::subject_of;
use crate::inspect::trail::finding::{compare, describe, unknown};
use crate::ports::{MappingPages, StoreReader};

pub use finding::{TrailFinding, TrailFindingKind};

/// How often a chain is read again if its mapping changes meanwhile.
const READS: usize = 5;

/// The part of the audit trail to verify.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// All chains.
    Everything,
    /// The chains of one repository's subjects.
    Repository(RepositoryId),
    /// The chains of one subject.
    Subject(Subject),
}

/// The result of a verification.
#[derive(Debug, Default)]
pub struct TrailReport {
    /// The findings, by chain.
    pub findings: Vec<TrailFinding>,
    /// The number of entries.
    pub entries: usize,
    /// The number of chains.
    pub chains: usize,
}

/// Verifies the audit trail of one table.
pub struct TrailVerifier<'a, S> {
    /// The table and its audit trail.
    pub store: &'a S,
}

/// What the first pass found.
#[derive(Default)]
struct FirstPass {
    chains: BTreeMap<String, ChainCheck>,
    entries: usize,
    suspicious: BTreeSet<String>,
    findings: Vec<TrailFinding>,
}

impl<S: StoreReader> TrailVerifier<'_, S> {
    /// Verifies the chains in this scope. `checked` is called after each page of entries or
    /// mappings.
    ///
    /// One subject costs a query for each of its chains. Everything else reads the whole audit
    /// trail once, and the mappings in the scope; it keeps some 200 bytes for each chain.
    ///
    /// # Errors
    /// The table did not answer.
    pub async fn verify(&self, scope: &Scope, checked: impl Fn()) -> Result<TrailReport, Fault> {
        let mut report = TrailReport::default();
        if let Scope::Subject(subject) = scope {
            for chain in Chain::of(subject) {
                let entries = self.verify_chain(&chain, &mut report.findings).await?;
                report.entries += entries;
                report.chains += usize::from(entries > 0);
                checked();
            }
            return Ok(report);
        }
        let mut pass = FirstPass::default();
        self.read_entries(scope, &mut pass, &checked).await?;
        self.read_mappings(scope, &mut pass, &checked).await?;
        report.entries = pass.entries;
        report.chains = pass.chains.len();
        report.findings = pass.findings;
        for name in pass.suspicious {
            match Chain::from_text(&name) {
                Some(chain) => {
                    self.verify_chain(&chain, &mut report.findings).await?;
                }
                None => report.findings.push(unknown(name)),
            }
            checked();
        }
        Ok(report)
    }

    async fn read_entries(
        &self,
        scope: &Scope,
        pass: &mut FirstPass,
        checked: &impl Fn(),
    ) -> Result<(), Fault> {
        let mut after = None;
        loop {
            let page = self.store.entries(after).await?;
            for entry in page.entries {
                let chain = Chain::from_text(&entry.chain);
                if !is_in(scope, chain.as_ref().and_then(Chain::subject)) {
                    continue;
                }
                pass.entries += 1;
                let check = pass.chains.entry(entry.chain.clone()).or_default();
                let defects = check.push(&entry);
                if !defects.is_empty() || chain.is_none() {
                    pass.suspicious.insert(entry.chain);
                }
            }
            checked();
            after = page.next;
            if after.is_none() {
                return Ok(());
            }
        }
    }

    /// Compares the chains of changes with the mappings.
    async fn read_mappings(
        &self,
        scope: &Scope,
        pass: &mut FirstPass,
        checked: &impl Fn(),
    ) -> Result<(), Fault> {
        let of_changes = |name: &&String| matches!(Chain::from_text(name), Some(Chain::Changes(_)));
        let mut without: BTreeSet<String> =
            pass.chains.keys().filter(of_changes).cloned().collect();
        let mut compare = |row: &Mapping| {
            let name = Chain::Changes(row.subject.clone()).to_string();
            without.remove(&name);
            let last = pass.chains.get(&name).and_then(ChainCheck::last);
            if last != row.trail.as_ref() {
                pass.suspicious.insert(name);
            }
        };
        // A row that cannot be read is a chain without a mapping for now, and is read again.
        if let Scope::Repository(id) = scope {
            let mut after = None;
            loop {
                let page = self.store.of_repository(*id, after).await?;
                page.rows.iter().flatten().for_each(&mut compare);
                checked();
                after = page.next;
                if after.is_none() {
                    break;
                }
            }
        } else {
            for state in State::ALL {
                let mut pages = MappingPages::new(self.store, state);
                while let Some(rows) = pages.next().await? {
                    rows.iter().flatten().for_each(&mut compare);
                    checked();
                }
            }
        }
        pass.suspicious.extend(without);
        Ok(())
    }

    /// Verifies one chain as it is now. Returns the number of its entries.
    async fn verify_chain(
        &self,
        chain: &Chain,
        findings: &mut Vec<TrailFinding>,
    ) -> Result<usize, Fault> {
        let (entries, mapping) = match chain {
            Chain::Changes(subject) => self.read_with_mapping(chain, subject).await?,
            Chain::DeadLetters(_)
            | Chain::Operators(_)
            | Chain::Reports(_)
            | Chain::OperatorMessages
            | Chain::Messages(_) => (self.store.chain(chain).await?, None),
        };
        let named = entries
            .iter()
            .rev()
            .find(|entry| entry.repository.is_some());
        let subject = named.or(entries.last()).and_then(subject_of);
        let finding = |kind, sequence, detail| TrailFinding {
            kind,
            subject: subject.clone(),
            chain: chain.to_string(),
            sequence,
            detail,
        };
        let mut check = ChainCheck::default();
        for entry in &entries {
            for defect in check.push(entry) {
                let (kind, number, detail) = describe(&defect, entry);
                findings.push(finding(kind, Some(number), detail));
            }
        }
        if let Some(mapping) = mapping
            && let Some((kind, detail)) = compare(mapping, check.last())
        {
            let number = check.last().map(|last| last.sequence);
            findings.push(finding(kind, number, detail));
        }
        Ok(entries.len())
    }

    /// Reads a chain and its mapping, until the mapping is the same before and after. Returns no
    /// mapping if it never is.
    async fn read_with_mapping(
        &self,
        chain: &Chain,
        subject: &Subject,
    ) -> Result<(Vec<AuditEntry>, Option<Result<Option<Mapping>, Fault>>), Fault> {
        let mut before = self.read_mapping(subject).await?;
        for _ in 0..READS {
            let entries = self.store.chain(chain).await?;
            let after = self.read_mapping(subject).await?;
            if head(&before) == head(&after) {
                return Ok((entries, Some(after)));
            }
            before = after;
        }
        Ok((self.store.chain(chain).await?, None))
    }

    /// Reads a mapping; one that cannot be read is a fault within the result.
    async fn read_mapping(
        &self,
        subject: &Subject,
    ) -> Result<Result<Option<Mapping>, Fault>, Fault> {
        match self.store.mapping(subject).await {
            Err(fault)
                if matches!(
                    fault.reason,
                    Reason::MappingUnreadable | Reason::MappingNewer
                ) =>
            {
                Ok(Err(fault))
            }
            Err(fault) => Err(fault),
            Ok(mapping) => Ok(Ok(mapping)),
        }
    }
}

fn is_in(scope: &Scope, subject: Option<&Subject>) -> bool {
    match scope {
        Scope::Everything => true,
        Scope::Repository(id) => subject.is_some_and(|subject| subject.repository == *id),
        Scope::Subject(one) => subject == Some(one),
    }
}

fn head(mapping: &Result<Option<Mapping>, Fault>) -> Option<&ChainHead> {
    mapping.as_ref().ok()?.as_ref()?.trail.as_ref()
}

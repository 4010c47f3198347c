//! Checks the table, its index and its time to live, and the table of the audit trail.

use crate::domain::fault::{Fault, Reason};
use crate::ports::{IndexDescription, TableDescription};

use crate::inspect::preflight::Finding;

/// Checks the table. A part that cannot be read does not hide the others.
#[must_use]
pub fn table(description: &TableDescription) -> Vec<Finding> {
    vec![
        keys("table", description),
        BY_STATE.check(description),
        time_to_live(description),
    ]
}

/// Checks the table of the audit trail.
#[must_use]
pub fn audit_table(description: &TableDescription) -> Vec<Finding> {
    let what = "audit trail";
    let mut found = vec![keys(what, description), BY_TIME.check(description)];
    let detail = match &description.ttl {
        Ok(None) => return found,
        Ok(Some(attribute)) => {
            format!("has a time to live on '{attribute}', by which an entry could be removed")
        }
        Err(fault) => {
            let unknown = Finding::from_fault(what, fault, "dynamodb:DescribeTimeToLive");
            found.push(unknown);
            return found;
        }
    };
    let attribute = description.ttl.as_ref().ok().and_then(Option::as_deref);
    let fix = format!(
        "aws dynamodb update-time-to-live --table-name {} --time-to-live-specification Enabled=false,AttributeName={}",
        description.name,
        attribute.unwrap_or_default()
    );
    found.push(Finding::bad(what, detail, fix));
    found
}

/// Reports that the table of the audit trail could not be described.
#[must_use]
pub fn audit_table_fault(table: &str, fault: &Fault) -> Finding {
    let what = "audit trail";
    if fault.reason != Reason::AwsMissing {
        let permissions = "dynamodb:DescribeTable and dynamodb:DescribeTimeToLive";
        return Finding::from_fault(what, fault, permissions);
    }
    let fix = format!(
        "aws dynamodb create-table --table-name {table} --billing-mode PAY_PER_REQUEST --deletion-protection-enabled --attribute-definitions AttributeName=pk,AttributeType=S AttributeName=sk,AttributeType=S {} --key-schema AttributeName=pk,KeyType=HASH AttributeName=sk,KeyType=RANGE --global-secondary-indexes '[{}]'",
        BY_TIME.attributes(),
        BY_TIME.json()
    );
    Finding::bad(what, fault.to_string(), fix)
}

fn keys(what: &str, description: &TableDescription) -> Finding {
    if description.keys == ["pk", "sk"] {
        return Finding::good(what, format!("{} with pk and sk", description.name));
    }
    let detail = format!(
        "has the keys {}, expected pk and sk",
        description.keys.join(", ")
    );
    Finding::bad(what, detail, "create a new table: keys cannot be changed")
}

/// An index that branchline reads.
struct Index {
    name: &'static str,
    /// The partition key and the sort key.
    keys: [&'static str; 2],
    /// The commands that read it.
    readers: &'static str,
}

const BY_STATE: Index = Index {
    name: "by-state",
    keys: ["state", "updated_at"],
    readers: "the sweep at start, `mappings list` and `audit`",
};
const BY_TIME: Index = Index {
    name: "by-time",
    keys: ["day", "processed_at"],
    readers: "`mappings history` without a subject and `status`",
};

impl Index {
    fn check(&self, description: &TableDescription) -> Finding {
        let what = format!("index {}", self.name);
        let [partition, sort] = self.keys;
        let create = self.create(&description.name);
        let drop = format!(
            "aws dynamodb update-table --table-name {} --global-secondary-index-updates '[{{\"Delete\":{{\"IndexName\":\"{}\"}}}}]', wait, then {create}",
            description.name, self.name
        );
        match &description.index {
            Some(IndexDescription { keys, .. }) if *keys != self.keys => {
                let detail = format!(
                    "has the keys {}, expected {partition} and {sort}",
                    keys.join(", ")
                );
                Finding::bad(&what, detail, drop)
            }
            Some(IndexDescription { whole: false, .. }) => {
                let readers = self.readers;
                let detail = format!(
                    "does not project all attributes: {readers} could not read what it has"
                );
                Finding::bad(&what, detail, drop)
            }
            Some(_) => Finding::good(&what, format!("{partition}, {sort}, all attributes")),
            None => Finding::bad(
                &what,
                format!("is missing: {} need it", self.readers),
                create,
            ),
        }
    }

    fn create(&self, table: &str) -> String {
        format!(
            "aws dynamodb update-table --table-name {table} --attribute-definitions {} --global-secondary-index-updates '[{{\"Create\":{}}}]'",
            self.attributes(),
            self.json()
        )
    }

    /// Returns the definitions of its attributes, for the AWS command line.
    fn attributes(&self) -> String {
        self.keys
            .map(|key| format!("AttributeName={key},AttributeType=S"))
            .join(" ")
    }

    fn json(&self) -> String {
        let [partition, sort] = self.keys;
        format!(
            "{{\"IndexName\":\"{}\",\"KeySchema\":[{{\"AttributeName\":\"{partition}\",\"KeyType\":\"HASH\"}},{{\"AttributeName\":\"{sort}\",\"KeyType\":\"RANGE\"}}],\"Projection\":{{\"ProjectionType\":\"ALL\"}}}}",
            self.name
        )
    }
}

fn time_to_live(description: &TableDescription) -> Finding {
    let what = "time to live";
    let detail = match &description.ttl {
        Ok(Some(attribute)) if attribute == "expires_at" => return Finding::good(what, attribute),
        Ok(Some(other)) => format!("is on '{other}', expected expires_at"),
        Ok(None) => "is off: delivery records would never expire".to_owned(),
        Err(fault) => return Finding::from_fault(what, fault, "dynamodb:DescribeTimeToLive"),
    };
    let fix = format!(
        "aws dynamodb update-time-to-live --table-name {} --time-to-live-specification Enabled=true,AttributeName=expires_at",
        description.name
    );
    Finding::bad(what, detail, fix)
}

#[cfg(test)]
mod tests {
    use super::super::tests::lines;
    use super::*;

    fn good() -> TableDescription {
        let names = |names: [&str; 2]| names.map(str::to_owned).to_vec();
        TableDescription {
            name: "branchline".to_owned(),
            keys: names(["pk", "sk"]),
            index: Some(IndexDescription {
                keys: names(["state", "updated_at"]),
                whole: true,
            }),
            ttl: Ok(Some("expires_at".to_owned())),
        }
    }

    #[test]
    fn a_table_needs_its_keys_its_index_and_its_time_to_live() {
        assert!(
            table(&good())
                .iter()
                .all(|finding| finding.ok == Some(true))
        );
        let bad = TableDescription {
            keys: vec!["id".to_owned()],
            index: None,
            ttl: Ok(None),
            ..good()
        };
        let findings = table(&bad);
        let is_bad = |finding: &Finding| finding.ok == Some(false) && finding.fix.is_some();
        assert!(findings.iter().all(is_bad), "{findings:?}");
    }

    #[test]
    fn the_audit_trail_has_no_time_to_live() {
        let good = TableDescription {
            index: Some(IndexDescription {
                keys: ["day", "processed_at"].map(str::to_owned).to_vec(),
                whole: true,
            }),
            ttl: Ok(None),
            ..good()
        };
        let found = audit_table(&good);
        assert!(
            found.iter().all(|finding| finding.ok == Some(true)),
            "{found:?}"
        );
        let expiring = TableDescription {
            ttl: Ok(Some("expires_at".to_owned())),
            ..good
        };
        let findings = audit_table(&expiring);
        assert!(lines(&findings)[2].starts_with("NO audit trail: has a time to live"));
        assert!(findings[2].fix.as_ref().unwrap().contains("Enabled=false"));
    }

    #[test]
    fn the_audit_trail_needs_its_index() {
        let without = TableDescription {
            index: None,
            ttl: Ok(None),
            ..good()
        };
        let findings = audit_table(&without);
        assert!(lines(&findings)[1].starts_with("NO index by-time: is missing"));
        let fix = findings[1].fix.as_ref().unwrap();
        assert!(fix.contains("AttributeName=day,AttributeType=S"), "{fix}");
    }

    #[test]
    fn an_index_that_projects_only_keys_is_a_finding() {
        let mut description = good();
        description.index.as_mut().unwrap().whole = false;
        let findings = table(&description);
        assert!(lines(&findings)[1].starts_with("NO index by-state: does not project all"));
        assert!(findings[1].fix.as_ref().unwrap().contains("\"Delete\""));
    }

    #[test]
    fn a_time_to_live_that_cannot_be_read_does_not_hide_the_rest() {
        let mut description = good();
        description.ttl = Err(Fault::new(Reason::AwsDenied, "no"));
        let findings = table(&description);
        let marks: Vec<_> = findings.iter().map(|finding| finding.ok).collect();
        assert_eq!(marks, [Some(true), Some(true), Some(false)]);
    }
}

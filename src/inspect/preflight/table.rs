//! Checks the table, its index and its time to live, and the table of the audit trail.

use crate::domain::fault::{Fault, Reason};
use crate::ports::{IndexDescription, TableDescription};

use crate::inspect::preflight::Finding;

/// Checks the table. A part that cannot be read does not hide the others.
#[must_use]
pub fn table(description: &TableDescription) -> Vec<Finding> {
    vec![
        keys("table", description),
        index(description),
        time_to_live(description),
    ]
}

/// Checks the table of the audit trail.
#[must_use]
pub fn audit_table(description: &TableDescription) -> Vec<Finding> {
    let what = "audit trail";
    let keys = keys(what, description);
    let detail = match &description.ttl {
        Ok(None) => return vec![keys],
        Ok(Some(attribute)) => {
            format!("has a time to live on '{attribute}', by which an entry could be removed")
        }
        Err(fault) => {
            let unknown = Finding::from_fault(what, fault, "dynamodb:DescribeTimeToLive");
            return vec![keys, unknown];
        }
    };
    let attribute = description.ttl.as_ref().ok().and_then(Option::as_deref);
    let fix = format!(
        "aws dynamodb update-time-to-live --table-name {} --time-to-live-specification Enabled=false,AttributeName={}",
        description.name,
        attribute.unwrap_or_default()
    );
    vec![keys, Finding::bad(what, detail, fix)]
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
        "aws dynamodb create-table --table-name {table} --billing-mode PAY_PER_REQUEST --deletion-protection-enabled --attribute-definitions AttributeName=pk,AttributeType=S AttributeName=sk,AttributeType=S --key-schema AttributeName=pk,KeyType=HASH AttributeName=sk,KeyType=RANGE"
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

fn index(description: &TableDescription) -> Finding {
    let what = "index by-state";
    let drop = format!(
        "aws dynamodb update-table --table-name {} --global-secondary-index-updates '[{{\"Delete\":{{\"IndexName\":\"by-state\"}}}}]', wait, then {}",
        description.name,
        create(&description.name)
    );
    match &description.index {
        Some(IndexDescription { keys, .. }) if *keys != ["state", "updated_at"] => {
            let detail = format!(
                "has the keys {}, expected state and updated_at",
                keys.join(", ")
            );
            Finding::bad(what, detail, drop)
        }
        Some(IndexDescription { whole: false, .. }) => {
            let detail = "does not project all attributes: the sweep at start, `mappings` and `audit` could not read its rows";
            Finding::bad(what, detail, drop)
        }
        Some(_) => Finding::good(what, "state, updated_at, all attributes"),
        None => Finding::bad(
            what,
            "is missing: the sweep at start and `mappings list` need it",
            create(&description.name),
        ),
    }
}

fn create(table: &str) -> String {
    format!(
        "aws dynamodb update-table --table-name {table} --attribute-definitions AttributeName=state,AttributeType=S AttributeName=updated_at,AttributeType=S --global-secondary-index-updates '[{{\"Create\":{{\"IndexName\":\"by-state\",\"KeySchema\":[{{\"AttributeName\":\"state\",\"KeyType\":\"HASH\"}},{{\"AttributeName\":\"updated_at\",\"KeyType\":\"RANGE\"}}],\"Projection\":{{\"ProjectionType\":\"ALL\"}}}}}}]'"
    )
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
            index: None,
            ttl: Ok(None),
            ..good()
        };
        assert!(lines(&audit_table(&good))[0].starts_with("ok audit trail: "));
        let expiring = TableDescription {
            ttl: Ok(Some("expires_at".to_owned())),
            ..good
        };
        let findings = audit_table(&expiring);
        assert!(lines(&findings)[1].starts_with("NO audit trail: has a time to live"));
        assert!(findings[1].fix.as_ref().unwrap().contains("Enabled=false"));
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

//! The table, its index, its time to live.

use crate::ports::{IndexDescription, TableDescription};

use crate::inspect::preflight::Finding;

/// The table. What could not be asked hides nothing of the rest.
#[must_use]
pub fn table(facts: &TableDescription) -> Vec<Finding> {
    vec![keys(facts), index(facts), time_to_live(facts)]
}

fn keys(facts: &TableDescription) -> Finding {
    if facts.keys == ["pk", "sk"] {
        return Finding::good("table", format!("{} with pk and sk", facts.name));
    }
    let detail = format!("has the keys {}, want pk and sk", facts.keys.join(", "));
    Finding::bad("table", detail, "make a new table: keys cannot be changed")
}

fn index(facts: &TableDescription) -> Finding {
    let what = "index by-state";
    let drop = format!(
        "aws dynamodb update-table --table-name {} --global-secondary-index-updates '[{{\"Delete\":{{\"IndexName\":\"by-state\"}}}}]', wait, then {}",
        facts.name,
        create(&facts.name)
    );
    match &facts.index {
        Some(IndexDescription { keys, .. }) if *keys != ["state", "updated_at"] => {
            let detail = format!(
                "has the keys {}, want state and updated_at",
                keys.join(", ")
            );
            Finding::bad(what, detail, drop)
        }
        Some(IndexDescription { whole: false, .. }) => {
            let detail = "does not project all attributes: the sweep at start, `mappings` and `audit` could read none of its rows";
            Finding::bad(what, detail, drop)
        }
        Some(_) => Finding::good(what, "state, updated_at, all attributes"),
        None => Finding::bad(
            what,
            "is missing: the sweep at start and `mappings list` need it",
            create(&facts.name),
        ),
    }
}

fn create(table: &str) -> String {
    format!(
        "aws dynamodb update-table --table-name {table} --attribute-definitions AttributeName=state,AttributeType=S AttributeName=updated_at,AttributeType=S --global-secondary-index-updates '[{{\"Create\":{{\"IndexName\":\"by-state\",\"KeySchema\":[{{\"AttributeName\":\"state\",\"KeyType\":\"HASH\"}},{{\"AttributeName\":\"updated_at\",\"KeyType\":\"RANGE\"}}],\"Projection\":{{\"ProjectionType\":\"ALL\"}}}}}}]'"
    )
}

fn time_to_live(facts: &TableDescription) -> Finding {
    let what = "time to live";
    let detail = match &facts.ttl {
        Ok(Some(attribute)) if attribute == "expires_at" => return Finding::good(what, attribute),
        Ok(Some(other)) => format!("is on '{other}', want expires_at"),
        Ok(None) => "is off: delivery records would stay for ever".to_owned(),
        Err(fault) => return Finding::of_fault(what, fault, "dynamodb:DescribeTimeToLive"),
    };
    let mend = format!(
        "aws dynamodb update-time-to-live --table-name {} --time-to-live-specification Enabled=true,AttributeName=expires_at",
        facts.name
    );
    Finding::bad(what, detail, mend)
}

#[cfg(test)]
mod tests {
    use super::super::tests::said;
    use super::*;
    use crate::domain::fault::{Fault, Reason, Step};

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
        let found = table(&bad);
        let told = |finding: &Finding| finding.ok == Some(false) && finding.mend.is_some();
        assert!(found.iter().all(told), "{found:?}");
    }

    #[test]
    fn an_index_of_keys_alone_is_none() {
        let mut facts = good();
        facts.index.as_mut().unwrap().whole = false;
        let found = table(&facts);
        assert!(said(&found)[1].starts_with("NO index by-state: does not project all"));
        assert!(found[1].mend.as_ref().unwrap().contains("\"Delete\""));
    }

    #[test]
    fn a_time_to_live_that_cannot_be_asked_hides_nothing() {
        let mut facts = good();
        facts.ttl = Err(Fault::new(Step::Mapping, Reason::AwsDenied, "no"));
        let found = table(&facts);
        let marks: Vec<_> = found.iter().map(|finding| finding.ok).collect();
        assert_eq!(marks, [Some(true), Some(true), Some(false)]);
    }
}

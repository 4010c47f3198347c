//! `branchline dlq show`: everything about one letter.

use std::collections::BTreeMap;
use std::error::Error;
use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;

use crate::aws::SqsQueue;
use crate::cli::dlq::Show;
use crate::cli::output::explanation::Look;
use crate::cli::output::explanation::explanation;
use crate::cli::output::streaming_table::age;
use crate::domain::fault::Fault;
use crate::domain::intake::envelope::Envelope;
use crate::domain::text;
use crate::inspect::dlq::letter::DeadLetter;
use crate::inspect::dlq::replay::ExportedMessage;
use crate::inspect::dlq::scan::Scan;
use crate::inspect::explain::{Explanation, explain};
use crate::ports::Clock;

use crate::cli::terminal::{Done, fault as told, spinner, stopped};
use crate::commands::dlq::halt::{INTERRUPTED, Interrupt};
use crate::commands::dlq::session::DlqSession;
use crate::commands::system_clock::SystemClock;

pub(super) async fn show(asked: &Show, halt: &Interrupt) -> Done {
    let desk = DlqSession::open(&asked.place).await?;
    let mut scan = Scan::of(&desk.grave);
    let found = find(&mut scan, &asked.id, halt).await;
    let closed = desk.close(scan).await;
    let (found, closed) = (found?, closed?);
    if halt.told() {
        return Err(INTERRUPTED.into());
    }
    let Some(envelope) = found else {
        return Err(format!(
            "no message {} among {}: see `branchline dlq list`",
            text::one_line(&asked.id, 100),
            closed.seen
        )
        .into());
    };
    let (letter, envelope) = DeadLetter::read(envelope, &desk.config.secrets, SystemClock.now());
    let copy = ExportedMessage::of_parts(&envelope);
    let account = desk.account();
    let said = explain(envelope, &desk.config.secrets, &desk.today(&account)).await;
    let shown = if asked.json || !io::stdout().is_terminal() {
        for_programs(asked, &letter, copy, &said)
    } else {
        for_people(asked, &letter, &copy, &said)
    };
    stopped(io::stdout().write_all(shown.as_bytes()))?;
    match said {
        Ok(_) => Ok(ExitCode::SUCCESS),
        Err(fault) => Err(format!("what would become of it cannot be told: {fault}").into()),
    }
}

async fn find(
    scan: &mut Scan<'_, SqsQueue>,
    id: &str,
    halt: &Interrupt,
) -> Result<Option<Envelope>, Box<dyn Error>> {
    let spinner = spinner("looking");
    while !halt.told() {
        let batch = scan.next().await.map_err(told)?;
        if batch.is_empty() {
            break;
        }
        spinner.inc(u64::try_from(batch.len()).unwrap_or_default());
        let found = batch.into_iter().find(|envelope| envelope.message_id == id);
        if found.is_some() {
            return Ok(found);
        }
    }
    Ok(None)
}

fn for_programs(
    asked: &Show,
    letter: &DeadLetter,
    copy: ExportedMessage,
    said: &Result<Explanation, Fault>,
) -> String {
    let mut whole = serde_json::json!({
        "letter": letter, "attributes": copy.attributes, "explanation": said.as_ref().ok(),
    });
    if let Some(fields) = whole.as_object_mut() {
        if let Err(fault) = said {
            fields.insert("cannot_be_told".to_owned(), fault.to_string().into());
        }
        if asked.body {
            fields.insert("body".to_owned(), copy.body.into());
        }
    }
    format!("{whole}\n")
}

/// A body that nobody proved may hold anything: on a terminal nothing of it moves the cursor.
fn for_people(
    asked: &Show,
    letter: &DeadLetter,
    copy: &ExportedMessage,
    said: &Result<Explanation, Fault>,
) -> String {
    let mut shown = attributes(&copy.attributes);
    let verified = if letter.verified {
        "verifies"
    } else {
        "does not verify"
    };
    shown.push_str(&format!(
        "\nthe signature {verified} today; in this queue for {}\n\n",
        age(letter.age_seconds)
    ));
    if let Ok(said) = said {
        shown.push_str(&explanation(said, Look::Human { colours: false }));
    }
    if asked.body {
        shown.push_str(&format!("\n{}\n", text::lines(&copy.body)));
    }
    shown
}

fn attributes(attributes: &BTreeMap<String, String>) -> String {
    let line = |(name, value): (&String, &String)| {
        format!("{name}: {}\n", text::one_line(value, usize::MAX))
    };
    attributes.iter().map(line).collect()
}

//! `branchline dlq show`: everything about one message.

use std::collections::BTreeMap;
use std::error::Error;
use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;

use crate::aws::SqsQueue;
use crate::cli::dlq::Show;
use crate::cli::output::explanation::{Look, explanation};
use crate::cli::output::streaming_table::age;
use crate::cli::terminal::{Done, fault as error, spinner, stopped};
use crate::commands::dlq::session::DlqSession;
use crate::commands::interrupt::{INTERRUPTED, Interrupt};
use crate::commands::system_clock::SystemClock;
use crate::domain::fault::Fault;
use crate::domain::intake::envelope::Envelope;
use crate::domain::text;
use crate::domain::text::plural;
use crate::inspect::dlq::dead_letter::DeadLetter;
use crate::inspect::dlq::exported_message::ExportedMessage;
use crate::inspect::dlq::scan::Scan;
use crate::inspect::explain::Explanation;
use crate::ports::Clock;

pub(super) async fn show(args: &Show, interrupt: &Interrupt) -> Done {
    let session = DlqSession::open(&args.place).await?;
    let mut scan = Scan::new(&session.queue);
    let found = find(&mut scan, &args.id, interrupt).await;
    let closed = session.close(scan).await;
    let (found, closed) = (found?, closed?);
    if interrupt.is_requested() {
        return Err(INTERRUPTED.into());
    }
    let Some(envelope) = found else {
        return Err(format!(
            "no message {} among {}: see `branchline dlq list`",
            text::one_line(&args.id, 100),
            plural(closed.seen, "message")
        )
        .into());
    };
    let now = SystemClock.now();
    let (letter, envelope) = DeadLetter::read(envelope, &session.authenticator, now);
    let copy = ExportedMessage::copy(&envelope);
    let explained = session.rehearsal().explain(envelope).await;
    let shown = if args.json || !io::stdout().is_terminal() {
        for_programs(args, &letter, copy, &explained)
    } else {
        for_people(args, &letter, &copy, &explained)
    };
    stopped(io::stdout().write_all(shown.as_bytes()))?;
    match explained {
        Ok(_) => Ok(ExitCode::SUCCESS),
        Err(fault) => Err(format!("the outcome of a replay cannot be predicted: {fault}").into()),
    }
}

async fn find(
    scan: &mut Scan<'_, SqsQueue>,
    id: &str,
    interrupt: &Interrupt,
) -> Result<Option<Envelope>, Box<dyn Error>> {
    let spinner = spinner("looking");
    while !interrupt.is_requested() {
        let batch = scan.next().await.map_err(error)?;
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
    args: &Show,
    letter: &DeadLetter,
    copy: ExportedMessage,
    explained: &Result<Explanation, Fault>,
) -> String {
    let mut whole = serde_json::json!({
        "message": letter, "attributes": copy.attributes, "explanation": explained.as_ref().ok(),
    });
    if let Some(fields) = whole.as_object_mut() {
        if let Err(fault) = explained {
            fields.insert("prediction_error".to_owned(), fault.to_string().into());
        }
        if args.body {
            fields.insert("body".to_owned(), copy.body.into());
        }
    }
    format!("{whole}\n")
}

/// Renders it for a terminal. An unauthenticated body may hold anything, so nothing of it moves the cursor.
fn for_people(
    args: &Show,
    letter: &DeadLetter,
    copy: &ExportedMessage,
    explained: &Result<Explanation, Fault>,
) -> String {
    let mut shown = attributes(&copy.attributes);
    let signature = match letter.verified {
        Some(true) => "the signature verifies today",
        Some(false) => "the signature does not verify today",
        None => "the signature was not checked, since no webhook secret is readable here",
    };
    shown.push_str(&format!(
        "\n{signature}; in this queue for {}\n\n",
        age(letter.age_seconds)
    ));
    if let Ok(explained) = explained {
        shown.push_str(&explanation(explained, Look::Human { colours: false }));
    }
    if args.body {
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

//! `branchline dlq show`: prints one message with a prediction.

use std::collections::BTreeMap;
use std::error::Error;
use std::io::{self, Write};
use std::process::ExitCode;

use crate::aws::SqsQueue;
use crate::cli::dlq::Show;
use crate::cli::output::OutputFormat;
use crate::cli::output::explanation::explanation as render;
use crate::cli::output::streaming_table::age;
use crate::cli::terminal::{Done, fault as error, format, spinner, stopped};
use crate::commands::dlq::session::DlqSession;
use crate::commands::interrupt::{INTERRUPTED, Interrupt};
use crate::commands::system_clock::SystemClock;
use crate::domain::fault::Fault;
use crate::domain::intake::envelope::Envelope;
use crate::domain::text::{self, plural};
use crate::inspect::dlq::dead_letter::{DeadLetter, SignatureStatus};
use crate::inspect::dlq::exported_message::ExportedMessage;
use crate::inspect::dlq::filter::DeadLetterFilter;
use crate::inspect::dlq::scan::Scan;
use crate::inspect::explain::Explanation;
use crate::ports::Clock;

pub(super) async fn show(args: &Show, interrupt: &Interrupt) -> Done {
    let session = DlqSession::open(&args.queue).await?;
    let mut scan = Scan::new(&session.queue);
    let found = find(&mut scan, &args.id, interrupt).await;
    let closed = session.close(scan).await;
    let (found, closed) = (found?, closed?);
    if interrupt.is_requested() {
        return Err(INTERRUPTED.into());
    }
    let Some(envelope) = found else {
        let hint = session.hint().await;
        let hint = hint.unwrap_or_else(|| "see `branchline dlq list`".to_owned());
        return Err(format!(
            "message {} is not among the {} of the queue: {hint}",
            text::one_line(&args.id, 100),
            plural(closed.seen, "message")
        )
        .into());
    };
    let now = SystemClock.now();
    let (message, envelope) = DeadLetter::read(envelope, &session.authenticator, now);
    let copy = ExportedMessage::copy(&envelope);
    let explanation = session.rehearsal().explain(envelope).await;
    let shown = match format(args.output) {
        OutputFormat::Table => table(args, &message, &copy, &explanation),
        OutputFormat::Json | OutputFormat::Csv => json(args, &message, copy, &explanation),
    };
    stopped(io::stdout().write_all(shown.as_bytes()))?;
    match explanation {
        Ok(_) => Ok(ExitCode::SUCCESS),
        Err(fault) => Err(format!(
            "the outcome of a replay cannot be predicted: {}",
            fault.for_operator()
        )
        .into()),
    }
}

/// Reads until the message of an id, or to the end for the beginning of one.
async fn find(
    scan: &mut Scan<'_, SqsQueue>,
    id: &str,
    interrupt: &Interrupt,
) -> Result<Option<Envelope>, Box<dyn Error>> {
    let spinner = spinner("reading messages:");
    let mut matches = Vec::new();
    while !interrupt.is_requested() {
        let batch = scan.next().await.map_err(error)?;
        if batch.is_empty() {
            break;
        }
        spinner.inc(u64::try_from(batch.len()).unwrap_or_default());
        for envelope in batch {
            if envelope.message_id == id {
                return Ok(Some(envelope));
            }
            if envelope.message_id.starts_with(id) {
                matches.push(envelope);
            }
        }
    }
    let filter = DeadLetterFilter {
        ids: [id.to_owned()].into(),
        ..DeadLetterFilter::default()
    };
    let ids: Vec<&str> = matches.iter().map(|one| one.message_id.as_str()).collect();
    filter.check_unambiguous(&ids)?;
    Ok(matches.pop())
}

fn json(
    args: &Show,
    message: &DeadLetter,
    copy: ExportedMessage,
    explanation: &Result<Explanation, Fault>,
) -> String {
    let mut whole = serde_json::json!({
        "message": message, "attributes": copy.attributes, "explanation": explanation.as_ref().ok(),
    });
    if let Some(fields) = whole.as_object_mut() {
        if let Err(fault) = explanation {
            fields.insert("prediction_error".to_owned(), fault.to_string().into());
        }
        if args.body {
            fields.insert("body".to_owned(), copy.body.into());
        }
    }
    format!("{whole}\n")
}

/// Renders the message for a terminal. A body without a valid signature may contain anything, so
/// its control characters are escaped.
fn table(
    args: &Show,
    message: &DeadLetter,
    copy: &ExportedMessage,
    explanation: &Result<Explanation, Fault>,
) -> String {
    let mut shown = attributes(&copy.attributes);
    let signature = match &message.signature {
        SignatureStatus::Unneeded => "an internal message, which needs no signature",
        SignatureStatus::Missing => "the webhook has no signature",
        SignatureStatus::Malformed => "the signature is malformed",
        SignatureStatus::Cut => {
            "the body was cut to what this queue accepts, so the signature proves nothing: redeliver the webhook at GitHub"
        }
        SignatureStatus::Unchecked => {
            "the signature was not checked: no webhook secret can be read here, or not the right one"
        }
        SignatureStatus::Valid(secret) => {
            &format!("the signature is valid today, under the secret '{secret}'")
        }
        SignatureStatus::WrongSecret => {
            "the signature is valid today, but under a secret that is bound to other repositories"
        }
        SignatureStatus::Invalid => "the signature is not valid today",
    };
    shown.push_str(&format!(
        "\n{signature}; in this queue for {}\n\n",
        age(message.age_seconds)
    ));
    if let Ok(explanation) = explanation {
        shown.push_str(&render(explanation, OutputFormat::Table, false));
    }
    if args.body {
        shown.push_str(&format!("\n{}\n", text::lines(&copy.body)));
    }
    shown
}

fn attributes(attributes: &BTreeMap<String, String>) -> String {
    let line = |(name, value): (&String, &String)| {
        text::one_line(&format!("{name}: {value}"), usize::MAX) + "\n"
    };
    attributes.iter().map(line).collect()
}

//! `branchline why`: collects what is known of a subject, and prints the answer.

use crate::cli::output::OutputFormat;
use crate::cli::output::why::lines;
use crate::cli::status::Why as Args;
use crate::cli::terminal::{Done, code, colours, format, print};
use crate::commands::evidence::{Question, collect_evidence};
use crate::commands::interrupt::Interrupt;
use crate::commands::system_clock::SystemClock;
use crate::inspect::why::Why;
use crate::ports::Clock;

pub(crate) async fn run(args: &Args) -> Done {
    let interrupt = Interrupt::listen()?;
    let question = Question::parse(&args.question)?;
    let found = collect_evidence(&question, &args.options, &interrupt).await?;
    let [session, _] = &found.sessions;
    let why = Why::new(found.evidence, &session.config.rules, SystemClock.now());
    let text = match format(args.output) {
        OutputFormat::Table => lines(&why, colours()),
        OutputFormat::Json | OutputFormat::Csv => serde_json::to_string(&why)? + "\n",
    };
    print(text.as_bytes())?;
    Ok(code(!why.has_pipeline))
}

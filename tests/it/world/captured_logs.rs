//! What the daemon says while a story is played: its log lines, as JSON.

use std::io::Write;
use std::sync::{Arc, Mutex};

use serde_json::Value;
use tracing::subscriber::DefaultGuard;
use tracing_subscriber::fmt::MakeWriter;

use super::lock;

/// Log lines of this thread, from [`Said::listen`] until it is dropped.
pub(crate) struct Said {
    text: Text,
    _guard: DefaultGuard,
}

#[derive(Clone, Default)]
struct Text(Arc<Mutex<Vec<u8>>>);

impl Write for Text {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        lock(&self.0).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Text {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

impl Said {
    /// Begins to listen.
    pub(crate) fn listen() -> Self {
        let text = Text::default();
        let subscriber = tracing_subscriber::fmt().json().flatten_event(true);
        let subscriber = subscriber.with_writer(text.clone()).finish();
        Self {
            text,
            _guard: tracing::subscriber::set_default(subscriber),
        }
    }

    /// The lines so far, as they were written.
    pub(crate) fn text(&self) -> String {
        String::from_utf8(lock(&self.text.0).clone()).expect("log lines are UTF-8")
    }

    /// The lines so far whose message begins so.
    pub(crate) fn lines(&self, message: &str) -> Vec<Value> {
        let text = self.text();
        let lines = text.lines().map(serde_json::from_str);
        let lines = lines.map(|line: Result<Value, _>| line.expect("each line is JSON"));
        let begins = |line: &Value| {
            line["message"]
                .as_str()
                .is_some_and(|said| said.starts_with(message))
        };
        lines.filter(begins).collect()
    }
}

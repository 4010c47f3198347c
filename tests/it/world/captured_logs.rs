//! Captures the log lines that a story's thread writes, as JSON.
//!
//! tracing keeps one cache for the whole process of which callsites are enabled, and fills it from
//! the subscriber of the thread that comes by first. A subscriber of one thread beside threads
//! without one therefore misses lines by chance. Here one subscriber serves all threads and is
//! never replaced: [`install`] sets it before a world writes its first line, its answer for a
//! callsite is the same on every thread, and the capture of the current thread, if any, receives
//! the line.

use std::cell::RefCell;
use std::io::Write;
use std::marker::PhantomData;
use std::sync::{Arc, Mutex, Once};

use serde_json::Value;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::dynamic_filter_fn;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;

use super::lock;

type Buffer = Arc<Mutex<Vec<u8>>>;

thread_local! {
    /// The capture of this thread, while there is one.
    static CURRENT: RefCell<Option<Buffer>> = const { RefCell::new(None) };
}

/// Sets the subscriber of this process, once. Whatever may write log lines calls it first: a
/// callsite that is reached before would be disabled.
pub(crate) fn install() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        let captures = || CURRENT.with_borrow(Option::is_some);
        // Asked for every line: its answer is not cached by callsite.
        let filter = dynamic_filter_fn(move |_, _| captures());
        let layer = tracing_subscriber::fmt::layer()
            .json()
            .flatten_event(true)
            .with_writer(CurrentCapture)
            .with_filter(filter.with_max_level_hint(LevelFilter::INFO));
        let subscriber = tracing_subscriber::registry().with(layer);
        tracing::subscriber::set_global_default(subscriber)
            .expect("nothing else in the tests sets a subscriber");
    });
}

/// Writes to the capture of the current thread; without one, nowhere.
struct CurrentCapture;

impl Write for CurrentCapture {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        CURRENT.with_borrow(|current| {
            if let Some(buffer) = current {
                lock(buffer).extend_from_slice(bytes);
            }
        });
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for CurrentCapture {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        Self
    }
}

/// The log lines of this thread, from [`CapturedLogs::start`] until it is dropped.
pub(crate) struct CapturedLogs {
    buffer: Buffer,
    /// It is dropped on the thread that it was started on.
    _thread: PhantomData<*const ()>,
}

impl CapturedLogs {
    /// Starts to capture. A thread has one capture at a time.
    pub(crate) fn start() -> Self {
        install();
        let buffer = Buffer::default();
        let before = CURRENT.replace(Some(Arc::clone(&buffer)));
        assert!(before.is_none(), "this thread is captured already");
        Self {
            buffer,
            _thread: PhantomData,
        }
    }

    /// Returns the lines so far, as they were written.
    pub(crate) fn text(&self) -> String {
        String::from_utf8(lock(&self.buffer).clone()).expect("log lines are UTF-8")
    }

    /// Returns the lines so far whose message starts with `message`.
    pub(crate) fn lines(&self, message: &str) -> Vec<Value> {
        let starts = |line: &Value| {
            line["message"]
                .as_str()
                .is_some_and(|text| text.starts_with(message))
        };
        self.all().filter(starts).collect()
    }

    /// Returns the lines so far that report a processed message: one per message that was received.
    pub(crate) fn journals(&self) -> Vec<Value> {
        let reports = |line: &Value| line.get("disposition").is_some();
        self.all().filter(reports).collect()
    }

    fn all(&self) -> impl Iterator<Item = Value> {
        let text = self.text();
        let lines: Vec<_> = text.lines().map(serde_json::from_str).collect();
        lines
            .into_iter()
            .map(|line| line.expect("each line is JSON"))
    }
}

impl Drop for CapturedLogs {
    fn drop(&mut self) {
        CURRENT.take();
    }
}

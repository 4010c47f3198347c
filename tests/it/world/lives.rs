//! The lives of pull requests and branches, of which histories are made.

use std::time::Duration;

use branchline::domain::ids::Timestamp;

use super::clock::START;
use super::history::WEB;
use super::webhook::Webhook;

/// Branches whose pipelines' names come close to each other.
const BRANCHES: [&str; 4] = ["feature/x", "feature-x", "Feature/X", "日本 🦀"];

/// The life of one subject: its webhooks, its name, and its final state.
pub(super) struct Life {
    pub(super) webhooks: Vec<Webhook>,
    pub(super) name: String,
    pub(super) open: bool,
    /// True if the last word was an ending: it was closed or deleted.
    pub(super) ended: bool,
    /// The commits that a push went back to.
    pub(super) back: Vec<u64>,
}

/// The second of a life, and how many events it holds.
struct Time {
    second: u64,
    events: u8,
}

impl Time {
    fn new() -> Self {
        Self {
            second: 0,
            events: 1,
        }
    }

    /// Returns the time of the next event: the same second if that is wanted and the tie rule
    /// allows it.
    fn next(&mut self, tie: bool) -> Timestamp {
        if tie && self.events < 2 {
            self.events += 1;
        } else {
            self.later();
        }
        self.now()
    }

    fn later(&mut self) {
        self.second += 1;
        self.events = 1;
    }

    fn now(&self) -> Timestamp {
        START.plus(Duration::from_secs(self.second))
    }
}

/// The head of a branch, and the commits before it.
struct Head {
    sha: u64,
    before: Option<u64>,
    /// The newest commit.
    last: u64,
    /// The commits that a push went back to.
    back: Vec<u64>,
}

impl Head {
    fn at(sha: u64) -> Self {
        Self {
            sha,
            before: None,
            last: sha,
            back: Vec::new(),
        }
    }

    /// Pushes a new commit, or goes back to the head before. Returns the time, and the head until
    /// then.
    ///
    /// The order of a push and its reverse within one second is not known, so a push back starts a
    /// new second.
    fn push(&mut self, step: u8, time: &mut Time) -> (Timestamp, u64) {
        let back = self.before.filter(|_| step & 16 != 0);
        let at = time.next(step & 8 != 0 && back.is_none());
        let before = self.sha;
        self.before = Some(before);
        self.back.extend(back);
        self.sha = back.unwrap_or(self.last + 1);
        self.last = self.last.max(self.sha);
        (at, before)
    }
}

pub(super) struct PullRequest {
    number: u64,
    open: bool,
    draft: bool,
    main: bool,
    head: Head,
    time: Time,
    webhooks: Vec<Webhook>,
}

impl PullRequest {
    pub(super) fn live(subject: usize, steps: &[u8]) -> Life {
        let number = u64::try_from(subject).unwrap() + 1;
        let mut life = Self {
            number,
            open: true,
            draft: false,
            main: true,
            head: Head::at(1),
            time: Time::new(),
            webhooks: Vec::new(),
        };
        let begun = life.time.now();
        life.add("opened", begun);
        steps.iter().for_each(|step| life.step(*step));
        Life {
            name: format!("acme/api#{number}"),
            open: life.open && !life.draft && life.main,
            ended: !life.open,
            webhooks: life.webhooks,
            back: life.head.back,
        }
    }

    fn step(&mut self, step: u8) {
        let tie = step & 8 != 0;
        match (self.open, step % 8) {
            (true, 0..=2) => {
                let (at, before) = self.head.push(step, &mut self.time);
                let pushed = self.webhook("synchronize").before(before);
                self.webhooks.push(pushed.at(at));
            }
            (true, 3 | 4) => {
                let at = self.time.next(tie);
                self.open = false;
                self.add("closed", at);
            }
            (true, 5) => {
                let at = self.time.next(false);
                self.draft = !self.draft;
                let action = match self.draft {
                    true => "converted_to_draft",
                    false => "ready_for_review",
                };
                self.add(action, at);
            }
            (true, _) => {
                let at = self.time.next(false);
                self.main = !self.main;
                self.add("edited", at);
            }
            (false, 0..=5) => {
                let at = self.time.next(tie);
                self.open = true;
                self.add("reopened", at);
                // A closing in the same second would count as before the reopening.
                self.time.events = 2;
            }
            (false, _) => {
                let at = self.time.next(false);
                self.add("edited", at);
            }
        }
    }

    fn webhook(&self, action: &str) -> Webhook {
        let state = if self.open { "open" } else { "closed" };
        let base = if self.main { "main" } else { "next" };
        Webhook::pull_request(action)
            .number(self.number)
            .sha(self.head.sha)
            .base(base)
            .with("/pull_request/draft", self.draft)
            .with("/pull_request/state", state)
    }

    fn add(&mut self, action: &str, at: Timestamp) {
        let webhook = self.webhook(action).at(at);
        self.webhooks.push(webhook);
    }
}

pub(super) struct BranchLife {
    name: String,
    exists: bool,
    head: Head,
    time: Time,
    webhooks: Vec<Webhook>,
}

impl BranchLife {
    pub(super) fn live(subject: usize, steps: &[u8]) -> Life {
        let index = subject / 2;
        let name = match BRANCHES.get(index) {
            Some(name) => (*name).to_owned(),
            None => format!("release-{index}"),
        };
        let mut life = Self {
            name: name.clone(),
            exists: false,
            head: Head::at(0),
            time: Time::new(),
            webhooks: Vec::new(),
        };
        life.create(2);
        steps.iter().for_each(|step| life.step(*step));
        Life {
            name: format!("{}@{name}", WEB.1),
            open: life.exists,
            ended: !life.exists,
            webhooks: life.webhooks,
            back: life.head.back,
        }
    }

    fn step(&mut self, step: u8) {
        match (self.exists, step % 8) {
            (true, 0..=4) => {
                let (at, before) = self.head.push(step, &mut self.time);
                self.add(Webhook::push(&self.name, before, self.head.sha), at);
            }
            (true, _) => self.delete(step / 8 % 3),
            (false, _) => self.create(step / 8 % 3),
        }
    }

    /// GitHub sends both `create` and `push`; the first may be switched off.
    fn create(&mut self, how: u8) {
        self.time.later();
        let at = self.time.now();
        self.exists = true;
        self.head.sha = self.head.last + 1;
        self.head.last = self.head.sha;
        self.head.before = None;
        if how != 0 {
            self.add(Webhook::create(&self.name), at);
        }
        self.add(Webhook::push(&self.name, 0, self.head.sha), at);
        self.time.events = 2;
    }

    fn delete(&mut self, how: u8) {
        self.time.later();
        let at = self.time.now();
        self.exists = false;
        if how != 0 {
            self.add(Webhook::delete(&self.name), at);
        }
        if how != 1 {
            self.add(Webhook::push(&self.name, self.head.sha, 0), at);
        }
        self.time.events = 2;
    }

    fn add(&mut self, webhook: Webhook, at: Timestamp) {
        self.webhooks.push(webhook.of(WEB.0, WEB.1).at(at));
    }
}

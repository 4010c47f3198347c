//! EventBridge: it delivers each event of CodePipeline at least once, in any order, and not always
//! soon. Sometimes one is lost for good: it ended in the dead-letter queue of the rule's target.

use std::convert::Infallible;
use std::time::Duration;

use branchline::domain::ids::Timestamp;
use branchline::ports::Clock;
use tokio::time::sleep;

use super::executions::Fate;
use super::pipeline_event::PipelineEvent;
use super::story::{World, pipeline_of};

/// The events between CodePipeline and the internal queue.
pub(crate) struct EventBridge {
    fate: Fate,
    /// `None` if it delivers each event once, at once and in order.
    disorder: Option<Disorder>,
    on_the_way: Vec<(Timestamp, PipelineEvent)>,
    /// How many events were delivered, and how many were lost.
    pub(crate) delivered: usize,
    pub(crate) lost: usize,
}

struct Disorder {
    rng: fastrand::Rng,
    latest: Duration,
}

impl EventBridge {
    /// Delivers each event once, at once and in order. Every execution succeeds.
    pub(crate) fn orderly() -> Self {
        Self {
            fate: Fate::Good,
            disorder: None,
            on_the_way: Vec::new(),
            delivered: 0,
            lost: 0,
        }
    }

    /// Delivers events out of order, some of them twice or not at all, and each at most this late.
    /// Executions have any result.
    pub(crate) fn disorderly(seed: u64, latest: Duration) -> Self {
        let mut rng = fastrand::Rng::with_seed(seed);
        Self {
            fate: Fate::Random(rng.fork()),
            disorder: Some(Disorder { rng, latest }),
            ..Self::orderly()
        }
    }

    /// Lets executions go on, and delivers what is due.
    pub(crate) fn tick(&mut self, world: &World) {
        let now = world.clock.now();
        for row in world.store.rows() {
            if let Some(built) = &row.observed.built {
                world.account.found(pipeline_of(&row), built);
            }
        }
        for event in world.account.go_on(&mut self.fate) {
            self.take(event, now);
        }
        let (due, later) = self.on_the_way.drain(..).partition(|(at, _)| *at <= now);
        self.on_the_way = later;
        self.deliver(due, world);
    }

    /// Delivers everything that is on the way.
    pub(crate) fn hand_over(&mut self, world: &World) {
        let all = self.on_the_way.drain(..).collect();
        self.deliver(all, world);
    }

    /// Goes on like this for ever.
    pub(crate) async fn run(&mut self, world: &World) -> Infallible {
        loop {
            let millis = match &mut self.disorder {
                Some(disorder) => disorder.rng.u64(1_000..20_000),
                None => 10_000,
            };
            sleep(Duration::from_millis(millis)).await;
            self.tick(world);
        }
    }

    /// Returns true if every execution has ended and every event about one was delivered.
    pub(crate) fn is_quiet(&self, world: &World) -> bool {
        self.on_the_way.is_empty() && world.account.is_quiet()
    }

    fn take(&mut self, event: PipelineEvent, now: Timestamp) {
        let Some(Disorder { rng, latest }) = &mut self.disorder else {
            self.on_the_way.push((now, event));
            return;
        };
        if rng.u8(0..100) == 0 {
            self.lost += 1;
            return;
        }
        let latest = u64::try_from(latest.as_millis()).unwrap_or(0);
        let copies = if rng.u8(0..8) == 0 { 2 } else { 1 };
        for _ in 0..copies {
            let at = now.plus(Duration::from_millis(rng.u64(0..=latest)));
            self.on_the_way.push((at, event.clone()));
        }
    }

    fn deliver(&mut self, mut due: Vec<(Timestamp, PipelineEvent)>, world: &World) {
        if let Some(disorder) = &mut self.disorder {
            disorder.rng.shuffle(&mut due);
        }
        self.delivered += due.len();
        for (_, event) in due {
            world.send_event(&event);
        }
    }
}

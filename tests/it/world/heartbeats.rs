//! The fake heartbeats: the last one of each daemon.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use branchline::domain::fault::Fault;
use branchline::domain::heartbeat::Heartbeat;
use branchline::ports::{HeartbeatLog, HeartbeatReader};

use super::lock;
use super::store::FakeStore;

/// A handle to the heartbeats. Clones are handles to the same ones.
#[derive(Clone, Default)]
pub(super) struct FakeHeartbeats(Arc<Mutex<BTreeMap<String, Heartbeat>>>);

impl HeartbeatReader for FakeStore {
    async fn heartbeats(&self) -> Result<Vec<Heartbeat>, Fault> {
        Ok(lock(&self.heartbeats.0).values().cloned().collect())
    }
}

impl HeartbeatLog for FakeStore {
    async fn beat(&self, heartbeat: &Heartbeat) -> Result<(), Fault> {
        lock(&self.heartbeats.0).insert(heartbeat.worker.clone(), heartbeat.clone());
        Ok(())
    }
}

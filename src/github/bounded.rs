//! A map that forgets its oldest entry when it is full. GitHub is asked again for what it forgot.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A map with at most so many entries, shared by all calls.
pub(super) struct Bounded<K, V> {
    most: usize,
    entries: Mutex<Entries<K, V>>,
}

struct Entries<K, V> {
    values: HashMap<K, V>,
    /// The keys in the order in which they came.
    order: VecDeque<K>,
}

impl<K: Clone + Eq + Hash, V: Clone> Bounded<K, V> {
    pub(super) fn new(most: usize) -> Self {
        let entries = Entries {
            values: HashMap::new(),
            order: VecDeque::new(),
        };
        Self {
            most,
            entries: Mutex::new(entries),
        }
    }

    pub(super) fn get(&self, key: &K) -> Option<V> {
        self.lock().values.get(key).cloned()
    }

    pub(super) fn set(&self, key: K, value: V) {
        let mut entries = self.lock();
        if entries.values.insert(key.clone(), value).is_some() {
            return;
        }
        entries.order.push_back(key);
        if entries.values.len() > self.most
            && let Some(oldest) = entries.order.pop_front()
        {
            entries.values.remove(&oldest);
        }
    }

    /// Returns the value, which is made if there is none.
    pub(super) fn get_or_set(&self, key: K, make: impl FnOnce() -> V) -> V {
        if let Some(value) = self.get(&key) {
            return value;
        }
        let value = make();
        self.set(key, value.clone());
        value
    }

    pub(super) fn remove(&self, key: &K) {
        let mut entries = self.lock();
        if entries.values.remove(key).is_some() {
            entries.order.retain(|other| other != key);
        }
    }

    /// Locks the entries. No code panics under this lock.
    fn lock(&self) -> MutexGuard<'_, Entries<K, V>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_entry_is_forgotten() {
        let map = Bounded::new(2);
        for key in [1, 2, 1, 3] {
            map.set(key, key * 10);
        }
        assert_eq!(
            [1, 2, 3].map(|key| map.get(&key)),
            [None, Some(20), Some(30)]
        );
        map.remove(&2);
        map.set(4, 40);
        assert_eq!(
            [2, 3, 4].map(|key| map.get(&key)),
            [None, Some(30), Some(40)]
        );
    }
}

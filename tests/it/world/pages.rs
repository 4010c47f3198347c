//! The pages of the fake lists.

use branchline::ports::Cursor;

/// Returns a page of at most `size` keys, which are listed in the order of their positions, and
/// where the next one begins.
pub(super) fn page<K: Ord>(
    size: usize,
    listed: impl Iterator<Item = (String, K)>,
    after: Option<Cursor>,
) -> (Vec<K>, Option<Cursor>) {
    let mut listed: Vec<(String, K)> = listed.collect();
    listed.sort();
    let position = after.and_then(|after| after.0.get("position").cloned());
    listed.retain(|(at, _)| position.as_ref().is_none_or(|position| at > position));
    let more = listed.len() > size;
    listed.truncate(size);
    let last = listed.last().filter(|_| more);
    let next = last.map(|(at, _)| Cursor([("position".to_owned(), at.clone())].into()));
    (listed.into_iter().map(|(_, key)| key).collect(), next)
}

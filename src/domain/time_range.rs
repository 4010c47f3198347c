//! A span of time, and the days that it covers.

use crate::domain::ids::Timestamp;

/// The length of a day, in milliseconds.
const DAY: i64 = 24 * 60 * 60 * 1_000;

/// A span of time. Both ends belong to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeRange {
    /// Its first moment.
    pub from: Timestamp,
    /// Its last moment.
    pub to: Timestamp,
}

impl TimeRange {
    /// Returns its part in each UTC day that it covers, in order. An empty span covers no day.
    pub fn days(self) -> impl DoubleEndedIterator<Item = Self> {
        let first = self.from.0.div_euclid(DAY);
        let days = match self.from <= self.to {
            true => self.to.0.div_euclid(DAY) - first + 1,
            false => 0,
        };
        (0..days).map(move |day| {
            let start = (first + day) * DAY;
            Self {
                from: Timestamp(start).max(self.from),
                to: Timestamp(start + DAY - 1).min(self.to),
            }
        })
    }

    /// Returns the UTC day in which it begins: `2026-11-26`.
    #[must_use]
    pub fn day(self) -> String {
        day(self.from)
    }

    /// Returns true if the moment is within the span.
    #[must_use]
    pub fn contains(self, moment: Timestamp) -> bool {
        self.from <= moment && moment <= self.to
    }

    /// Returns the last days of this number, up to a moment.
    #[must_use]
    pub fn last_days(days: u16, to: Timestamp) -> Self {
        let from = Timestamp(to.0.saturating_sub(i64::from(days) * DAY));
        Self { from, to }
    }
}

/// Returns the UTC day of a moment: `2026-11-26`.
#[must_use]
pub fn day(moment: Timestamp) -> String {
    let text = moment.to_string();
    let date = text.split('T').next();
    date.unwrap_or_default().to_owned()
}

/// Returns the first moment of a UTC day, from its date: `2026-11-26`.
#[must_use]
pub fn start_of_day(date: &str) -> Option<Timestamp> {
    let is_date = date.len() == "2026-11-26".len() && !date.contains(['T', 't', ' ']);
    Timestamp::from_rfc3339(&format!("{date}T00:00:00Z")).filter(|_| is_date)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(from: &str, to: &str) -> TimeRange {
        let at = |text| Timestamp::from_rfc3339(text).unwrap();
        TimeRange {
            from: at(from),
            to: at(to),
        }
    }

    #[test]
    fn a_range_is_divided_at_midnight() {
        let days = |from, to| -> Vec<String> {
            let parts = range(from, to).days();
            parts
                .map(|part| format!("{}: {} to {}", part.day(), part.from, part.to))
                .collect()
        };
        assert_eq!(
            days("2026-02-28T22:00:00Z", "2026-03-01T01:00:00Z"),
            [
                "2026-02-28: 2026-02-28T22:00:00.000Z to 2026-02-28T23:59:59.999Z",
                "2026-03-01: 2026-03-01T00:00:00.000Z to 2026-03-01T01:00:00.000Z",
            ]
        );
        assert_eq!(
            days("2026-03-01T00:00:00Z", "2026-03-01T00:00:00Z").len(),
            1
        );
        assert_eq!(
            days("2026-03-02T00:00:00Z", "2026-03-01T00:00:00Z").len(),
            0
        );
    }

    #[test]
    fn a_date_is_the_start_of_its_day() {
        let start = start_of_day("2026-11-26").unwrap();
        assert_eq!(start.to_string(), "2026-11-26T00:00:00.000Z");
        assert_eq!(
            day(start.plus(std::time::Duration::from_secs(86_399))),
            "2026-11-26"
        );
        for invalid in ["2026-13-01", "2026-11-26T", "20261126", "26-11-2026", ""] {
            assert_eq!(start_of_day(invalid), None, "{invalid}");
        }
    }
}

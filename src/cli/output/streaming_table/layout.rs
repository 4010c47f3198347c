//! The widths of the columns. They are computed before the first row, since rows arrive one by one.

use crate::cli::output::streaming_table::column::Column;

/// Blanks between two columns.
pub(super) const GAP: usize = 2;
/// The least width of a column if not even the least widths fit.
const SLIVER: usize = 1;

/// Returns the width of each column; `None` if it is left out. With the gaps they are never wider
/// than the terminal.
pub(super) fn widths<T>(columns: &[Column<T>], terminal: usize) -> Vec<Option<usize>> {
    let mut shown: Vec<_> = columns.iter().map(|_| true).collect();
    loop {
        let kept = columns.iter().zip(&shown).filter(|(_, shown)| **shown);
        let kept: Vec<_> = kept.map(|(column, _)| column).collect();
        let space = terminal.saturating_sub(GAP * kept.len().saturating_sub(1));
        let least: usize = kept.iter().map(|column| column.least).sum();
        let droppable = columns
            .iter()
            .zip(&mut shown)
            .filter(|(column, shown)| **shown && column.rank > 0);
        // Among equal ranks, the last column.
        if least > space
            && let Some((_, shown)) = droppable.max_by_key(|(column, _)| column.rank)
        {
            *shown = false;
            continue;
        }
        let mut widths = fitted(&kept, space).into_iter();
        return shown
            .into_iter()
            .map(|shown| shown.then(|| widths.next()).flatten())
            .collect();
    }
}

/// Distributes the space over the flexible columns: surplus by their widths, a deficit by how much
/// each can shrink.
fn fitted<T>(columns: &[&Column<T>], space: usize) -> Vec<usize> {
    let wanted: usize = columns.iter().map(|column| column.width).sum();
    if wanted <= space {
        let weights = columns
            .iter()
            .map(|column| match column.least < column.width {
                true => column.width,
                false => 0,
            });
        let more = shares(space - wanted, &weights.collect::<Vec<_>>());
        let widths = columns.iter().zip(more);
        return widths.map(|(column, more)| column.width + more).collect();
    }
    let slack: Vec<_> = columns
        .iter()
        .map(|column| column.width - column.least)
        .collect();
    let less = shares((wanted - space).min(slack.iter().sum()), &slack);
    let widths = columns.iter().zip(less);
    let widths = widths.map(|(column, less)| column.width - less).collect();
    squeezed(widths, space)
}

/// Divides `amount` in proportion to the weights, to the last character.
fn shares(amount: usize, weights: &[usize]) -> Vec<usize> {
    let whole: usize = weights.iter().sum();
    let (mut seen, mut given) = (0, 0);
    let share = |weight: &usize| {
        seen += weight;
        let until = (amount * seen).checked_div(whole).unwrap_or(0);
        let share = until - given;
        given = until;
        share
    };
    weights.iter().map(share).collect()
}

/// Shrinks the last columns if no more can be left out.
fn squeezed(mut widths: Vec<usize>, space: usize) -> Vec<usize> {
    let mut over = widths.iter().sum::<usize>().saturating_sub(space);
    for width in widths.iter_mut().rev() {
        let less = over.min(width.saturating_sub(SLIVER));
        *width -= less;
        over -= less;
    }
    widths
}

#[cfg(test)]
mod tests {
    use super::*;

    fn columns() -> Vec<Column<()>> {
        let column = |header, width| Column::new(header, width, |()| String::new());
        vec![
            column("SUBJECT", 28).flexible(11),
            column("STATE", 8),
            column("PIPELINE", 28).flexible(11).rank(1),
            column("BRANCH", 20).flexible(8).rank(2),
            column("BUILT", 8).rank(3),
            column("AGE", 5),
            column("NOTE", 40).flexible(10),
        ]
    }

    fn wide(widths: &[Option<usize>]) -> usize {
        let shown = widths.iter().flatten();
        shown.clone().sum::<usize>() + GAP * (shown.count() - 1)
    }

    #[test]
    fn every_width_is_used_to_the_last_character() {
        for terminal in [80, 120, 149, 160, 200, 300] {
            assert_eq!(wide(&widths(&columns(), terminal)), terminal);
        }
    }

    #[test]
    fn the_least_important_columns_go_first_and_the_rest_shrinks() {
        let at = |terminal| widths(&columns(), terminal);
        let some = |widths: [usize; 7]| widths.map(|width| (width > 0).then_some(width)).to_vec();
        assert_eq!(at(40), some([11, 8, 0, 0, 0, 5, 10]));
        assert_eq!(at(80), some([13, 8, 13, 9, 8, 5, 12]));
        assert_eq!(at(120), some([22, 8, 22, 15, 8, 5, 28]));
        assert_eq!(at(200), some([40, 8, 40, 29, 8, 5, 58]));
    }

    #[test]
    fn no_table_is_wider_than_the_terminal() {
        for terminal in 20..300 {
            assert!(
                wide(&widths(&columns(), terminal)) <= terminal,
                "{terminal}"
            );
        }
    }
}

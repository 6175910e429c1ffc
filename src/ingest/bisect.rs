//! Finding the rows that a store refuses: a batch is halved until each of them is alone, and all others are stored.
//!
//! Pure but for the writing, which is the caller's. It writes ranges in their order, and a range only after every range before
//! it was stored or refused; what happens to what is refused is the caller's too. See [`super::rejected`].

use std::future::Future;
use std::ops::Range;

/// Rows of one batch that can be refused. More are no poison: the store refuses what anybody sends, and nothing is said of
/// the rows. To find 64 among 50,000 takes 64 × (log2(50,000 ÷ 64) + 2) × 2, about 1,500 writes, at worst, where all are far from
/// each other; one among them takes 33.
pub const REFUSED_MAX: usize = 64;

/// A row that was refused alone.
#[derive(Debug)]
pub struct Refused<E> {
    /// Its place in the batch; the first is 0.
    pub row: usize,
    pub error: E,
}

/// Writes `rows` rows and returns those that were refused, in their order. `write` gets ranges of places; `is_about_rows` says
/// of an error whether other rows might be taken.
///
/// # Errors
/// The first error that is not about rows, or that of the row after [`REFUSED_MAX`] others. What was written before stays so:
/// the sender sends everything again, and what is known changes nothing.
pub async fn bisect<E, W, F>(
    rows: usize,
    is_about_rows: impl Fn(&E) -> bool,
    mut write: W,
) -> Result<Vec<Refused<E>>, E>
where
    W: FnMut(Range<usize>) -> F,
    F: Future<Output = Result<(), E>>,
{
    let mut refused = Vec::new();
    // The next one is the last.
    let mut open: Vec<Range<usize>> = std::iter::once(0..rows).collect();
    while let Some(range) = open.pop() {
        if range.is_empty() {
            continue;
        }
        let error = match write(range.clone()).await {
            Ok(()) => continue,
            Err(error) => error,
        };
        let is_full = REFUSED_MAX <= refused.len();
        if !is_about_rows(&error) || (range.len() == 1 && is_full) {
            return Err(error);
        }
        if range.len() == 1 {
            refused.push(Refused { row: range.start, error });
            continue;
        }
        let middle = range.start + range.len() / 2;
        open.push(middle..range.end);
        open.push(range.start..middle);
    }
    Ok(refused)
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::collections::BTreeSet;

    use futures_util::FutureExt;
    use proptest::prelude::*;

    use super::*;

    #[derive(Debug, PartialEq)]
    enum Error {
        Poison,
        Full,
    }

    /// What came of a bisection: rows stored in their order, rows refused, and how often was written.
    #[derive(Debug)]
    struct Outcome {
        stored: Vec<usize>,
        refused: Result<Vec<usize>, Error>,
        writes: usize,
    }

    fn run(rows: usize, poison: &BTreeSet<usize>, full_at: Option<usize>) -> Outcome {
        let stored = RefCell::new(Vec::new());
        let writes = RefCell::new(0);
        let write = |range: Range<usize>| {
            *writes.borrow_mut() += 1;
            let result = if Some(*writes.borrow()) == full_at {
                Err(Error::Full)
            } else if range.clone().any(|row| poison.contains(&row)) {
                Err(Error::Poison)
            } else {
                stored.borrow_mut().extend(range);
                Ok(())
            };
            std::future::ready(result)
        };
        let refused = bisect(rows, |error| *error == Error::Poison, write).now_or_never().unwrap();
        let refused = refused.map(|refused| refused.into_iter().map(|refused| refused.row).collect());
        Outcome { stored: stored.take(), refused, writes: writes.take() }
    }

    #[test]
    fn nothing_is_written_for_nothing_and_a_sound_batch_once() {
        let nothing = run(0, &BTreeSet::new(), None);
        assert_eq!((nothing.writes, nothing.refused), (0, Ok(vec![])));
        let sound = run(50_000, &BTreeSet::new(), None);
        assert_eq!((sound.writes, sound.stored.len(), sound.refused), (1, 50_000, Ok(vec![])));
    }

    #[test]
    fn one_row_among_fifty_thousand_is_found_in_33_writes() {
        for row in [0, 1, 24_999, 25_000, 49_999] {
            let outcome = run(50_000, &[row].into(), None);
            assert_eq!((outcome.refused, outcome.stored.len()), (Ok(vec![row]), 49_999));
            assert!(outcome.writes <= 33, "{}", outcome.writes);
        }
    }

    #[test]
    fn a_store_that_refuses_everybody_is_found_out_and_accuses_no_row() {
        let everybody: BTreeSet<usize> = (0..50_000).collect();
        let outcome = run(50_000, &everybody, None);
        assert_eq!((outcome.refused, outcome.stored), (Err(Error::Poison), vec![]));
        assert!(outcome.writes < 200, "{}", outcome.writes);
        let many: BTreeSet<usize> = (0..64).collect();
        assert_eq!(run(64, &many, None).refused.unwrap().len(), REFUSED_MAX);
    }

    #[test]
    fn an_error_that_is_not_about_rows_ends_it() {
        let outcome = run(8, &[3].into(), Some(3));
        assert_eq!((outcome.refused, outcome.writes), (Err(Error::Full), 3));
    }

    proptest! {
        #[test]
        fn whatever_is_poison_is_refused_and_all_else_is_stored_once_and_in_order(
            rows in 1_usize..3_000,
            places in proptest::collection::btree_set(0_usize..3_000, 0..REFUSED_MAX),
        ) {
            let poison: BTreeSet<usize> = places.into_iter().filter(|row| *row < rows).collect();
            let outcome = run(rows, &poison, None);
            let sound: Vec<usize> = (0..rows).filter(|row| !poison.contains(row)).collect();
            prop_assert_eq!(outcome.stored, sound);
            prop_assert_eq!(outcome.refused.unwrap(), poison.iter().copied().collect::<Vec<_>>());
            let levels = rows.next_power_of_two().ilog2() as usize;
            prop_assert!(outcome.writes <= 1 + 2 * poison.len() * levels, "{} writes", outcome.writes);
        }
    }
}

//! The key order of what is measured once per run: points of series, outcomes of cases.
//!
//! A run brings one row for each of many members (series, cases); a history wants many runs of one member. Ordered by
//! member, a save touches a page per member; ordered by run, a history touches a page per run. So runs are counted,
//! and 32 of them form a block: rows are ordered by block, then member, then run. A save touches the pages of one
//! block, a history makes one jump per block.
//!
//! The three parts are packed into one positive integer, the table's own row id, so that the table needs no index.
//! From the high end: block (32 bits), member (26 bits), place of the run in its block (5 bits).

/// Bits for a run's place in its block: 32 runs to a block.
pub(crate) const SLOT_BITS: u32 = 5;
/// How many runs form a block.
pub(crate) const RUNS_PER_BLOCK: usize = 1 << SLOT_BITS;
/// Bits for the member's id. `schema_1.sql` refuses greater ids.
const MEMBER_BITS: u32 = 26;
const SLOT_MASK: i64 = (1 << SLOT_BITS) - 1;
/// The bits of a member's number, at the low end.
pub(crate) const MEMBER_MASK: i64 = (1 << MEMBER_BITS) - 1;

/// The key of a member's row for the run with this number.
pub(crate) const fn key(run: i64, member: i64) -> i64 {
    (block_of(run) << (MEMBER_BITS + SLOT_BITS)) | ((member & MEMBER_MASK) << SLOT_BITS) | (run & SLOT_MASK)
}

/// The block that a run belongs to.
pub(crate) const fn block_of(run: i64) -> i64 {
    run >> SLOT_BITS
}

/// The first run of a block.
pub(crate) const fn first_run(block: i64) -> i64 {
    block << SLOT_BITS
}

/// The first and last key of a member's rows in a block.
pub(crate) const fn span(block: i64, member: i64) -> (i64, i64) {
    let first = key(first_run(block), member);
    (first, first | SLOT_MASK)
}

/// The first and last key of a block.
pub(crate) const fn block_span(block: i64) -> (i64, i64) {
    let first = key(first_run(block), 0);
    (first, first | (MEMBER_MASK << SLOT_BITS) | SLOT_MASK)
}

#[cfg(test)]
mod tests {
    use super::{MEMBER_MASK, block_of, block_span, first_run, key, span};

    #[test]
    fn keys_are_ordered_by_block_then_member_then_run() {
        assert!(key(31, 7) < key(32, 0));
        assert!(key(31, 7) < key(0, 8));
        assert!(key(30, 7) < key(31, 7));
        assert!(key((1 << 37) - 1, MEMBER_MASK) > 0);
    }

    #[test]
    fn a_span_holds_its_member_and_nothing_else() {
        let (first, last) = span(2, 9);
        assert_eq!((first, last), (key(64, 9), key(95, 9)));
        assert!(last < key(64, 10) && first > key(95, 8));
    }

    #[test]
    fn a_block_holds_its_runs_and_nothing_else() {
        let (first, last) = block_span(1);
        assert_eq!((first, last), (key(32, 0), key(63, MEMBER_MASK)));
        assert!(last < key(64, 0) && first > key(31, MEMBER_MASK));
        assert_eq!((block_of(63), first_run(1)), (1, 32));
    }
}

//! The nice value of the thread that starts commands: a child has it from its first instant, at no cost of its own.

use std::cell::Cell;

use rustix::process::{getpriority_process, setpriority_process};

thread_local! {
    /// Our own value, and the one that the thread has now.
    static RANK: Cell<Option<(i32, i32)>> = const { Cell::new(None) };
}

/// Gives this thread, and so what it starts, this nice value; its own again with `None`. Whether it is permitted was
/// tried before; where it is refused all the same, things stay as they are.
pub(super) fn take(nice: Option<i32>) {
    let (ours, now) = match (RANK.get(), nice) {
        (Some(known), _) => known,
        (None, None) => return,
        // On Linux these calls are about the calling thread, whatever their name says.
        (None, Some(_)) => match getpriority_process(None) {
            Ok(ours) => (ours, ours),
            Err(_) => return,
        },
    };
    let wanted = nice.unwrap_or(ours);
    let now = if wanted != now && setpriority_process(None, wanted).is_ok() { wanted } else { now };
    RANK.set(Some((ours, now)));
}

#[cfg(test)]
mod tests {
    use rustix::process::getpriority_process;

    use super::take;

    #[test]
    fn a_thread_takes_a_rank_and_gives_it_back() {
        let now = || getpriority_process(None).unwrap();
        std::thread::spawn(move || {
            let ours = now();
            if crate::execute::launch::may_have_priority(ours - 1).is_err() {
                return;
            }
            take(None);
            assert_eq!(now(), ours);
            take(Some(ours - 1));
            assert_eq!(now(), ours - 1);
            take(None);
            assert_eq!(now(), ours);
        })
        .join()
        .unwrap();
    }
}

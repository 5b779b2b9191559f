//! The events of test runners: JSON objects, one a line, and between them what else was printed.

use std::io::Read;

use serde::de::DeserializeOwned;

use super::cases::{CaseTotals, Sink};
use super::lines::{Line, Lines};
use super::{HarnessError, quoted, unreadable};

/// Makes cases of the events of one format.
pub(super) trait Events<'a, 'b>: Sized {
    /// An event.
    type Event: DeserializeOwned;
    /// What was missed where there is no event, and what to do.
    const NOTHING: [&'static str; 2];
    /// Why the stream may be cut off.
    const CUT: &'static str;

    /// Where the cases go.
    fn sink(&mut self) -> &mut Sink<'a, 'b>;

    /// Takes an event from this line; false if it is none of this format.
    fn event(&mut self, event: Self::Event, line: u64) -> bool;

    /// Whether an object that cannot be read was to be an event.
    fn is_about_events(text: &str) -> bool;

    /// Takes a line that is no object; true if it stands for an event.
    fn foreign(&mut self, _line: &str) -> bool {
        false
    }

    /// At the end, whose line this is: says what has begun and not ended, if anything has.
    fn end(&mut self, line: u64) -> Option<String>;

    /// What was found.
    fn totals(self) -> CaseTotals;
}

/// Reads a stream.
///
/// # Errors
/// Where it holds no event, or is cut off; what had ended before that is handed out.
pub(super) fn read<'a, 'b: 'a, E: Events<'a, 'b>>(
    input: &mut dyn Read,
    mut reader: E,
) -> Result<CaseTotals, HarnessError> {
    let mut lines = Lines::new(input).map_err(|error| unreadable(&error, 1))?;
    let (mut any, mut broken) = (false, None);
    loop {
        let number = lines.number() + 1;
        let Some(line) = lines.next().map_err(|error| unreadable(&error, number))? else { break };
        let read = take(&mut reader, line);
        any |= read == Ok(true);
        broken = read.err();
        if reader.sink().stopped() {
            return Ok(reader.totals());
        }
    }
    let last = lines.number().max(1);
    let unfinished = reader.end(last);
    let totals = reader.totals();
    let cut = |(line, column), text: &str| Err(HarnessError::new(line, column, format!("cut off{text}"), E::CUT));
    match (broken, any, unfinished) {
        (Some(place), ..) => cut(place, ": the last event breaks in the middle"),
        (None, false, _) => Err(HarnessError::new(1, 1, E::NOTHING[0], E::NOTHING[1])),
        (None, true, Some(what)) => cut((last, 1), &what),
        (None, true, None) => Ok(totals),
    }
}

/// Whether there is an event in this line.
///
/// # Errors
/// The place where it breaks off.
fn take<'a, 'b: 'a, E: Events<'a, 'b>>(reader: &mut E, line: Line<'_>) -> Result<bool, (u64, u64)> {
    let text = line.text.trim();
    if !text.starts_with('{') {
        return Ok(reader.foreign(text));
    }
    match serde_json::from_str(text) {
        Ok(event) => return Ok(reader.event(event, line.number)),
        Err(error) if !line.ended => return Err((line.number, error.column().max(1) as u64)),
        Err(_) if E::is_about_events(text) => {
            let what = if line.cut { "is longer than 16 MiB" } else { "is no event" };
            reader.sink().warn(line.number, format!("`{}` {what}", quoted(text)));
        }
        Err(_) => {}
    }
    Ok(false)
}

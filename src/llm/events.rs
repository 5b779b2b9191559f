//! Server-sent events out of bytes, as the WHATWG HTML standard reads them (section 9.2.6), with bounds.

/// The longest line, in bytes.
const LONGEST_LINE: usize = 1 << 20;
/// The most data of one event, in bytes.
const LARGEST_EVENT: usize = 4 << 20;

/// What was too large.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum TooLarge {
    /// A line.
    #[error("a line of the stream is longer than 1 MiB")]
    Line,
    /// An event.
    #[error("an event of the stream is larger than 4 MiB")]
    Event,
}

/// Reads a stream piece by piece.
#[derive(Debug, Default)]
pub(super) struct Events {
    line: Vec<u8>,
    data: Vec<u8>,
    has_data: bool,
    /// The last byte was a carriage return: a line feed after it ends no line of its own.
    after_return: bool,
    /// A first line may open with a byte order mark.
    begun: bool,
}

impl Events {
    /// Takes the next bytes; gives the data of the events that are complete with them.
    ///
    /// # Errors
    /// If a line or an event is too large.
    pub(super) fn take(&mut self, bytes: &[u8]) -> Result<Vec<Vec<u8>>, TooLarge> {
        let mut found = Vec::new();
        for byte in bytes {
            let after_return = std::mem::take(&mut self.after_return);
            match byte {
                b'\n' if after_return => {}
                b'\n' => self.end_line(&mut found)?,
                b'\r' => {
                    self.after_return = true;
                    self.end_line(&mut found)?;
                }
                _ if self.line.len() >= LONGEST_LINE => return Err(TooLarge::Line),
                byte => self.line.push(*byte),
            }
        }
        Ok(found)
    }

    /// Whether an event had begun and was not ended: by the standard it does not count.
    pub(super) fn is_open(&self) -> bool {
        self.has_data || !self.line.is_empty()
    }

    fn end_line(&mut self, found: &mut Vec<Vec<u8>>) -> Result<(), TooLarge> {
        let line = std::mem::take(&mut self.line);
        let first = !std::mem::replace(&mut self.begun, true);
        let mut text = line.as_slice();
        if first {
            text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
        }
        if text.is_empty() {
            if std::mem::take(&mut self.has_data) {
                found.push(std::mem::take(&mut self.data));
            }
        } else if let Some(data) = text.strip_prefix(b"data").filter(|rest| matches!(rest.first(), None | Some(b':'))) {
            let data = data.strip_prefix(b":").unwrap_or(data);
            let data = data.strip_prefix(b" ").unwrap_or(data);
            if self.data.len() + data.len() >= LARGEST_EVENT {
                return Err(TooLarge::Event);
            }
            if std::mem::replace(&mut self.has_data, true) {
                self.data.push(b'\n');
            }
            self.data.extend_from_slice(data);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{Events, TooLarge};

    fn read(pieces: &[&str]) -> Vec<String> {
        let mut events = Events::default();
        let all = pieces.iter().flat_map(|piece| events.take(piece.as_bytes()).unwrap());
        all.map(|data| String::from_utf8(data).unwrap()).collect()
    }

    #[test]
    fn the_examples_of_the_standard() {
        assert_eq!(read(&["data: YHOO\ndata: +2\ndata: 10\n\n"]), ["YHOO\n+2\n10"]);
        let second = ": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n\n";
        assert_eq!(read(&[second]), ["first event", "second event", " third event"]);
        assert_eq!(read(&["data\n\ndata\ndata\n\ndata:"]), ["", "\n"]);
        assert_eq!(read(&["data:test\n\ndata: test\n\n"]), ["test", "test"]);
    }

    #[test]
    fn it_does_not_matter_where_the_network_cuts() {
        let whole = "\u{feff}data: {\"a\":\"ü\"}\r\n\r\nevent: x\rdata: b\r\rdatas: no\n\ndata: [DONE]\n\n";
        let expected = ["{\"a\":\"ü\"}", "b", "[DONE]"];
        assert_eq!(read(&[whole]), expected);
        let mut events = Events::default();
        let one_by_one = whole.bytes().flat_map(|byte| events.take(&[byte]).unwrap());
        assert_eq!(one_by_one.map(|data| String::from_utf8(data).unwrap()).collect::<Vec<_>>(), expected);
        assert!(!events.is_open());
    }

    #[test]
    fn an_event_without_its_end_does_not_count() {
        let mut events = Events::default();
        assert!(events.take(b"data: half").unwrap().is_empty());
        assert!(events.is_open());
        assert!(events.take(b"\n").unwrap().is_empty());
        assert!(events.is_open());
    }

    #[test]
    fn memory_is_bounded() {
        let mut events = Events::default();
        let piece = vec![b'x'; 1 << 16];
        let error = (0..100).find_map(|_| events.take(&piece).err());
        assert_eq!(error, Some(TooLarge::Line));
        let mut events = Events::default();
        let line = [b"data: ".as_slice(), &vec![b'x'; 1 << 19], b"\n"].concat();
        let error = (0..100).find_map(|_| events.take(&line).err());
        assert_eq!(error, Some(TooLarge::Event));
    }
}

//! What a stream of a chat or of a completion says: which pieces carry output, what was used, and how it ended.

use std::time::Duration;

use serde_json::Value;

use super::events::Events;
use super::trace::{Piece, Said, Usage};
use crate::report::escape;
use crate::results::Reason;

/// The most bytes of one answer.
const LARGEST: usize = 64 << 20;
/// The most bytes of text that are kept of one answer.
const LARGEST_TEXT: usize = 8 << 20;
/// The longest that the reason of an end is repeated, in characters.
const REASON: usize = 40;
/// The longest that a server's words are repeated, in characters.
const WORDS: usize = 300;

/// One answer, while it comes.
#[derive(Debug)]
pub(super) struct Reading {
    events: Events,
    bytes: usize,
    /// More pieces than this are no answer of the length that was asked for.
    most_pieces: usize,
    pub(super) pieces: Vec<Piece>,
    pub(super) usage: Usage,
    /// A choice said why it ends.
    finished: bool,
    /// The stream said that it is over.
    pub(super) done: bool,
    /// The answer, where it is kept.
    pub(super) said: Option<Said>,
}

impl Reading {
    /// An answer of so many tokens at most.
    pub(super) fn new(max_tokens: u32) -> Self {
        Self {
            events: Events::default(),
            bytes: 0,
            // A character of several bytes may come in as many pieces; a server may send empty thoughts.
            most_pieces: max_tokens as usize * 8 + 1024,
            pieces: Vec::new(),
            usage: Usage::default(),
            finished: false,
            done: false,
            said: None,
        }
    }

    /// The same, whose text is kept.
    pub(super) fn keeping(max_tokens: u32) -> Self {
        Self { said: Some(Said::default()), ..Self::new(max_tokens) }
    }

    /// Takes an answer that came in one document instead of a stream.
    ///
    /// # Errors
    /// Why this is no answer.
    pub(super) fn whole(&mut self, bytes: &[u8], at: Duration) -> Result<(), Reason> {
        self.bytes += bytes.len();
        self.event(bytes, at)?;
        self.done = true;
        Ok(())
    }

    /// Takes bytes that came at this time.
    ///
    /// # Errors
    /// Why this is no answer.
    pub(super) fn take(&mut self, bytes: &[u8], at: Duration) -> Result<(), Reason> {
        self.bytes += bytes.len();
        if self.bytes > LARGEST {
            return Err(Reason::new("too_large", "the answer is larger than 64 MiB"));
        }
        let events = self.events.take(bytes).map_err(|error| Reason::new("too_large", error.to_string()))?;
        for data in events {
            // What follows the end is nobody's.
            if !self.done {
                self.event(&data, at)?;
            }
        }
        Ok(())
    }

    /// The stream is over.
    ///
    /// # Errors
    /// Why this is no whole answer.
    pub(super) fn end(&self) -> Result<(), Reason> {
        if !self.done && !self.finished {
            let text = match (self.bytes, self.events.is_open()) {
                (0, _) => "the server closed the connection without an answer".into(),
                (_, true) => format!("the stream broke off inside an event, after {}", pieces(self.pieces.len())),
                (_, false) => {
                    format!(
                        "the stream ended without `[DONE]` and without a reason, after {}",
                        pieces(self.pieces.len())
                    )
                }
            };
            return Err(Reason::new("broken_stream", text));
        }
        if self.pieces.is_empty() {
            return Err(Reason::new("empty_answer", "the answer is complete and holds no output"));
        }
        Ok(())
    }

    fn event(&mut self, data: &[u8], at: Duration) -> Result<(), Reason> {
        if data.trim_ascii() == b"[DONE]" {
            self.done = true;
            return Ok(());
        }
        let chunk: Value = serde_json::from_slice(data).map_err(|error| {
            let begin = String::from_utf8_lossy(data.get(..80).unwrap_or(data));
            Reason::new("malformed", format!("an event of the stream is no JSON ({error}): `{}`", escape::line(&begin)))
        })?;
        if let Some(error) = chunk.get("error").filter(|error| !error.is_null()) {
            let text = format!("the server broke off with an error: {}", words(error));
            return Err(Reason::new("server_error", text));
        }
        self.note_usage(&chunk);
        let choices = chunk.get("choices").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        if choices.iter().any(carries_output) {
            if self.pieces.len() >= self.most_pieces {
                let text = format!(
                    "the answer goes on after {}: the server does not keep to the limit of tokens",
                    pieces(self.pieces.len())
                );
                return Err(Reason::new("endless", text));
            }
            let so_far = chunk.pointer("/usage/completion_tokens").and_then(Value::as_u64);
            self.pieces.push(Piece { at, so_far });
        }
        self.finished |=
            choices.iter().any(|choice| choice.get("finish_reason").is_some_and(|reason| !reason.is_null()));
        choices.first().map_or(Ok(()), |choice| self.keep(choice))
    }

    /// Keeps what the first choice says, if anything is kept.
    fn keep(&mut self, choice: &Value) -> Result<(), Reason> {
        let Some(said) = &mut self.said else { return Ok(()) };
        if let Some(reason) = choice.get("finish_reason").and_then(Value::as_str) {
            said.finish = Some(escape::cut(&escape::line(reason), REASON).into_owned());
        }
        let content = ["/delta/content", "/message/content", "/text"].into_iter().find_map(|path| choice.pointer(path));
        let text = content.and_then(Value::as_str).unwrap_or_default();
        if said.text.len() + text.len() > LARGEST_TEXT {
            return Err(Reason::new("too_large", "the answer is larger than 8 MiB"));
        }
        said.text.push_str(text);
        Ok(())
    }

    fn note_usage(&mut self, chunk: &Value) {
        let number = |path: &str| chunk.pointer(path).and_then(Value::as_u64);
        let Usage { prompt, cached, output } = self.usage;
        self.usage = Usage {
            prompt: number("/usage/prompt_tokens").or(prompt),
            cached: number("/usage/prompt_tokens_details/cached_tokens").or(cached),
            output: number("/usage/completion_tokens").or(output),
        };
    }
}

/// So many pieces, in words.
pub(super) fn pieces(count: usize) -> String {
    if count == 1 { "1 piece".into() } else { format!("{count} pieces") }
}

/// Whether a choice brings output: text, reasoning, a refusal, or a call of a tool. A first piece often only names the role.
fn carries_output(choice: &Value) -> bool {
    let text = |of: &Value, name: &str| of.get(name).and_then(Value::as_str).is_some_and(|text| !text.is_empty());
    let delta = choice.get("delta").or_else(|| choice.get("message")).unwrap_or(&Value::Null);
    let calls = delta.get("tool_calls").and_then(Value::as_array).is_some_and(|calls| !calls.is_empty());
    text(choice, "text")
        || ["content", "reasoning_content", "reasoning", "refusal"].iter().any(|name| text(delta, name))
        || calls
}

/// The server's words in an error: text, or an object with a message, on one line of bounded length.
pub(super) fn words(error: &Value) -> String {
    let message =
        |of: &Value| of.get("message").or_else(|| of.get("detail")).and_then(Value::as_str).map(str::to_owned);
    let inner = error.get("error").filter(|inner| !inner.is_null()).unwrap_or(error);
    let text = inner.as_str().map(str::to_owned).or_else(|| message(inner)).or_else(|| message(error));
    let text = text.unwrap_or_else(|| inner.to_string());
    escape::cut(&escape::line(text.trim()), WORDS).into_owned()
}

#[cfg(test)]
mod tests {
    use super::{Reading, words};
    use crate::llm::trace::Usage;
    use crate::stats::Random;
    use serde_json::json;
    use std::time::Duration;

    const AT: Duration = Duration::from_millis(5);

    fn read(text: &str) -> (Reading, Result<(), String>) {
        let mut reading = Reading::new(4);
        let taken = reading.take(text.as_bytes(), AT);
        let result = taken.and_then(|()| reading.end()).map_err(|reason| format!("{}: {}", reason.code, reason.text));
        (reading, result)
    }

    fn chat(delta: &str) -> String {
        format!("data: {{\"choices\":[{{\"delta\":{delta}}}]}}\n\n")
    }

    const DONE: &str = "data: [DONE]\n\n";

    #[test]
    fn a_chat_and_what_it_used() {
        let text = [
            &chat(r#"{"role":"assistant","content":null}"#),
            &chat(r#"{"content":"a"}"#),
            ": a comment keeps the connection open\n\n",
            &chat(r#"{"reasoning_content":"b"}"#),
            &chat(r#"{"tool_calls":[{"function":{"arguments":"{"}}]}"#),
            "data: {\"choices\":[],\"usage\":{\"completion_tokens\":3,\"prompt_tokens\":9,\
             \"prompt_tokens_details\":{\"cached_tokens\":2}}}\n\n",
            DONE,
            "data: what follows is nobody's\n\n",
        ];
        let (reading, result) = read(&text.concat());
        assert_eq!(result, Ok(()));
        assert_eq!(reading.pieces.len(), 3);
        assert_eq!(reading.usage, Usage { prompt: Some(9), cached: Some(2), output: Some(3) });
        assert!(reading.pieces.iter().all(|piece| piece.so_far.is_none() && piece.at == AT));
    }

    #[test]
    fn a_completion_that_counts_as_it_goes() {
        let chunk = |text: &str, tokens: u32, reason: &str| {
            format!(
                "data: {{\"choices\":[{{\"text\":\"{text}\",\"finish_reason\":{reason}}}],\
                 \"usage\":{{\"completion_tokens\":{tokens}}}}}\n\n"
            )
        };
        let (reading, result) = read(&[chunk("a", 1, "null"), chunk("bcd", 4, "\"length\"")].concat());
        assert_eq!(result, Ok(()), "a reason is an end, without [DONE]");
        assert_eq!(reading.pieces.iter().map(|piece| piece.so_far).collect::<Vec<_>>(), [Some(1), Some(4)]);
    }

    #[test]
    fn an_answer_is_kept_whether_it_is_streamed_or_not() {
        let mut streamed = Reading::keeping(4);
        let text = [
            chat(r#"{"role":"assistant","content":""}"#),
            chat(r#"{"reasoning_content":"hm"}"#),
            chat(r#"{"content":"a\nb"}"#),
            chat(r#"{"content":"\u00fc"}"#),
            "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n".into(),
            DONE.into(),
        ];
        streamed.take(text.concat().as_bytes(), AT).unwrap();
        streamed.end().unwrap();
        let said = streamed.said.unwrap();
        assert_eq!((said.text.as_str(), said.finish.as_deref()), ("a\nbü", Some("stop")));
        for (body, text) in [
            (
                json!({"choices": [{"message": {"role": "assistant", "content": "one"}, "finish_reason": "length"}],
                    "usage": {"completion_tokens": 1, "prompt_tokens": 2}}),
                "one",
            ),
            (
                json!({"choices": [{"text": "two", "finish_reason": "length"}], "usage": {"completion_tokens": 1}}),
                "two",
            ),
        ] {
            let mut whole = Reading::keeping(4);
            whole.whole(body.to_string().as_bytes(), AT).unwrap();
            whole.end().unwrap();
            assert_eq!(whole.usage.output, Some(1));
            assert_eq!(whole.said.map(|said| (said.text, said.finish)), Some((text.into(), Some("length".into()))));
        }
        let mut error = Reading::keeping(4);
        let told = error.whole(br#"{"error": {"message": "no such model"}}"#, AT).unwrap_err();
        assert_eq!(told.code, "server_error");
    }

    #[test]
    fn the_text_that_is_kept_is_bounded() {
        let mut reading = Reading::keeping(1 << 20);
        let piece = chat(&format!("{{\"content\":\"{}\"}}", "x".repeat(1 << 19)));
        let error = (0..100).find_map(|_| reading.take(piece.as_bytes(), AT).err()).unwrap();
        assert_eq!(error.code, "too_large");
    }

    #[test]
    fn what_is_no_answer_says_why() {
        let one = chat(r#"{"content":"a"}"#);
        let many = one.repeat(2000);
        for (text, expected) in [
            ("", "broken_stream: the server closed the connection without an answer"),
            (&one, "broken_stream: the stream ended without `[DONE]` and without a reason, after 1 piece"),
            (&format!("{one}data: {{\"cho"), "broken_stream: the stream broke off inside an event, after 1 piece"),
            (DONE, "empty_answer: the answer is complete and holds no output"),
            ("data: <html>\u{1b}[2J\n\n", "malformed: an event of the stream is no JSON"),
            (
                "data: {\"error\":{\"message\":\"out of\\nmemory\"}}\n\n",
                "server_error: the server broke off with an error: out of memory",
            ),
            (&many, "endless: the answer goes on after 1056 pieces"),
        ] {
            let said = read(text).1.unwrap_err();
            assert!(said.starts_with(expected), "{said}");
            assert!(!said.contains('\u{1b}'));
        }
    }

    #[test]
    fn odd_json_is_no_trouble() {
        for odd in [
            "[]",
            "7",
            "null",
            "{\"choices\":7}",
            "{\"choices\":[7,null,{\"delta\":[],\"text\":{}}]}",
            "{\"usage\":\"x\"}",
        ] {
            assert!(read(&format!("data: {odd}\n\n{DONE}")).1.unwrap_err().starts_with("empty_answer"), "{odd}");
        }
        let deep = "[".repeat(100_000);
        assert!(read(&format!("data: {deep}\n\n")).1.unwrap_err().starts_with("malformed"));
    }

    /// Pieces of real streams in any order, cut anywhere and with bytes turned: it ends, with an answer or with a reason.
    #[test]
    fn any_bytes_end_well() {
        let piece = b"data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\n".as_slice();
        let parts = [
            piece,
            piece,
            b"data: [DONE]\n\n",
            b"data: {\"choices\":[{\"finish_reason\":\"stop\"}]}\r\n\r\n",
            b"\r",
            b": ping\n",
            b"data: {\"usage\":{\"completion_tokens\":18446744073709551616}}\n\n",
            b"\xff\xfe\x00",
            b"data",
            b"data: {\"error\":{}}\n\n",
            b"\xef\xbb\xbf",
        ];
        let mut random = Random::new(17);
        let mut ends = [0_u32; 2];
        for _ in 0..20_000 {
            let mut bytes: Vec<u8> = Vec::new();
            for _ in 0..random.bits() % 12 {
                bytes.extend_from_slice(parts[random.bits() as usize % parts.len()]);
            }
            if !bytes.is_empty() && random.coin() {
                let at = random.bits() as usize % bytes.len();
                bytes[at] ^= 1 << (random.bits() % 8);
            }
            let cut = random.bits() as usize % (bytes.len() + 1);
            let mut reading = Reading::new(4);
            let taken = reading.take(&bytes[..cut], AT).and_then(|()| reading.take(&bytes[cut..], AT));
            let ended = taken.and_then(|()| reading.end());
            ends[usize::from(ended.is_ok())] += 1;
        }
        assert!(ends.iter().all(|count| *count > 20), "both ends are met: {ends:?}");
    }

    #[test]
    fn the_words_of_errors_in_all_their_forms() {
        assert_eq!(words(&json!({"error": {"message": "no"}})), "no");
        assert_eq!(words(&json!({"error": "no"})), "no");
        assert_eq!(words(&json!({"message": "no"})), "no");
        assert_eq!(words(&json!({"detail": "no"})), "no");
        assert_eq!(words(&json!({"code": 1})), "{\"code\":1}");
        assert_eq!(words(&json!("x".repeat(1000))).chars().count(), 301);
    }
}

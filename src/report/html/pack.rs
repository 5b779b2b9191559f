//! The page's data in one block that no HTML parser can stumble over: JSON and samples, deflated, in base64.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;

/// zlib's usual effort. Samples are noise, on which more effort finds nothing.
const EFFORT: u8 = 6;

/// The length of the JSON in four bytes (little-endian), the JSON, the samples; all of it deflated with a zlib header and
/// written in base64.
pub(super) fn pack(data: &impl Serialize, samples: &[u8]) -> String {
    // Our own types hold neither maps with odd keys nor numbers that JSON has no word for.
    let json = serde_json::to_vec(data).unwrap_or_default();
    let mut bytes = Vec::with_capacity(json.len() + samples.len() + 4);
    bytes.extend_from_slice(&(json.len() as u32).to_le_bytes());
    bytes.extend_from_slice(&json);
    bytes.extend_from_slice(samples);
    STANDARD.encode(miniz_oxide::deflate::compress_to_vec_zlib(&bytes, EFFORT))
}

#[cfg(test)]
pub(super) fn unpack(packed: &str) -> (serde_json::Value, Vec<u8>) {
    let bytes = STANDARD.decode(packed).expect("base64");
    let bytes = miniz_oxide::inflate::decompress_to_vec_zlib(&bytes).expect("zlib");
    let (length, rest) = bytes.split_at(4);
    let length = u32::from_le_bytes(length.try_into().expect("four bytes")) as usize;
    (serde_json::from_slice(&rest[..length]).expect("JSON"), rest[length..].to_vec())
}

#[cfg(test)]
mod tests {
    use super::{pack, unpack};

    #[test]
    fn what_goes_in_comes_out_and_nothing_in_it_is_html() {
        let data = serde_json::json!({ "name": "</script><!-- \u{2028} שלום" });
        let packed = pack(&data, &[0, 255, 7]);
        assert!(packed.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+/=".contains(&byte)));
        assert_eq!(unpack(&packed), (data, vec![0, 255, 7]));
    }
}

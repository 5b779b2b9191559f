//! The page's data in blocks that no HTML parser can stumble over: deflated, in base64.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// zlib's usual effort. Samples are noise, on which more effort finds nothing.
const EFFORT: u8 = 6;

/// The bytes, deflated with a zlib header and written in base64.
pub(super) fn pack(bytes: &[u8]) -> String {
    STANDARD.encode(miniz_oxide::deflate::compress_to_vec_zlib(bytes, EFFORT))
}

#[cfg(test)]
pub(super) fn unpack(packed: &str) -> Vec<u8> {
    let bytes = STANDARD.decode(packed).expect("base64");
    miniz_oxide::inflate::decompress_to_vec_zlib(&bytes).expect("zlib")
}

#[cfg(test)]
mod tests {
    use super::{pack, unpack};

    #[test]
    fn what_goes_in_comes_out_and_nothing_in_it_is_html() {
        let bytes = "</script><!-- \u{2028} שלום\0".as_bytes();
        let packed = pack(bytes);
        assert!(packed.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+/=".contains(&byte)));
        assert_eq!(unpack(&packed), bytes);
    }
}

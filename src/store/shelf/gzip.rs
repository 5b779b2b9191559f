//! One gzip member (RFC 1952): what `gunzip` and every language read.

use miniz_oxide::deflate::compress_to_vec;
use miniz_oxide::inflate::decompress_to_vec_with_limit;

/// Deflate's middle way: figures win little by more.
const LEVEL: u8 = 6;
const MAGIC: [u8; 3] = [0x1f, 0x8b, 8];
/// Fixed header: magic, flags, time (none), extra flags, system (unknown).
const HEADER: usize = 10;
/// Checksum and length at the end.
const TRAILER: usize = 8;
const EXTRA: u8 = 4;
const NAME: u8 = 8;
const COMMENT: u8 = 16;
const CHECKED: u8 = 2;

/// Packs bytes; the same bytes always give the same file.
pub(super) fn pack(bytes: &[u8]) -> Vec<u8> {
    let mut packed = Vec::from([MAGIC[0], MAGIC[1], MAGIC[2], 0, 0, 0, 0, 0, 0, 255]);
    packed.extend(compress_to_vec(bytes, LEVEL));
    packed.extend(crc32(bytes).to_le_bytes());
    // The length is kept modulo 2^32, as the format has it.
    packed.extend((bytes.len() as u32).to_le_bytes());
    packed
}

/// Unpacks one member of at most `limit` bytes; the error is a reason for people.
pub(super) fn unpack(packed: &[u8], limit: usize) -> Result<Vec<u8>, String> {
    let start = start(packed).ok_or("it is no gzip file")?;
    let end = packed.len().checked_sub(TRAILER).filter(|end| *end >= start).ok_or("it is cut short")?;
    let (Some(body), Some(trailer)) = (packed.get(start..end), packed.get(end..)) else {
        return Err("it is cut short".into());
    };
    let bytes = decompress_to_vec_with_limit(body, limit).map_err(|error| match error.status {
        miniz_oxide::inflate::TINFLStatus::HasMoreOutput => format!("unpacked it has more than {limit} bytes"),
        miniz_oxide::inflate::TINFLStatus::FailedCannotMakeProgress => "it is cut short".to_owned(),
        _ => "it is damaged".to_owned(),
    })?;
    let expected = [crc32(&bytes).to_le_bytes(), (bytes.len() as u32).to_le_bytes()].concat();
    if trailer == expected { Ok(bytes) } else { Err("its checksum is wrong".into()) }
}

/// Where the packed bytes begin, after the header with what other programs put there.
fn start(packed: &[u8]) -> Option<usize> {
    if packed.get(..3)? != MAGIC {
        return None;
    }
    let flags = *packed.get(3)?;
    let mut at = HEADER;
    if flags & EXTRA != 0 {
        let length = [*packed.get(at)?, *packed.get(at + 1)?];
        at += 2 + usize::from(u16::from_le_bytes(length));
    }
    for _ in 0..(flags & NAME != 0) as u8 + (flags & COMMENT != 0) as u8 {
        at += packed.get(at..)?.iter().position(|byte| *byte == 0)? + 1;
    }
    if flags & CHECKED != 0 {
        at += 2;
    }
    (at <= packed.len()).then_some(at)
}

/// The checksum of gzip and zip (polynomial 0xEDB88320, reflected).
pub(super) fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0_u32, |sum, byte| {
        let place = usize::from(sum as u8 ^ *byte);
        (sum >> 8) ^ TABLE.get(place).copied().unwrap_or_default()
    })
}

const TABLE: [u32; 256] = table();

const fn table() -> [u32; 256] {
    let mut table = [0; 256];
    let mut place = 0;
    while place < 256 {
        let mut value = place as u32;
        let mut bit = 0;
        while bit < 8 {
            value = if value & 1 == 1 { (value >> 1) ^ 0xEDB8_8320 } else { value >> 1 };
            bit += 1;
        }
        table[place] = value;
        place += 1;
    }
    table
}

#[cfg(test)]
mod tests {
    use super::{crc32, pack, unpack};

    #[test]
    fn the_checksum_is_the_standards() {
        assert_eq!(crc32(b"123456789"), 0xCBF4_3926);
        assert_eq!(crc32(b""), 0);
    }

    #[test]
    fn what_is_packed_comes_back_and_gunzip_reads_it() {
        for bytes in [&b""[..], b"a", &b"figures ".repeat(10_000)] {
            assert_eq!(unpack(&pack(bytes), 100_000).unwrap(), bytes);
        }
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.gz");
        std::fs::write(&path, pack(b"hello")).unwrap();
        let output = std::process::Command::new("gzip").arg("-dc").arg(&path).output().unwrap();
        assert_eq!(output.stdout, b"hello");
        // With a name in the header, as gzip itself writes.
        std::fs::write(folder.path().join("y"), b"other").unwrap();
        assert!(std::process::Command::new("gzip").arg(folder.path().join("y")).status().unwrap().success());
        assert_eq!(unpack(&std::fs::read(folder.path().join("y.gz")).unwrap(), 10).unwrap(), b"other");
    }

    #[test]
    fn damage_of_any_kind_is_found() {
        let packed = pack(b"some figures, some more figures");
        for cut in 0..packed.len() {
            assert!(unpack(&packed[..cut], 1000).is_err(), "{cut}");
        }
        for at in (0..3).chain(10..packed.len()) {
            let mut torn = packed.clone();
            torn[at] ^= 1;
            assert!(unpack(&torn, 1000).is_err(), "{at}");
        }
        let bomb = pack(&vec![0; 10_000_000]);
        assert!(unpack(&bomb, 1_000_000).unwrap_err().contains("more than"));
    }
}

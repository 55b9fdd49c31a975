//! Data as a hex dump in a frame, sixteen bytes a row, as `get -x` of the original prints them.
//!
//! Invariant: no data, no frame.

const RULE: &str = "+--------+-------------------------------------------------+----------------+";

/// The dump, without an end of line at its end.
pub(crate) fn lines(data: &[u8]) -> String {
    if data.is_empty() {
        return String::new();
    }
    let mut text = format!(
        "         +{0}+\n         |  0  1  2  3  4  5  6  7  8  9  a  b  c  d  e  f |\n{RULE}\n",
        "-".repeat(49)
    );
    for (row, bytes) in data.chunks(16).enumerate() {
        let hex: String = bytes.iter().map(|byte| format!(" {byte:02x}")).collect();
        let shown: String = bytes.iter().map(|byte| shown(*byte)).collect();
        text += &format!("|{:08x}|{hex:<48} |{shown:<16}|\n", row * 16);
    }
    text + RULE
}

fn shown(byte: u8) -> char {
    match byte {
        0x20..=0x7e => char::from(byte),
        _ => '.',
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::lines;

    #[test]
    fn a_dump_looks_as_that_of_the_original() {
        expect![[r"
                     +-------------------------------------------------+
                     |  0  1  2  3  4  5  6  7  8  9  a  b  c  d  e  f |
            +--------+-------------------------------------------------+----------------+
            |00000000| 74 77 6f 20 77 6f 72 64 73 0a 00 ff 7f 7e 20 31 |two words....~ 1|
            |00000010| 32                                              |2               |
            +--------+-------------------------------------------------+----------------+"]]
        .assert_eq(&lines(b"two words\n\0\xff\x7f~ 12"));
        assert_eq!(lines(b""), "");
    }
}

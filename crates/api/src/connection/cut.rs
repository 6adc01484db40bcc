/// The shortest request, `GET / HTTP/1.1` and two line feeds, is longer than this.
const SHORTEST_HEAD: usize = 15;

/// The length of the part of `bytes` that ends with the first empty line, or all of it.
///
/// A head ends with an empty line, so a part holds at most the ends of two heads. A body with empty lines is passed in
/// several parts, each longer than [`SHORTEST_HEAD`].
pub(super) fn first_part(bytes: &[u8]) -> usize {
    let mut after_line_feed = false;
    for (index, byte) in bytes.iter().enumerate() {
        match byte {
            b'\n' if after_line_feed && index >= SHORTEST_HEAD => return index.saturating_add(1),
            b'\n' => after_line_feed = true,
            b'\r' => {}
            _ => after_line_feed = false,
        }
    }
    bytes.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_ends_with_the_first_head() {
        for end in ["\r\n\r\n", "\n\n", "\r\n\n", "\n\r\n"] {
            let head = format!("GET / HTTP/1.1{end}");
            assert_eq!(first_part(format!("{head}{head}").as_bytes()), head.len(), "{end:?}");
            assert_eq!(first_part(head.as_bytes()), head.len(), "{end:?}");
        }
    }

    #[test]
    fn a_part_without_an_empty_line_is_whole() {
        for text in ["", "GET / HTTP/1.1\r\nhost: a\r\n", "\n\n\n\n\nGET / HTTP/1.1\r\n"] {
            assert_eq!(first_part(text.as_bytes()), text.len(), "{text:?}");
        }
    }

    #[test]
    fn empty_lines_alone_do_not_make_parts_of_a_few_bytes() {
        assert_eq!(first_part(&[b'\n'; 4_096]), SHORTEST_HEAD + 1);
    }
}

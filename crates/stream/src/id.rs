use std::fmt;

use uuid::Uuid;

/// The identity of a stream.
///
/// A stream made through the API is named by a UUID, written in lower case with hyphens.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamId(Uuid);

impl StreamId {
    /// The id of a stream made through the API.
    pub const fn api(id: Uuid) -> Self {
        Self(id)
    }

    /// Reads an id as [`Display`](fmt::Display) writes it; any other text names no stream and is `None`.
    pub fn parse(text: &str) -> Option<Self> {
        let id = Uuid::try_parse(text).ok()?;
        let mut buffer = Uuid::encode_buffer();
        (*id.hyphenated().encode_lower(&mut buffer) == *text).then_some(Self(id))
    }
}

impl fmt::Display for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "01930000-0000-7000-8000-00000000000a";

    #[test]
    fn an_id_reads_back_as_it_was_written() {
        assert_eq!(StreamId::parse(ID).unwrap().to_string(), ID);
    }

    #[test]
    fn only_the_written_form_names_a_stream() {
        for text in
            ["", "x", &ID.to_uppercase(), &ID.replace('-', ""), &format!("{{{ID}}}"), &format!("{ID} ")]
        {
            assert_eq!(StreamId::parse(text), None, "{text}");
        }
    }
}

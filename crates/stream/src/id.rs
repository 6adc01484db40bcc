use std::fmt;

use uuid::Uuid;

use crate::{ContractId, Origin, StreamNumber};

/// Characters of a contract's strkey that an event id holds.
const CONTRACT_IN_EVENT_ID: usize = 26;

/// The identity of a stream. Its form names the origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StreamId {
    /// An API stream: a UUID, written in lower case with hyphens.
    Api(Uuid),
    /// A chain stream: `<contract>-<number>`. Contracts count their streams from 0.
    Chain {
        /// The contract that holds the money.
        contract: ContractId,
        /// The contract's own id of the stream.
        number: u64,
    },
}

impl StreamId {
    /// The id of an API stream.
    pub const fn api(id: Uuid) -> Self {
        Self::Api(id)
    }

    /// The id of the stream with this number in `contract`.
    pub const fn chain(contract: ContractId, number: u64) -> Self {
        Self::Chain { contract, number }
    }

    /// Reads an id as [`Display`](fmt::Display) writes it; `None` for any other text.
    pub fn parse(text: &str) -> Option<Self> {
        if text.starts_with('C') {
            let (contract, number) = text.split_once('-')?;
            let contract = ContractId::parse(contract).ok()?;
            return StreamNumber::parse(number).map(|StreamNumber(number)| Self::Chain { contract, number });
        }
        let id = Uuid::try_parse(text).ok()?;
        let mut buffer = Uuid::encode_buffer();
        (*id.hyphenated().encode_lower(&mut buffer) == *text).then_some(Self::Api(id))
    }

    /// The UUID of an API stream.
    pub const fn uuid(self) -> Option<Uuid> {
        match self {
            Self::Api(id) => Some(id),
            Self::Chain { .. } => None,
        }
    }

    /// The source of the stream's changes.
    pub const fn origin(self) -> Origin {
        match self {
            Self::Api(_) => Origin::Api,
            Self::Chain { .. } => Origin::Chain,
        }
    }

    /// The id of an event of the stream that `what` distinguishes from its others.
    pub(crate) fn event_id(self, what: fmt::Arguments<'_>) -> String {
        match self {
            Self::Api(id) => format!("evt_{id}_{what}"),
            Self::Chain { contract, number } => {
                format!("evt_{:.CONTRACT_IN_EVENT_ID$}_{number}_{what}", contract.to_string())
            }
        }
    }

    /// The contract of a chain stream; `None` for an API stream.
    pub const fn contract(self) -> Option<ContractId> {
        match self {
            Self::Api(_) => None,
            Self::Chain { contract, .. } => Some(contract),
        }
    }
}

impl fmt::Display for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Api(id) => id.hyphenated().fmt(f),
            Self::Chain { contract, number } => write!(f, "{contract}-{number}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "01930000-0000-7000-8000-00000000000a";
    const CONTRACT: &str = "CA3D5KRYM6CB7OWQ6TWYRR3Z4T7GNZLKERYNZGGA5SOAOPIFY6YQGAXE";

    #[test]
    fn an_id_reads_back_from_its_text() {
        let last = format!("{CONTRACT}-{}", u64::MAX);
        for (text, origin) in
            [(ID, Origin::Api), (&format!("{CONTRACT}-0"), Origin::Chain), (&last, Origin::Chain)]
        {
            let id = StreamId::parse(text).unwrap();
            assert_eq!((id.to_string().as_str(), id.origin()), (text, origin));
        }
    }

    #[test]
    fn only_the_written_form_names_a_stream() {
        for text in
            ["", "x", &ID.to_uppercase(), &ID.replace('-', ""), &format!("{{{ID}}}"), &format!("{ID} ")]
        {
            assert_eq!(StreamId::parse(text), None, "{text}");
        }
        for number in ["", "-1", "+1", "01", "00", "1 ", "18446744073709551616", "1-1"] {
            assert_eq!(StreamId::parse(&format!("{CONTRACT}-{number}")), None, "{number}");
        }
        assert_eq!(StreamId::parse(&format!("{}-1", CONTRACT.replace("CA3", "CA2"))), None);
        assert_eq!(StreamId::parse(CONTRACT), None);
    }
}

use fluxora_stream::{ContractId, StreamId};

/// How the profile for the official front end shows streams.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frontend {
    /// The most streams that a list reads, the newest first.
    pub max_streams: u32,
    /// The contract whose streams have their number as id: the front end can withdraw from those alone.
    pub contract: Option<ContractId>,
    /// The code of the asset of a stream whose token is not known: of API streams and of contract version 9.
    pub asset: String,
}

impl Default for Frontend {
    /// 5,000 streams, no contract, the asset `TOKEN`.
    fn default() -> Self {
        Self { max_streams: 5_000, contract: None, asset: "TOKEN".to_owned() }
    }
}

impl Frontend {
    /// The id of a stream in this profile.
    pub(crate) fn id(&self, id: StreamId) -> String {
        match id {
            StreamId::Chain { contract, number } if self.contract == Some(contract) => number.to_string(),
            other => other.to_string(),
        }
    }

    /// The stream with this id in this profile, if the text is a number of the contract.
    pub(crate) fn numbered(&self, text: &str) -> Option<StreamId> {
        let contract = self.contract?;
        let number: u64 = text.parse().ok()?;
        (number.to_string() == text).then_some(StreamId::chain(contract, number))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_of_the_contract_have_their_number_as_id_and_others_keep_theirs() {
        let [ours, other] = [[1; 32], [2; 32]].map(ContractId::from_hash);
        let frontend = Frontend { contract: Some(ours), ..Frontend::default() };
        assert_eq!(frontend.id(StreamId::chain(ours, 7)), "7");
        assert_eq!(frontend.numbered("7"), Some(StreamId::chain(ours, 7)));
        assert_eq!(frontend.id(StreamId::chain(other, 7)), format!("{other}-7"));
        for text in ["", "07", "+7", "-1", "7 ", "18446744073709551616", &format!("{other}-7")] {
            assert_eq!(frontend.numbered(text), None, "{text}");
        }
        assert_eq!(Frontend::default().numbered("7"), None);
        assert_eq!(Frontend::default().id(StreamId::chain(ours, 7)), format!("{ours}-7"));
    }
}

use thiserror::Error;

/// Why an event was not decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum NotDecoded {
    /// Its topic or its shape is not one of a vesting contract.
    #[error("not an event of a vesting contract")]
    OtherFamily,
    /// It is one of a vesting contract by its shape, but a part is missing or wrong.
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
}

/// An event of a vesting contract that cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("{fault}")]
pub struct Unreadable {
    /// The contract's number of the stream it concerns, if that much can be read.
    pub stream: Option<u64>,
    /// The first part that is wrong.
    #[source]
    pub fault: PayloadFault,
}

/// What is wrong with a payload. Names the part; never repeats a text of the payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum PayloadFault {
    /// The value is not a map.
    #[error("the value is not a map")]
    NotAMap,
    /// A part of the payload occurs more than once.
    #[error("the payload has `{part}` more than once")]
    Repeated {
        /// Its name.
        part: &'static str,
    },
    /// A required field is absent.
    #[error("field `{field}` is missing")]
    MissingField {
        /// Its name.
        field: &'static str,
    },
    /// A field has another type or is out of the range of its type.
    #[error("field `{field}` is not {expected}")]
    WrongType {
        /// Its name.
        field: &'static str,
        /// The type, with an article.
        expected: &'static str,
    },
    /// An enumeration has a number that the contract does not define.
    #[error("field `{field}` has the value {code}, which is not defined")]
    UndefinedCode {
        /// Its name.
        field: &'static str,
        /// Its value.
        code: u32,
    },
    /// A topic is absent.
    #[error("topic {index} ({name}) is missing")]
    MissingTopic {
        /// Its index, from 0.
        index: usize,
        /// What it holds.
        name: &'static str,
    },
    /// A topic has another type.
    #[error("topic {index} ({name}) is not {expected}")]
    WrongTopic {
        /// Its index, from 0.
        index: usize,
        /// What it holds.
        name: &'static str,
        /// The type, with an article.
        expected: &'static str,
    },
}

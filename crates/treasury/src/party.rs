use fluxora_stream::{Address, Stream, StreamBody};

/// The side of a stream that an address is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// It pays: a treasury.
    Sender,
    /// It is paid.
    Recipient,
}

/// An address on one side of streams.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Party {
    /// The side.
    pub role: Role,
    /// The address.
    pub address: Address,
}

impl Role {
    /// Both sides.
    pub const ALL: [Self; 2] = [Self::Sender, Self::Recipient];

    /// The word in storage.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sender => "sender",
            Self::Recipient => "recipient",
        }
    }
}

impl Party {
    /// Both parties of a stream.
    pub fn of<B: StreamBody>(stream: &Stream<B>) -> [Self; 2] {
        Role::ALL.map(|role| Self {
            role,
            address: match role {
                Role::Sender => stream.sender,
                Role::Recipient => stream.recipient,
            },
        })
    }

    /// Whether it is a party of a stream.
    pub fn has<B: StreamBody>(&self, stream: &Stream<B>) -> bool {
        Self::of(stream).contains(self)
    }
}

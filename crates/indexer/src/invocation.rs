//! The call of a contract function in which a contract event was emitted.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use thiserror::Error;

use crate::plan::same_json_text;
use crate::{NotOpaque, Opaque};

/// Most bytes of the arguments' JSON.
pub const ARGUMENTS_MAX: usize = 32 * 1024;
/// Most characters of a function's name: the length of a symbol of the network.
pub const FUNCTION_MAX: usize = 32;

/// A call of a contract: its function and its arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invocation {
    contract: Opaque,
    function: Opaque,
    /// Text of a JSON array, in the encoding of the payload of events.
    arguments: Arc<str>,
    source: InvocationSource,
}

/// How an invocation is known. A later one outweighs those before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InvocationSource {
    /// A pusher said so.
    Pushed,
    /// The transaction holds an authorization of the call by this account. The header of the ledger commits to it, and not to
    /// whether the call was made: an authorization that was not used looks the same.
    Authorized {
        /// The account.
        by: Opaque,
    },
    /// The transaction is this call. The header of the ledger commits to it.
    Proven,
}

/// Why parts are not an [`Invocation`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum NotAnInvocation {
    /// The name of the function.
    #[error("a function has 1 to {FUNCTION_MAX} letters, digits and underscores")]
    Function,
    /// The arguments are not a JSON array.
    #[error("arguments are a JSON array")]
    Arguments,
    /// The arguments are too long.
    #[error("arguments have at most {ARGUMENTS_MAX} bytes, not {bytes}")]
    TooLong {
        /// How many they have.
        bytes: usize,
    },
    /// The text is not the stored form of an invocation.
    #[error("not a stored invocation")]
    Form,
}

impl Invocation {
    /// Checks the parts of a call.
    ///
    /// # Errors
    /// [`NotAnInvocation`] with the first part that is wrong.
    pub fn new(
        contract: Opaque,
        function: &str,
        arguments: &str,
        source: InvocationSource,
    ) -> Result<Self, NotAnInvocation> {
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        if function.len() > FUNCTION_MAX || !function.bytes().all(is_name) {
            return Err(NotAnInvocation::Function);
        }
        let function = Opaque::new(function).map_err(|NotOpaque| NotAnInvocation::Function)?;
        if arguments.len() > ARGUMENTS_MAX {
            return Err(NotAnInvocation::TooLong { bytes: arguments.len() });
        }
        serde_json::from_str::<Vec<&RawValue>>(arguments).map_err(|_| NotAnInvocation::Arguments)?;
        Ok(Self { contract, function, arguments: arguments.into(), source })
    }

    /// The contract that was called.
    pub const fn contract(&self) -> &Opaque {
        &self.contract
    }

    /// The function.
    pub fn function(&self) -> &str {
        self.function.as_str()
    }

    /// The text of the JSON array of the arguments.
    pub fn arguments(&self) -> &str {
        &self.arguments
    }

    /// How it is known.
    pub const fn source(&self) -> &InvocationSource {
        &self.source
    }

    /// Whether two reports name one call. Arguments are compared as JSON, as payloads are.
    pub fn is_same_call(&self, other: &Self) -> bool {
        self.contract == other.contract
            && self.function == other.function
            && same_json_text(&self.arguments, &other.arguments)
    }
}

impl InvocationSource {
    const fn rank(&self) -> u8 {
        match self {
            Self::Pushed => 0,
            Self::Authorized { .. } => 1,
            Self::Proven => 2,
        }
    }

    const fn word(&self) -> &'static str {
        match self {
            Self::Pushed => "pushed",
            Self::Authorized { .. } => "authorized",
            Self::Proven => "proven",
        }
    }
}

/// What becomes of a stored event whose repetition comes with an invocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Repeated {
    /// The stored event stays as it is.
    Same,
    /// The invocation of the repetition is stored with the event.
    Known,
    /// A pusher contradicts the stored invocation.
    Conflict,
}

impl Repeated {
    /// Compares the invocation of a stored event with that of its repetition.
    pub(crate) fn of(stored: Option<&Invocation>, repeated: Option<&Invocation>) -> Self {
        match (stored, repeated) {
            (_, None) => Self::Same,
            (None, Some(_)) => Self::Known,
            (Some(stored), Some(repeated)) => {
                let outweighs = repeated.source.rank() > stored.source.rank();
                match (outweighs, stored.is_same_call(repeated)) {
                    (true, _) => Self::Known,
                    (false, true) => Self::Same,
                    (false, false) if repeated.source == InvocationSource::Pushed => Self::Conflict,
                    // Two readings of one transaction: the first one stays.
                    (false, false) => Self::Same,
                }
            }
        }
    }
}

/// The stored form.
#[derive(Serialize, Deserialize)]
struct Written<'a> {
    contract: &'a str,
    function: &'a str,
    #[serde(borrow)]
    arguments: &'a RawValue,
    source: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    by: Option<&'a str>,
}

/// The stored form: a JSON object.
impl fmt::Display for Invocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let by = match &self.source {
            InvocationSource::Authorized { by } => Some(by.as_str()),
            InvocationSource::Pushed | InvocationSource::Proven => None,
        };
        let arguments = serde_json::from_str(&self.arguments).map_err(|_| fmt::Error)?;
        let written = Written {
            contract: self.contract.as_str(),
            function: self.function.as_str(),
            arguments,
            source: self.source.word(),
            by,
        };
        f.write_str(&serde_json::to_string(&written).map_err(|_| fmt::Error)?)
    }
}

impl FromStr for Invocation {
    type Err = NotAnInvocation;

    fn from_str(text: &str) -> Result<Self, NotAnInvocation> {
        let form = |_| NotAnInvocation::Form;
        let Written { contract, function, arguments, source, by } =
            serde_json::from_str(text).map_err(form)?;
        let opaque = |text| Opaque::new(text).map_err(|NotOpaque| NotAnInvocation::Form);
        let source = match (source, by) {
            ("pushed", None) => InvocationSource::Pushed,
            ("proven", None) => InvocationSource::Proven,
            ("authorized", Some(by)) => InvocationSource::Authorized { by: opaque(by)? },
            _ => return Err(NotAnInvocation::Form),
        };
        Self::new(opaque(contract)?, function, arguments.get(), source)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(arguments: &str, source: InvocationSource) -> Invocation {
        Invocation::new(Opaque::new("C1").unwrap(), "withdraw", arguments, source).unwrap()
    }

    fn authorized() -> InvocationSource {
        InvocationSource::Authorized { by: Opaque::new("G1").unwrap() }
    }

    #[test]
    fn an_invocation_reads_back_as_it_was_written() {
        for source in [InvocationSource::Pushed, authorized(), InvocationSource::Proven] {
            let written = call(r#"[ "7", {"a":"\"\\"} ]"#, source);
            assert_eq!(written.to_string().parse(), Ok(written));
        }
        let stored =
            r#"{"contract":"C1","function":"withdraw","arguments":["7"],"source":"authorized","by":"G1"}"#;
        assert_eq!(call(r#"["7"]"#, authorized()).to_string(), stored);
        for wrong in [
            "",
            "{}",
            &stored.replace("authorized", "pushed"),
            &stored.replace("authorized", "known"),
            &stored.replace("C1", ""),
        ] {
            assert_eq!(wrong.parse::<Invocation>(), Err(NotAnInvocation::Form), "{wrong}");
        }
        assert_eq!(stored.replace(r#"["7"]"#, "7").parse::<Invocation>(), Err(NotAnInvocation::Arguments));
    }

    #[test]
    fn names_and_arguments_beyond_the_limits_are_refused() {
        let new = |function: &str, arguments: &str| {
            let contract = Opaque::new("C1").unwrap();
            Invocation::new(contract, function, arguments, InvocationSource::Pushed).err()
        };
        let longest = format!("[\"{}\"]", "x".repeat(ARGUMENTS_MAX - 4));
        assert_eq!(new(&"f".repeat(FUNCTION_MAX), &longest), None);
        assert_eq!(
            new("f", &format!("{longest} ")),
            Some(NotAnInvocation::TooLong { bytes: ARGUMENTS_MAX + 1 })
        );
        for name in ["", "with draw", "é", &"f".repeat(FUNCTION_MAX + 1)] {
            assert_eq!(new(name, "[]"), Some(NotAnInvocation::Function), "{name:?}");
        }
        for arguments in ["", "{}", "[1", "[] []", "null"] {
            assert_eq!(new("f", arguments), Some(NotAnInvocation::Arguments), "{arguments}");
        }
    }

    #[test]
    fn a_repetition_adds_what_is_known_better_and_a_pusher_cannot_contradict() {
        use InvocationSource::{Proven, Pushed};
        let (seven, eight) = (r#"["7"]"#, r#"["8"]"#);
        let check = |stored: Option<(&str, InvocationSource)>,
                     repeated: Option<(&str, InvocationSource)>,
                     expect| {
            let [stored, repeated] =
                [stored, repeated].map(|call_of| call_of.map(|(text, source)| call(text, source)));
            assert_eq!(Repeated::of(stored.as_ref(), repeated.as_ref()), expect, "{stored:?} {repeated:?}");
        };
        check(None, None, Repeated::Same);
        check(None, Some((seven, Pushed)), Repeated::Known);
        check(Some((seven, Pushed)), None, Repeated::Same);
        check(Some((seven, Pushed)), Some((r#"[ "7" ]"#, Pushed)), Repeated::Same);
        check(Some((seven, Pushed)), Some((eight, Pushed)), Repeated::Conflict);
        check(Some((seven, Pushed)), Some((seven, Proven)), Repeated::Known);
        check(Some((seven, Pushed)), Some((eight, authorized())), Repeated::Known);
        check(Some((seven, authorized())), Some((eight, Proven)), Repeated::Known);
        check(Some((seven, Proven)), Some((eight, Pushed)), Repeated::Conflict);
        check(Some((seven, Proven)), Some((seven, Pushed)), Repeated::Same);
        check(Some((seven, Proven)), Some((eight, Proven)), Repeated::Same);
    }
}

#![doc = include_str!("../README.md")]

mod amount;
mod arithmetic;
mod big;
mod decimals;
mod digits;
mod error;
mod field;
mod format;
mod grouped;
mod parse;
mod round;
mod sum;
mod wire;

#[cfg(test)]
mod hostile;
#[cfg(test)]
mod laws;
#[cfg(test)]
mod oracle;
#[cfg(test)]
mod text_formats;

pub use amount::{Amount, STROOPS_PER_UNIT};
pub use decimals::MAX_DECIMALS;
pub use error::{AmountError, Found, Limit};
pub use field::FieldError;
pub use parse::MAX_TEXT_LEN;
pub use round::Rounding;
pub use wire::deserialize_result;

//! Exit codes, those of sysexits(3) where it has one.

/// Done, or stopped in order.
pub(crate) const OK: u8 = 0;
/// The server could not start or continue, or the command failed. `webhook verify`, `proof verify`: refused.
pub(crate) const FAILURE: u8 = 1;
/// Wrong usage of the command line; clap uses the same code.
pub(crate) const USAGE: u8 = 2;
/// `EX_DATAERR`: the data is not what it has to be.
pub(crate) const DATA: u8 = 65;
/// `EX_NOINPUT`: an input does not exist or cannot be read.
pub(crate) const NO_INPUT: u8 = 66;
/// `EX_SOFTWARE`: a background worker keeps failing.
pub(crate) const SOFTWARE: u8 = 70;
/// `EX_CONFIG`: the configuration is wrong.
pub(crate) const CONFIG: u8 = 78;

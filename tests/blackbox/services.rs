//! What a test needs that a bare machine may not have.

use std::io::Write;

/// Says in one line that a test cannot run here; where everything is meant to be there, fails.
pub(crate) fn missing(what: &str, required: bool) {
    assert!(!(required && all_required()), "{what}, and FLUXORA_REQUIRE_SERVICES=1");
    // Not `println!`, which is kept from the reader of a test that passes.
    writeln!(std::io::stderr(), "not tested here: {what}").ok();
}

#[expect(clippy::disallowed_methods, reason = "the environment says which services must be installed")]
fn all_required() -> bool {
    std::env::var("FLUXORA_REQUIRE_SERVICES").is_ok_and(|value| value == "1")
}

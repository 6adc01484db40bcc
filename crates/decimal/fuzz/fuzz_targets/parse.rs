//! Any text is read as the slow oracle reads it, and what is read prints back as the same.
#![no_main]

use bigdecimal::BigDecimal;
use fluxora_decimal::Amount;
use libfuzzer_sys::fuzz_target;

#[path = "../../src/oracle.rs"]
mod oracle;

fuzz_target!(|text: &str| {
    let read = Amount::parse(text);
    let seen = read.map(|amount| (amount.stroops(), amount.to_string())).map_err(|error| error.code());
    assert_eq!(seen, oracle::read(text));

    if let Ok(amount) = read {
        let again = Amount::parse(&amount.to_string()).unwrap();
        assert_eq!((again, again.decimals()), (amount, amount.decimals()));
        assert_eq!(amount.grouped().to_string().replace(',', ""), amount.to_string());
        assert_eq!(Amount::try_from(BigDecimal::from(amount)), Ok(amount));
    }
});

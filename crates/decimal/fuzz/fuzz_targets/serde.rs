//! Any JSON gives an amount that is written back as it is, or an error that begins with a code.
#![no_main]

use fluxora_decimal::{Amount, deserialize_result};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|json: &[u8]| {
    let strict = serde_json::from_slice::<Amount>(json);
    let mut deserializer = serde_json::Deserializer::from_slice(json);
    let Ok(kept) = deserialize_result(&mut deserializer) else {
        // Broken JSON, to both.
        assert!(strict.is_err());
        return;
    };
    if deserializer.end().is_err() {
        assert!(strict.is_err());
        return;
    }
    match (strict, kept) {
        (Ok(amount), Ok(same)) => {
            assert_eq!((amount, amount.decimals()), (same, same.decimals()));
            let written = serde_json::to_string(&amount).unwrap();
            assert_eq!(written, format!("\"{amount}\""));
            assert_eq!(serde_json::from_str::<Amount>(&written).unwrap(), amount);
        }
        (Err(error), Err(refused)) => {
            let code = if json.trim_ascii() == b"null" { "DECIMAL_INVALID_TYPE" } else { refused.code() };
            assert!(error.to_string().starts_with(code), "{error}");
        }
        (strict, kept) => panic!("{strict:?} is not {kept:?}"),
    }
});

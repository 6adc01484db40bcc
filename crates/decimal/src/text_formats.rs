//! CSV and XML: formats in which every value is text. What is written reads back with the same decimals.

use proptest::prelude::*;
use serde::{Deserialize, Serialize};

use crate::Amount;
use crate::laws::amount;

/// One record of a CSV file, one element of an XML document.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename = "row")]
struct Row {
    #[serde(rename = "@rate", alias = "rate")]
    rate: Amount,
    deposit: Amount,
}

#[derive(Debug, Deserialize)]
struct Flattened {
    #[serde(flatten)]
    amounts: Amounts,
}

#[derive(Debug, Deserialize)]
struct Amounts {
    deposit: Amount,
}

fn from_csv<T: for<'de> Deserialize<'de>>(text: &str) -> Result<T, String> {
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    reader.deserialize().next().unwrap().map_err(|error| error.to_string())
}

#[track_caller]
fn check(text: &str, expect: Result<&str, &str>) {
    let csv = from_csv::<Amounts>(&format!("deposit,memo\n{text},x\n")).map(|row| row.deposit.to_string());
    let element = quick_xml::de::from_str::<Amounts>(&format!("<row><deposit>{text}</deposit></row>"));
    let attribute =
        quick_xml::de::from_str::<Row>(&format!("<row rate=\"{text}\"><deposit>0</deposit></row>"));
    let xml = [element.map(|row| row.deposit), attribute.map(|row| row.rate)];
    for read in xml
        .map(|read| read.map(|amount| amount.to_string()).map_err(|error| error.to_string()))
        .into_iter()
        .chain([csv])
    {
        match (expect, read) {
            (Ok(expect), read) => assert_eq!(read, Ok(expect.to_owned())),
            (Err(code), Err(error)) => assert!(error.contains(&format!("{code}: ")), "{text}: {error}"),
            (Err(code), Ok(amount)) => panic!("{text} is {amount}, not {code}"),
        }
    }
}

#[test]
fn a_text_that_looks_like_a_number_or_a_boolean_is_read_as_text() {
    check("100", Ok("100"));
    check("7.50", Ok("7.50"));
    check("-0.0000001", Ok("-0.0000001"));
    check("17014118346046923173168730371588.4105727", Ok("17014118346046923173168730371588.4105727"));
    check("+007", Ok("7"));
    check("true", Err("DECIMAL_INVALID_FORMAT"));
    check("1e3", Err("DECIMAL_INVALID_FORMAT"));
    check("NaN", Err("DECIMAL_INVALID_FORMAT"));
    check("0.00000001", Err("DECIMAL_OUT_OF_RANGE"));
}

#[test]
fn an_empty_field_is_no_amount_and_an_optional_one_is_absent() {
    check("", Err("DECIMAL_EMPTY_VALUE"));
    assert_eq!(from_csv("memo,deposit\nx,\n"), Ok(("x".to_owned(), None::<Amount>)));
    assert_eq!(from_csv("memo,deposit\nx,100\n"), Ok(("x".to_owned(), Amount::parse("100").ok())));
}

#[test]
fn a_type_that_csv_has_inferred_is_refused_with_the_code() {
    let error = from_csv::<Flattened>("deposit\n100\n").map(|row| row.amounts.deposit).unwrap_err();
    assert!(error.contains("DECIMAL_INVALID_TYPE: "), "{error}");
}

proptest! {
    #[test]
    fn csv_and_xml_carry_amounts_unchanged(rate in amount(), deposit in amount()) {
        let row = Row { rate, deposit };
        let mut writer = csv::Writer::from_writer(Vec::new());
        writer.serialize(&row).unwrap();
        let csv = String::from_utf8(writer.into_inner().unwrap()).unwrap();
        let xml = quick_xml::se::to_string(&row).unwrap();
        let texts = |row: &Row| [row.rate.to_string(), row.deposit.to_string()];
        prop_assert_eq!(texts(&from_csv(&csv).unwrap()), texts(&row));
        prop_assert_eq!(texts(&quick_xml::de::from_str(&xml).unwrap()), texts(&row));
    }
}

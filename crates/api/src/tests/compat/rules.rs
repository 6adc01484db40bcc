//! What the official front end accepts: one row that breaks a rule makes it refuse the whole list.

use fluxora_stream::AccountId;
use serde_json::Value;

/// The rules that a row breaks.
pub(super) fn faults(row: &Value) -> Vec<String> {
    let mut faults = Vec::new();
    let mut check = |holds: bool, rule: &str| {
        if !holds {
            faults.push(rule.to_owned());
        }
    };
    let text = |name: &str| row[name].as_str().unwrap_or_default();
    for name in ["id", "name", "recipientName", "treasuryName", "asset", "summary", "healthNote"] {
        check(!text(name).trim().is_empty(), name);
    }
    for name in ["recipientAddress", "treasuryAddress"] {
        check(AccountId::parse(text(name)).is_ok(), name);
    }
    check(["Active", "Paused", "Completed"].contains(&text("status")), "status");
    check(["Healthy", "Attention", "Settled"].contains(&text("health")), "health");
    let amounts = ["depositAmount", "streamedAmount", "withdrawableAmount", "remainingAmount", "monthlyRate"];
    for name in amounts {
        check(is_plain_amount(text(name)), name);
    }
    let [deposit, streamed, withdrawable, remaining, _] =
        amounts.map(|name| text(name).parse::<f64>().unwrap_or(f64::NAN));
    check(streamed <= deposit, "streamed is at most the deposit");
    check(withdrawable <= remaining, "withdrawable is at most remaining");
    check(remaining <= deposit, "remaining is at most the deposit");
    let progress = row["progress"].as_f64().unwrap_or(f64::NAN);
    check((0.0..=100.0).contains(&progress), "progress is a percentage");
    check(
        row["progress"].to_string().split('.').nth(1).is_none_or(|decimals| decimals.len() == 1),
        "one decimal",
    );
    let (start, end) = (text("startDate"), text("endDate"));
    check(is_date(start) && is_date(end) && start <= end, "start and end");
    for name in ["cliffDate", "nextUnlockDate"] {
        let date = &row[name];
        let between = date.as_str().is_some_and(|date| is_date(date) && start <= date && date <= end);
        check(date.is_null() || between, name);
    }
    for entry in row["timeline"].as_array().into_iter().flatten() {
        let is_text = |name: &str| entry[name].as_str().is_some_and(|text| !text.trim().is_empty());
        check(["date", "title", "detail"].into_iter().all(is_text), "timeline");
    }
    check(row["timeline"].is_array() && row["tags"].is_array() && row["auditNote"].is_string(), "lists");
    faults
}

fn is_plain_amount(text: &str) -> bool {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    [whole, fraction]
        .iter()
        .all(|digits| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()))
}

/// A full timestamp with four digits for the year. Such texts are in the order of time.
fn is_date(text: &str) -> bool {
    let form = "0000-00-00T00:00:00Z";
    let fits = |(byte, form): (u8, u8)| if form == b'0' { byte.is_ascii_digit() } else { byte == form };
    let month: u8 = text.get(5..7).and_then(|month| month.parse().ok()).unwrap_or(0);
    text.len() == form.len() && text.bytes().zip(form.bytes()).all(fits) && (1..=12).contains(&month)
}

#[test]
fn a_row_that_breaks_a_rule_is_found() {
    use serde_json::json;
    let account = "GA7QYNF7SOWQ3GLR2BGMZEHXAVIRZA4KVWLTJJFC7MGXUA74P7UJVSGZ";
    let sound = json!({
        "id": "7", "name": "Stream #7", "recipientName": "r", "recipientAddress": account, "treasuryName": "t",
        "treasuryAddress": account, "asset": "USDC", "status": "Active", "monthlyRate": "2580.0000000",
        "depositAmount": "8642.0000000", "streamedAmount": "3440.0000000", "withdrawableAmount": "2940.0000000",
        "remainingAmount": "8142.0000000", "progress": 39.8, "startDate": "2026-10-19T00:00:00Z",
        "endDate": "2027-01-27T00:00:00Z", "cliffDate": "2026-10-20T00:00:00Z", "summary": "s", "health": "Healthy",
        "healthNote": "n", "auditNote": "", "tags": [], "timeline": [{"date": "d", "title": "t", "detail": "d"}],
    });
    assert_eq!(faults(&sound), [""; 0]);
    for (name, value) in [
        ("id", json!("")),
        ("asset", json!(" ")),
        ("recipientAddress", json!(account.replace("GA7", "GA6"))),
        ("treasuryAddress", json!("CA3D5KRYM6CB7OWQ6TWYRR3Z4T7GNZLKERYNZGGA5SOAOPIFY6YQGAXE")),
        ("status", json!("Cancelled")),
        ("health", json!("Fine")),
        ("depositAmount", json!("-1")),
        ("depositAmount", json!("1e9")),
        ("streamedAmount", json!("8642.0000001")),
        ("withdrawableAmount", json!("8142.0000001")),
        ("remainingAmount", json!("8642.0000001")),
        ("progress", json!(100.1)),
        ("progress", json!(39.81)),
        ("startDate", json!("2026-10-19")),
        ("endDate", json!("2026-10-18T23:59:59Z")),
        ("endDate", json!("10000-01-01T00:00:00Z")),
        ("cliffDate", json!("2026-10-18T23:59:59Z")),
        ("nextUnlockDate", json!("2027-01-27T00:00:01Z")),
        ("timeline", json!([{"date": "d", "title": "", "detail": "d"}])),
        ("tags", json!(null)),
    ] {
        let mut broken = sound.clone();
        broken[name] = value;
        assert!(!faults(&broken).is_empty(), "{name}: {broken}");
    }
}

use serde_json::json;

use super::{Log, batch, event, opaque, service};

const OPERATOR: &str = "CA3D5KRYM6CB7OWQ6TWYRR3Z4T7GNZLKERYNZGGA5SOAOPIFY6YQGAXE";

#[tokio::test]
async fn an_emergency_stop_is_logged_once_with_its_contract_and_ledger() {
    let (ingest, _) = service();
    for (ledger, topic, value, level, message) in [
        (5, "halt_operator_set", json!({}), "INFO", "contract has an operator who can halt it"),
        (
            6,
            "contract_halted",
            json!({"halted_at": "6"}),
            "WARN",
            "contract halted: it refuses calls that change streams, accrual goes on",
        ),
        (7, "contract_resumed", json!({"resumed_at": "9", "halted_for": "3"}), "INFO", "contract resumed"),
    ] {
        let mut pushed =
            event("hash", ledger, &json!({"topic": [topic, OPERATOR], "value": value}).to_string());
        pushed.event.topic = opaque(topic);
        let (log, _guard) = Log::start();
        // The second push is a duplicate.
        for _ in 0..2 {
            ingest.push(&batch(vec![pushed.clone()])).await.unwrap();
        }
        let line = log.line();
        assert_eq!((&line["level"], &line["message"]), (&json!(level), &json!(message)));
        assert_eq!((&line["contract"], &line["ledger"]), (&json!("contract"), &json!(ledger)), "{line}");
        assert_eq!(line["event"], format!("{ledger}-0"));
        assert!(!line.to_string().contains(OPERATOR), "an address is not logged: {line}");
    }
}

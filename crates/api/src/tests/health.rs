//! `/health`, `/health/live` and `/health/ready`.

use std::sync::atomic::{AtomicUsize, Ordering};

use fluxora_indexer::{Batch, Ledger, Opaque};
use fluxora_store::ChainStore;

use super::*;

#[actix_web::test]
async fn health_reports_a_shutdown() {
    let server = Server::new();
    assert_eq!(server.get("/health").await.body["status"], "ok");
    server.lifecycle.shut_down();
    for path in ["/health", "/health/ready"] {
        let answered = server.get(path).await;
        assert_eq!(answered.status, StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(answered.body["status"], "shutting_down");
    }
    assert_eq!(server.get("/health/live").await.status, StatusCode::OK);
}

#[actix_web::test]
async fn health_shows_the_workers_and_is_degraded_while_one_of_them_is_down() {
    let server = Server::new();
    for (state, word, health) in [
        (WorkerState::Running, "running", "ok"),
        (WorkerState::BackingOff, "backing_off", "degraded"),
        (WorkerState::Failed, "failed", "degraded"),
        (WorkerState::Stopped, "stopped", "ok"),
    ] {
        let well = WorkerHealth { name: "well", state: WorkerState::Running, restarts: 0, last_error: None };
        let other = WorkerHealth { name: "other", state, restarts: 3, last_error: Some("why".to_owned()) };
        *server.workers.0.lock().unwrap() = vec![well, other];
        let answered = server.get("/health").await;
        assert_eq!((answered.status, &answered.body["status"]), (StatusCode::OK, &json!(health)));
        assert_eq!(
            answered.body["workers"],
            json!([
                { "name": "well", "state": "running", "restarts": 0, "lastError": null },
                { "name": "other", "state": word, "restarts": 3, "lastError": "why" },
            ])
        );
        assert_eq!(server.get("/health/ready").await.status, StatusCode::OK);
    }
}

async fn tip_of(server: &Server) -> Value {
    server.get("/health").await.body["indexer"]["tip"].clone()
}

#[actix_web::test]
async fn probes_share_a_reading_of_the_database_for_a_quarter_of_a_second() {
    let store = Arc::new(Model::default());
    let server = Server::over(store.clone(), Writes::Open);
    assert_eq!(tip_of(&server).await, json!(null));
    // As the chain follower does.
    let hash = Opaque::new("hash-9").unwrap();
    let ledger = Ledger { sequence: 9, hash, previous_hash: None, closed_at: None };
    let batch = Batch::new(Vec::new(), Some(ledger), 1).unwrap();
    store.ingest(Arc::new(batch), Rules::default(), server.clock.now()).await.unwrap().unwrap();
    server.clock.advance_ms(249);
    assert_eq!(tip_of(&server).await, json!(null));
    server.clock.advance_ms(1);
    assert_eq!(tip_of(&server).await, 9);
    server.clock.advance(-60);
    assert_eq!(tip_of(&server).await, 9, "a clock that was set back makes a reading old");
}

#[actix_web::test]
async fn a_reading_of_storage_that_fails_is_shared_by_those_who_waited_for_it_alone() {
    static CHECKS: AtomicUsize = AtomicUsize::new(0);
    let fault: Fault = || {
        CHECKS.fetch_add(1, Ordering::Relaxed);
        StoreError::unavailable("away")
    };
    let server = Server::over(Arc::new(FailingStore::new(fault)), Writes::Open);
    let probes = ["/health", "/health/ready", "/health", "/health/ready"].map(|path| server.get(path));
    for answered in futures_util::future::join_all(probes).await {
        assert_eq!(answered.status, StatusCode::SERVICE_UNAVAILABLE);
    }
    assert_eq!(CHECKS.load(Ordering::Relaxed), 1);
    server.get("/health").await;
    assert_eq!(CHECKS.load(Ordering::Relaxed), 2);
}

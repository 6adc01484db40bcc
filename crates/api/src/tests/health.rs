//! `/health`, `/health/live` and `/health/ready`.

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

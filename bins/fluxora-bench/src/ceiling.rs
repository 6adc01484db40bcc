//! The ceiling: the same HTTP server library with nothing behind it.

use actix_web::http::header::CONTENT_TYPE;
use actix_web::{App, HttpResponse, HttpServer, web};

/// About the bytes of one stream.
const BODY: &str = r#"{"id":"01930000-0000-7000-8000-000000000001","sender":"GAFQOBYHA4DQOBYHA4DQOBYHA4DQOBYHA4DQOBYHA4DQOBYHA4DQPDA2","recipient":"GAFQOBYHA4DQOBYHA4DQOBYHA4DQOBYHA4DQOBYHA4DQOBYHA4DQPDA2","depositAmount":"1000000.0000000","ratePerSecond":"0.0050000","streamedAmount":"0.0000000","withdrawableAmount":"0.0000000","remainingAmount":"1000000.0000000","status":"active","startTime":1767225600,"endTime":201767225600,"createdAt":"2026-01-01T00:00:00.000Z","updatedAt":"2026-01-01T00:00:00.000Z","asOf":1767225600}"#;

/// Serves until the process is killed. Prints its address.
pub(crate) fn serve() -> anyhow::Result<()> {
    actix_web::rt::System::new().block_on(async {
        let server =
            HttpServer::new(|| App::new().default_service(web::to(answer))).workers(2).bind("127.0.0.1:0")?;
        for address in server.addrs() {
            println!("listening on {address}");
        }
        server.run().await?;
        Ok(())
    })
}

async fn answer() -> HttpResponse {
    HttpResponse::Ok().insert_header((CONTENT_TYPE, "application/json")).body(BODY)
}

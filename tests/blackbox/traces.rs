//! Traces, through a collector that keeps what it gets.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;

use serde_json::{Value, json};

use crate::PATIENCE;
use crate::http::Request;
use crate::sample;
use crate::server::{Launch, TestServer};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const SPAN: &str = "b7ad6b7169203331";

/// What arrived: the head of each request and its body.
type Arrived = Arc<(Mutex<Vec<(String, Value)>>, Condvar)>;

/// A collector on a port of the loopback address.
struct Collector {
    address: SocketAddr,
    arrived: Arrived,
}

impl Collector {
    fn start() -> Self {
        Self::on(TcpListener::bind("127.0.0.1:0").unwrap())
    }

    fn on(listener: TcpListener) -> Self {
        let (address, arrived) = (listener.local_addr().unwrap(), Arrived::default());
        let kept = Arc::clone(&arrived);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let kept = Arc::clone(&kept);
                thread::spawn(move || while answer(&stream, &kept).is_some() {});
            }
        });
        Self { address, arrived }
    }

    fn launch(&self) -> Launch {
        Launch::new().set("OTEL_EXPORTER_OTLP_ENDPOINT", format!("http://{}/", self.address))
    }

    /// Waits for a span that `wanted` accepts.
    #[track_caller]
    fn wait_for_span(&self, wanted: impl Fn(&Value) -> bool) -> Value {
        let (arrived, changed) = &*self.arrived;
        let none = |arrived: &mut Vec<(String, Value)>| !spans(arrived).iter().any(&wanted);
        let (arrived, _) = changed.wait_timeout_while(arrived.lock().unwrap(), PATIENCE, none).unwrap();
        let found = spans(&arrived).into_iter().find(&wanted);
        found.unwrap_or_else(|| panic!("no such span in {arrived:#?}"))
    }
}

/// Reads one request and accepts it; `None` at the end of the connection.
fn answer(mut stream: &TcpStream, arrived: &Arrived) -> Option<()> {
    let (mut bytes, mut byte) = (Vec::new(), [0]);
    while !bytes.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).ok()?;
        bytes.extend_from_slice(&byte);
    }
    let head = String::from_utf8(bytes).ok()?.to_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "))?.parse().ok()?;
    let mut body = vec![0; length];
    stream.read_exact(&mut body).ok()?;
    let (kept, changed) = &**arrived;
    kept.lock().unwrap().push((head, serde_json::from_slice(&body).ok()?));
    changed.notify_all();
    stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}").ok()
}

fn spans(arrived: &[(String, Value)]) -> Vec<Value> {
    let spans = |(_, body): &(String, Value)| {
        body["resourceSpans"][0]["scopeSpans"][0]["spans"].as_array().cloned().unwrap_or_default()
    };
    arrived.iter().flat_map(spans).collect()
}

fn attribute<'a>(owner: &'a Value, name: &str) -> &'a Value {
    let attributes = owner["attributes"].as_array().unwrap();
    attributes.iter().find(|attribute| attribute["key"] == name).map_or(&Value::Null, |found| &found["value"])
}

fn traced(request: Request, traceparent: &str) -> Request {
    request.header("traceparent", traceparent)
}

/// The trace id of the log line of a request with this id.
fn logged_trace(server: &TestServer, id: &str) -> String {
    let line = server.wait_for_line("the request", |line| {
        line["message"] == "request" && line["span"]["request_id"] == id
    });
    line["span"]["trace_id"].as_str().unwrap().to_owned()
}

#[test]
fn a_request_continues_the_trace_of_its_sender_and_its_span_arrives() {
    let collector = Collector::start();
    let launch = collector.launch().set("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=a%20test");
    let mut server = TestServer::launch(launch.set("OTEL_EXPORTER_OTLP_HEADERS", "x-key=hunter2"));
    let missing = "/api/streams/01930000-0000-7000-8000-00000000ffff";
    let request = Request::get(missing).header("x-request-id", "mine").header("tracestate", "vendor=1");
    let missing = server.send(&traced(request, &format!("00-{TRACE}-{SPAN}-01"))).expect(404);
    assert_eq!(missing["error"]["traceId"], TRACE);
    assert_eq!(logged_trace(&server, "mine"), TRACE);
    let span = collector.wait_for_span(|span| span["traceId"] == TRACE);
    assert_eq!(
        (&span["name"], &span["kind"], &span["parentSpanId"], &span["traceState"]),
        (&json!("GET /api/streams/{id}"), &json!(2), &json!(SPAN), &json!("vendor=1"))
    );
    assert_eq!(attribute(&span, "http.response.status_code"), &json!({ "intValue": "404" }));
    assert_eq!(attribute(&span, "error.type"), &json!({ "stringValue": "NOT_FOUND" }));
    assert_eq!(attribute(&span, "fluxora.request_id"), &json!({ "stringValue": "mine" }));
    let time = |name: &str| span[name].as_str().unwrap().parse::<u64>().unwrap();
    assert!(time("startTimeUnixNano") <= time("endTimeUnixNano"), "{span}");
    server.terminate();
    let arrived = collector.arrived.0.lock().unwrap();
    let (head, body) = &arrived[0];
    assert!(
        head.starts_with("post /v1/traces http/1.1\r\n") && head.contains("x-key: hunter2\r\n"),
        "{head}"
    );
    let resource = &body["resourceSpans"][0]["resource"];
    assert_eq!(attribute(resource, "service.name"), &json!({ "stringValue": "fluxora" }));
    assert_eq!(attribute(resource, "deployment.environment.name"), &json!({ "stringValue": "a test" }));
    let text = format!("{arrived:?}");
    assert!(!text.contains("00000000ffff"), "no span has a path: {text}");
}

#[test]
fn a_malformed_traceparent_is_ignored() {
    let mut server = TestServer::start();
    let valid = format!("00-{TRACE}-{SPAN}-01");
    for (id, wrong) in
        [("a", format!("ff-{TRACE}-{SPAN}-01")), ("b", format!("{valid}-more")), ("c", String::new())]
    {
        server.send(&traced(Request::get("/").header("x-request-id", id), &wrong)).expect(200);
        let trace = logged_trace(&server, id);
        assert!(trace.len() == 32 && trace != TRACE, "{trace}");
    }
    let twice = traced(Request::get("/").header("x-request-id", "d"), &valid);
    server.send(&traced(twice, &valid)).expect(200);
    assert_ne!(logged_trace(&server, "d"), TRACE, "two headers are none");
    server.send(&traced(Request::get("/").header("x-request-id", "e"), &valid)).expect(200);
    assert_eq!(logged_trace(&server, "e"), TRACE, "traces are passed on without a collector");
    server.terminate();
}

#[test]
fn the_sampler_decides_about_requests_without_a_trace() {
    let collector = Collector::start();
    let mut server =
        TestServer::launch(collector.launch().set("OTEL_TRACES_SAMPLER", "parentbased_always_off"));
    server.get("/").expect(200);
    server.send(&traced(Request::get("/"), &format!("00-{TRACE}-{SPAN}-00"))).expect(200);
    server.send(&traced(Request::get("/docs"), &format!("00-{TRACE}-{SPAN}-01")));
    collector.wait_for_span(|span| span["name"] == "GET /docs");
    server.terminate();
    assert_eq!(spans(&collector.arrived.0.lock().unwrap()).len(), 1);
}

#[test]
fn without_its_collector_the_server_answers_and_the_spans_arrive_later() {
    // The port is free until the collector starts.
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let launch = Launch::new().set("OTEL_EXPORTER_OTLP_ENDPOINT", format!("http://{address}"));
    let mut server = TestServer::launch(launch);
    let first = server.create(&sample::stream());
    server.wait_for_message("spans do not arrive at the trace collector: requests are not affected");
    for _ in 0..20 {
        server.stream(first["id"].as_str().unwrap());
    }
    let collector = Collector::on(TcpListener::bind(address).unwrap());
    collector.wait_for_span(|span| span["name"] == "POST /api/streams");
    server.wait_for_message("the trace collector accepts spans again");
    server.terminate();
    let log = server.log();
    let warnings =
        log.iter().filter(|line| line["target"] == "fluxora_server::traces" && line["level"] == "WARN");
    assert_eq!(warnings.count(), 1, "the outage is logged once");
}

#[test]
fn a_collector_that_does_not_answer_delays_neither_requests_nor_a_stop() {
    // Connections are accepted by the system and read by no one.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", silent.local_addr().unwrap());
    let mut server = TestServer::launch(Launch::new().set("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint));
    for _ in 0..50 {
        server.get("/").expect(200);
    }
    let (connection, _) = silent.accept().unwrap();
    server.get("/").expect(200);
    server.terminate();
    drop(connection);
}

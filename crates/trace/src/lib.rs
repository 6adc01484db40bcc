#![doc = include_str!("../README.md")]

mod context;
mod id;
mod otlp;
mod queue;
mod sampler;
mod span;
mod state;
mod tracer;

pub use context::TraceContext;
pub use id::{SpanId, TraceId};
pub use otlp::{Batch, Resource};
pub use queue::Spans;
pub use sampler::Sampler;
pub use span::{Kind, Span, Status, Value};
pub use tracer::Tracer;

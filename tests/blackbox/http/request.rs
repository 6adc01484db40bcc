use serde_json::Value;

/// A request, byte for byte.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    method: String,
    target: String,
    headers: Vec<(String, Vec<u8>)>,
    body: Vec<u8>,
}

impl Request {
    pub(crate) fn new(method: &str, target: &str) -> Self {
        let headers = vec![("host".to_owned(), b"fluxora.test".to_vec())];
        Self { method: method.to_owned(), target: target.to_owned(), headers, body: Vec::new() }
    }

    pub(crate) fn get(target: &str) -> Self {
        Self::new("GET", target)
    }

    pub(crate) fn delete(target: &str) -> Self {
        Self::new("DELETE", target)
    }

    /// A POST with these bytes as its body, which it says is JSON.
    pub(crate) fn post(target: &str, body: impl Into<Vec<u8>>) -> Self {
        let request = Self::new("POST", target).header("content-type", "application/json");
        Self { body: body.into(), ..request }
    }

    /// The same with another method.
    pub(crate) fn with_method(self, method: &str) -> Self {
        Self { method: method.to_owned(), ..self }
    }

    /// A create with these bytes as its body.
    pub(crate) fn create(body: impl Into<Vec<u8>>) -> Self {
        Self::post("/api/streams", body)
    }

    /// A create with this JSON as its body.
    pub(crate) fn create_json(body: &Value) -> Self {
        Self::create(body.to_string())
    }

    /// Adds a header; one that is there stays.
    pub(crate) fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.headers.push((name.to_owned(), value.as_ref().to_vec()));
        self
    }

    /// Takes a header out.
    pub(crate) fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(other, _)| other != name);
        self
    }

    /// Sends the body in chunks of this many bytes instead of announcing its length.
    pub(crate) fn chunked(self, bytes: usize) -> Self {
        let mut body = Vec::new();
        for chunk in self.body.chunks(bytes) {
            body.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
            body.extend_from_slice(chunk);
            body.extend_from_slice(b"\r\n");
        }
        body.extend_from_slice(b"0\r\n\r\n");
        Self { body, ..self }.header("transfer-encoding", "chunked")
    }

    pub(crate) fn is_head(&self) -> bool {
        self.method == "HEAD"
    }

    /// Request line and headers. The length of the body is announced unless a header speaks of it already.
    pub(crate) fn head(&self) -> Vec<u8> {
        let mut head = format!("{} {} HTTP/1.1\r\n", self.method, self.target).into_bytes();
        let length = ("content-length".to_owned(), self.body.len().to_string().into_bytes());
        let framed =
            |(name, _): &(String, Vec<u8>)| ["content-length", "transfer-encoding"].contains(&&**name);
        let announce = !self.body.is_empty() && !self.headers.iter().any(framed);
        for (name, value) in self.headers.iter().chain(announce.then_some(&length)) {
            head.extend_from_slice(name.as_bytes());
            head.extend_from_slice(b": ");
            head.extend_from_slice(value);
            head.extend_from_slice(b"\r\n");
        }
        head.extend_from_slice(b"\r\n");
        head
    }

    pub(crate) fn body(&self) -> &[u8] {
        &self.body
    }
}

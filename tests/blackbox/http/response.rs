use std::io::{self, BufRead, Error, ErrorKind};

use serde_json::Value;

/// What came back.
#[derive(Clone, Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Response {
    /// Reads one response; the body is as long as announced, unless the request was a HEAD.
    pub(super) fn read(from: &mut impl BufRead, to_head: bool) -> io::Result<Self> {
        let status_line = line(from)?;
        let status = status_line.split(' ').nth(1).and_then(|status| status.parse().ok());
        let status = status.ok_or_else(|| nonsense(&status_line))?;
        let mut headers = Vec::new();
        loop {
            let line = line(from)?;
            if line.is_empty() {
                break;
            }
            let (name, value) = line.split_once(':').ok_or_else(|| nonsense(&line))?;
            headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
        let mut response = Self { status, headers, body: Vec::new() };
        if !to_head && ![100, 204, 304].contains(&status) {
            let length = response.header("content-length").and_then(|length| length.parse().ok());
            response.body = vec![0; length.ok_or_else(|| nonsense("no content-length"))?];
            from.read_exact(&mut response.body)?;
        }
        Ok(response)
    }

    /// The one header of this name.
    #[track_caller]
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.iter().filter(|(other, _)| other == name);
        let value = values.next().map(|(_, value)| value.as_str());
        assert!(values.next().is_none(), "the header {name} comes twice: {self:?}");
        value
    }

    pub(crate) fn body(&self) -> &[u8] {
        &self.body
    }

    /// Headers and body as one text, to search for what must not be there.
    pub(crate) fn everything(&self) -> String {
        format!("{:?} {}", self.headers, String::from_utf8_lossy(&self.body))
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        assert_eq!(self.header("content-type"), Some("application/json"), "{self:?}");
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error} in {self:?}"))
    }

    /// The JSON of an answer that must have this status.
    #[track_caller]
    pub(crate) fn expect(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.everything());
        self.json()
    }
}

fn line(from: &mut impl BufRead) -> io::Result<String> {
    let mut line = String::new();
    from.read_line(&mut line)?;
    let line = line.strip_suffix("\r\n").ok_or_else(|| Error::from(ErrorKind::UnexpectedEof))?;
    Ok(line.to_owned())
}

fn nonsense(what: &str) -> Error {
    Error::new(ErrorKind::InvalidData, format!("not an answer: {what}"))
}

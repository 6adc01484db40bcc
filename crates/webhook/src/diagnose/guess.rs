//! Combinations of mistakes, the fewest first.

use zeroize::Zeroizing;

use super::Cause;
use super::json::{self, Spacing};
use crate::mac::{Digest, Key};
use crate::secret::is_blank;

/// What was received.
pub(super) struct Request<'a> {
    pub(super) id: &'a [u8],
    pub(super) timestamp: &'a [u8],
    pub(super) body: &'a [u8],
}

/// A value as the sender may have had it, and the mistakes that lead from there to what was given.
struct Guess<T> {
    value: T,
    causes: Vec<Cause>,
}

fn guess<T>(value: T, causes: impl Into<Vec<Cause>>) -> Guess<T> {
    Guess { value, causes: causes.into() }
}

/// The smallest set of mistakes under which one of the signatures is right.
pub(super) fn search(secret: &[u8], request: &Request<'_>, signatures: &[Digest]) -> Option<Vec<Cause>> {
    let bodies = bodies(request.body);
    let mut best: Option<Vec<Cause>> = None;
    for key in keys(secret) {
        for body in &bodies {
            for form in forms(request, &body.value) {
                let tag = key.value.sign(&form.value);
                if signatures.iter().any(|signature| tag.as_ref() == signature) {
                    let causes: Vec<Cause> =
                        key.causes.iter().chain(&form.causes).chain(&body.causes).copied().collect();
                    if best.as_ref().is_none_or(|best| causes.len() < best.len()) {
                        best = Some(causes);
                    }
                }
            }
        }
    }
    best
}

fn keys(secret: &[u8]) -> Vec<Guess<Key>> {
    let mut keys = vec![guess(Key::new(secret), [])];
    keys.push(guess(Key::new(&[secret, b"\n"].concat()), [Cause::SenderSecretEndsWithLineBreak]));
    #[cfg(feature = "standard-webhooks")]
    keys.push(guess(crate::standard::undecoded_key(secret), [Cause::SecretDecoded]));
    let Ok(text) = std::str::from_utf8(secret) else { return keys };
    let mut texts = vec![guess(text, [])];
    let trimmed = text.trim_matches(is_blank);
    if trimmed != text {
        texts.push(guess(trimmed, [Cause::SecretHasSurroundingBlanks]));
    }
    let unquoted = trimmed.trim_matches(['"', '\'']);
    if unquoted != trimmed {
        texts.push(guess(unquoted, [Cause::SecretIsQuoted]));
    }
    for Guess { value: text, causes } in texts {
        let with = |cause| causes.iter().copied().chain([cause]).collect::<Vec<_>>();
        if let Some(rest) = text.strip_prefix("whsec_") {
            keys.push(guess(Key::new(rest.as_bytes()), with(Cause::KeyWithoutPrefix)));
        } else {
            let whole = Zeroizing::new(format!("whsec_{text}"));
            keys.push(guess(Key::new(whole.as_bytes()), with(Cause::SecretPrefixCutOff)));
        }
        #[cfg(feature = "standard-webhooks")]
        if let Ok(key) = crate::standard::decode_key(text) {
            keys.push(guess(key, with(Cause::StandardWebhooksKey)));
        }
        keys.push(guess(Key::new(text.as_bytes()), causes));
    }
    keys
}

fn forms<'a>(request: &Request<'a>, body: &'a [u8]) -> Vec<Guess<Vec<&'a [u8]>>> {
    vec![
        guess(vec![request.timestamp, body], []),
        guess(vec![body], [Cause::TimestampNotSigned]),
        guess(vec![request.id, request.timestamp, body], [Cause::IdSigned]),
    ]
}

fn bodies(body: &[u8]) -> Vec<Guess<Vec<u8>>> {
    let mut bodies = vec![guess(body.to_vec(), [])];
    for end in [b"\r\n".as_slice(), b"\n"] {
        bodies.extend(body.strip_suffix(end).map(|rest| guess(rest.to_vec(), [Cause::BodyGainedLineBreak])));
        bodies.push(guess([body, end].concat(), [Cause::BodyLostLineBreak]));
    }
    bodies.push(guess(to_lf(body), [Cause::BodyLineBreaksChanged]));
    bodies.push(guess(to_crlf(body), [Cause::BodyLineBreaksChanged]));
    let unmarked = body.strip_prefix("\u{feff}".as_bytes());
    bodies.extend(unmarked.map(|rest| guess(rest.to_vec(), [Cause::BodyGainedByteOrderMark])));
    bodies.extend(rewritten(body));
    bodies
}

/// The same JSON as other programs would write it.
fn rewritten(body: &[u8]) -> Vec<Guess<Vec<u8>>> {
    let Some(text) = std::str::from_utf8(body).ok().filter(|text| text.trim_start().starts_with(['{', '[']))
    else {
        return Vec::new();
    };
    let escapes = [
        guess(text.to_owned(), []),
        guess(json::escape(text), [Cause::BodyEscapesChanged]),
        guess(json::unescape(text), [Cause::BodyEscapesChanged]),
    ];
    let mut bodies = Vec::new();
    for Guess { value: text, causes } in escapes {
        for spacing in [Spacing::Compact, Spacing::OneLine, Spacing::Indented(2), Spacing::Indented(4)] {
            let causes: Vec<_> = causes.iter().copied().chain([Cause::BodyReformatted]).collect();
            bodies.push(guess(json::respace(&text, spacing).into_bytes(), causes));
        }
        if !causes.is_empty() {
            bodies.push(guess(text.into_bytes(), causes));
        }
    }
    bodies
}

fn to_lf(body: &[u8]) -> Vec<u8> {
    let mut lines = Vec::with_capacity(body.len());
    let mut bytes = body.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        if byte != b'\r' || bytes.peek() != Some(&b'\n') {
            lines.push(byte);
        }
    }
    lines
}

fn to_crlf(body: &[u8]) -> Vec<u8> {
    let mut lines = Vec::with_capacity(body.len());
    for byte in to_lf(body) {
        if byte == b'\n' {
            lines.push(b'\r');
        }
        lines.push(byte);
    }
    lines
}

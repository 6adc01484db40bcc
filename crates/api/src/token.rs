use std::fmt;

use actix_web::http::header::HeaderMap;
use subtle::ConstantTimeEq;
use thiserror::Error;

use crate::access::AuthFailure;
use crate::error::{ApiError, ErrorKind};

/// A shared secret that a caller sends in a header. It is never printed.
#[derive(Clone)]
pub struct Token(Box<[u8]>);

impl PartialEq for Token {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

/// Why a text is no [`Token`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("32 to 256 visible ASCII characters")]
pub struct InvalidToken;

impl Token {
    /// A token of 32 to 256 visible ASCII characters.
    ///
    /// # Errors
    /// [`InvalidToken`] for any other text.
    pub fn new(secret: &str) -> Result<Self, InvalidToken> {
        let sound = (32..=256).contains(&secret.len()) && secret.bytes().all(|byte| byte.is_ascii_graphic());
        sound.then(|| Self(secret.as_bytes().into())).ok_or(InvalidToken)
    }

    /// Accepts a request that has exactly this secret in `header`, once. The comparison takes constant time.
    ///
    /// # Errors
    /// `UNAUTHORIZED`, the same for a missing and for a wrong secret.
    pub(crate) fn check(&self, headers: &HeaderMap, header: &'static str) -> Result<(), ApiError> {
        let mut given = headers.get_all(header);
        let known = match (given.next(), given.next()) {
            (Some(given), None) => bool::from(given.as_bytes().ct_eq(&self.0)),
            _ => false,
        };
        let refuse = || {
            ApiError::denied(
                ErrorKind::Unauthorized,
                AuthFailure::WrongToken,
                format!("send the token of this route in the header {header}"),
            )
        };
        if known { Ok(()) } else { Err(refuse()) }
    }
}

impl Token {
    /// Whether a text contains this secret. Each comparison takes constant time.
    pub(crate) fn is_part_of(&self, text: &str) -> bool {
        text.as_bytes().windows(self.0.len()).any(|window| window.ct_eq(&self.0).into())
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    const SECRET: &str = "0123456789abcdef0123456789abcdef";

    #[test]
    fn a_token_has_32_to_256_visible_characters() {
        assert!(Token::new(SECRET).is_ok());
        let shorter = SECRET.replacen('0', "", 1);
        for text in ["", &shorter, &SECRET.replace('0', " "), &SECRET.replace('0', "é"), &"x".repeat(257)] {
            assert_eq!(Token::new(text).unwrap_err(), InvalidToken, "{text}");
        }
    }

    #[test]
    fn only_the_whole_secret_sent_once_is_accepted() {
        let token = Token::new(SECRET).unwrap();
        let check = |given: &[&str]| {
            let request = given
                .iter()
                .fold(TestRequest::get(), |request, secret| request.append_header(("x-token", *secret)));
            token.check(request.to_http_request().headers(), "x-token").map_err(|error| error.kind)
        };
        assert_eq!(check(&[SECRET]), Ok(()));
        let (shorter, upper) = (SECRET.replacen('0', "", 1), SECRET.to_uppercase());
        for given in [&[][..], &[""], &[shorter.as_str()], &[upper.as_str()], &[SECRET, SECRET]] {
            assert_eq!(check(given), Err(ErrorKind::Unauthorized), "{given:?}");
        }
    }

    #[test]
    fn a_token_never_prints() {
        assert!(!format!("{:?}", Token::new(SECRET).unwrap()).contains("0123"));
    }
}

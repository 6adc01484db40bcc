use actix_web::HttpRequest;
use fluxora_audit::{Actor, ActorKind};
use fluxora_auth::{Identity, Role};

use crate::access::principal;

/// Who makes a request. A caller whose credential is not valid is anonymous.
pub(super) fn of(request: &HttpRequest) -> Actor {
    let caller = principal(request);
    let (kind, id) = match caller.identity() {
        Identity::Anonymous => (ActorKind::Anonymous, None),
        Identity::Token(token) => (ActorKind::Token, Some(token.as_str().to_owned())),
        Identity::Subject(subject) => (ActorKind::Jwt, Some(subject.to_string())),
        Identity::Key(id) => (ActorKind::Key, Some(id.to_string())),
    };
    Actor { kind, id, role: caller.role().map_or("none", Role::as_str) }
}

//! The list of vendors' values in `tracestate`.

/// Members of a list.
const MEMBERS: usize = 32;
/// The longest list that is passed on, in bytes: as long as the standard asks for.
const LENGTH: usize = 512;

/// The list, without empty members and without those at its end that make it too long; empty if it is malformed.
pub(crate) fn valid(list: &str) -> String {
    let members: Vec<_> = list
        .split(',')
        .map(|member| member.trim_matches([' ', '\t']))
        .filter(|member| !member.is_empty())
        .collect();
    let keys: Option<Vec<_>> = members.iter().map(|member| key(member)).collect();
    let Some(mut keys) = keys else { return String::new() };
    keys.sort_unstable();
    if members.len() > MEMBERS || keys.windows(2).any(|pair| matches!(pair, [one, next] if one == next)) {
        return String::new();
    }
    let mut list = String::new();
    for member in members {
        let separator = if list.is_empty() { "" } else { "," };
        if list.len().saturating_add(separator.len()).saturating_add(member.len()) > LENGTH {
            break;
        }
        list.push_str(separator);
        list.push_str(member);
    }
    list
}

/// The key of a well-formed member.
fn key(member: &str) -> Option<&str> {
    let (key, value) = member.split_once('=')?;
    let is_plain = |byte: u8| matches!(byte, b' '..=b'~') && byte != b',' && byte != b'=';
    let value_is_valid = (1..=256).contains(&value.len()) && value.bytes().all(is_plain);
    let key_is_valid = match key.split_once('@') {
        None => is_name(key, 256, false),
        Some((tenant, system)) => is_name(tenant, 241, true) && is_name(system, 14, false),
    };
    (key_is_valid && value_is_valid).then_some(key)
}

fn is_name(name: &str, longest: usize, may_begin_with_digit: bool) -> bool {
    let begins = |byte: u8| byte.is_ascii_lowercase() || (may_begin_with_digit && byte.is_ascii_digit());
    let follows = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-' | b'*' | b'/');
    let mut bytes = name.bytes();
    name.len() <= longest && bytes.next().is_some_and(begins) && bytes.all(follows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(list: &str, expect: &str) {
        assert_eq!(valid(list), expect, "{list}");
    }

    #[test]
    fn a_well_formed_list_is_passed_on() {
        for list in ["", "a=1", "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE", "1t@v=x y", "a_-*/0=!~"] {
            check(list, list);
        }
        check(" a=1 ,\t,b=2", "a=1,b=2");
    }

    #[test]
    fn a_malformed_list_is_dropped_whole() {
        for list in [
            "a", "a=", "=1", "A=1", "a=1,b", "a=1,a=2", "1a=1", "a=1=2", "a@1v=x", "a@b@c=1", "a=\u{e9}",
            "a=\u{7f}",
        ] {
            check(list, "");
        }
        let long = |length: usize| format!("{}=1", "a".repeat(length));
        check(&long(256), &long(256));
        check(&long(257), "");
        let members = |count: usize| (0..count).map(|n| format!("a{n}=1")).collect::<Vec<_>>().join(",");
        check(&members(32), &members(32));
        check(&members(33), "");
    }

    #[test]
    fn a_list_that_is_too_long_loses_members_at_its_end() {
        let member = |key: &str| format!("{key}={}", "x".repeat(250));
        let [a, b, c] = ["a", "b", "c"].map(member);
        check(&[a.as_str(), &b, &c].join(","), &[a, b].join(","));
    }
}

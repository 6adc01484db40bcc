//! `GET /docs`: the OpenAPI document as a page. It needs no script and no other host.

use std::fmt::{self, Display, Write as _};
use std::sync::LazyLock;

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse};
use serde_json::Value;

use super::openapi::DOCUMENT;
use crate::doc::{Doc, response};
use crate::error::ApiError;
use crate::query::Query;

pub(crate) const DOC: Doc =
    Doc::new("Show the API as a page", &[response(200, "HtmlPage", "The OpenAPI document as HTML")]);

/// Nothing is loaded and nothing runs.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
const STYLE: &str = include_str!("docs.css");

static PAGE: LazyLock<String> = LazyLock::new(|| {
    serde_json::from_str(DOCUMENT).map_or_else(|_| String::new(), |document| page(&document))
});

/// `GET /docs`: the documentation of the API.
pub(crate) async fn show(request: HttpRequest) -> Result<HttpResponse, ApiError> {
    Query::of(&request)?.finish()?;
    let mut answer = HttpResponse::Ok();
    answer
        .insert_header((header::CONTENT_TYPE, "text/html; charset=utf-8"))
        .insert_header((header::CONTENT_SECURITY_POLICY, POLICY))
        .insert_header((header::REFERRER_POLICY, "no-referrer"))
        .insert_header((header::X_FRAME_OPTIONS, "DENY"));
    Ok(answer.body(PAGE.as_str()))
}

/// Text between tags and in attributes.
struct Text<'t>(&'t str);

impl Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|c| match c {
            '&' => f.write_str("&amp;"),
            '<' => f.write_str("&lt;"),
            '>' => f.write_str("&gt;"),
            '"' => f.write_str("&quot;"),
            other => f.write_char(other),
        })
    }
}

fn text(value: &Value) -> Text<'_> {
    Text(value.as_str().unwrap_or_default())
}

fn page(document: &Value) -> String {
    let info = &document["info"];
    let mut html = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" \
         content=\"width=device-width\"><title>{title}</title><style>{STYLE}</style></head><body><h1>{title} \
         {version}</h1><p>{description} The same as <a href=\"/openapi.json\">an OpenAPI document</a>.</p>",
        title = text(&info["title"]),
        version = text(&info["version"]),
        description = text(&info["description"]),
    );
    for (path, operations) in members(&document["paths"]) {
        for (method, operation) in members(operations) {
            push(&mut html, format_args!("{}", Operation { path, method, operation }));
        }
    }
    html.push_str("<h2>Schemas</h2>");
    for (name, schema) in members(document.pointer("/components/schemas").unwrap_or(&Value::Null)) {
        let json = serde_json::to_string_pretty(schema).unwrap_or_default();
        let name = Text(name);
        push(
            &mut html,
            format_args!(
                "<details id=\"schema-{name}\"><summary>{name}</summary><pre>{}</pre></details>",
                Text(&json)
            ),
        );
    }
    html.push_str("</body></html>");
    html
}

/// Writing to a string cannot fail.
fn push(html: &mut String, part: fmt::Arguments<'_>) {
    html.write_fmt(part).ok();
}

fn members(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flatten()
}

struct Operation<'d> {
    path: &'d str,
    method: &'d str,
    operation: &'d Value,
}

impl Display for Operation<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, method, operation } = self;
        let (method, path) = (method.to_ascii_uppercase(), Text(path));
        write!(
            f,
            "<section id=\"{}\"><h2><code>{method} {path}</code></h2><p>{}. Access: {}. Limit: {}.</p>",
            text(&operation["operationId"]),
            text(&operation["summary"]),
            text(&operation["x-access"]),
            text(&operation["x-rate-limit"])
        )?;
        let parameters = operation["parameters"].as_array();
        if parameters.is_some_and(|parameters| !parameters.is_empty()) {
            f.write_str("<table><tr><th>parameter</th><th>in</th><th>meaning</th></tr>")?;
            for parameter in parameters.into_iter().flatten() {
                let (name, place) = (text(&parameter["name"]), text(&parameter["in"]));
                let description = text(&parameter["description"]);
                write!(f, "<tr><td><code>{name}</code></td><td>{place}</td><td>{description}</td></tr>")?;
            }
            f.write_str("</table>")?;
        }
        let body = &operation["requestBody"];
        if body.is_object() {
            write!(f, "<p>Body: {}. {}</p>", text(&body["description"]), Schema(body))?;
        }
        f.write_str("<table><tr><th>status</th><th>answer</th><th>body</th></tr>")?;
        for (status, answer) in members(&operation["responses"]) {
            let description = text(&answer["description"]);
            write!(f, "<tr><td>{}</td><td>{description}</td><td>{}</td></tr>", Text(status), Schema(answer))?;
        }
        f.write_str("</table></section>")
    }
}

/// The media types of a body, with links to their schemas.
struct Schema<'d>(&'d Value);

impl Display for Schema<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (media_type, content) in members(&self.0["content"]) {
            write!(f, "<code>{}</code> ", Text(media_type))?;
            let reference = content
                .pointer("/schema/$ref")
                .and_then(Value::as_str)
                .and_then(|path| path.rsplit('/').next());
            if let Some(name) = reference.map(Text) {
                write!(f, "<a href=\"#schema-{name}\">{name}</a> ")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::ROUTES;

    #[test]
    fn the_page_has_every_route_and_loads_nothing() {
        for route in &ROUTES {
            let title = format!("<code>{} {}</code>", route.method.as_str(), route.path);
            assert!(PAGE.contains(&title), "{title}");
            assert!(PAGE.contains(route.doc.summary), "{}", route.doc.summary);
        }
        for loads in ["<script", "<link", "<img", "http://", "https://", "@import", "url("] {
            let without_schemas = PAGE.split("<h2>Schemas</h2>").next().unwrap();
            assert!(!without_schemas.contains(loads), "{loads}");
        }
    }

    #[test]
    fn what_the_document_says_is_text_and_no_markup() {
        let operation = json!({"get": {"summary": "<script>\"&", "responses": {}}});
        let html = page(&json!({"info": {"title": "<b>"}, "paths": {"/<i>": operation}}));
        assert!(html.contains("&lt;script&gt;&quot;&amp;") && html.contains("GET /&lt;i&gt;"), "{html}");
        assert!(html.contains("<title>&lt;b&gt;</title>"), "{html}");
    }
}

//! Choosing the media type of the answer from the Accept header.

use axum::http::{HeaderMap, header};

use super::super::errors::{ApiError, Code};

/// What an answer can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Media {
    /// `application/graphql-response+json`: the status tells whether the document was in order.
    GraphqlResponse,
    /// `application/json`: a document that is not in order is still answered with 200.
    Json,
    /// The page for people.
    Html,
}

impl Media {
    pub fn content_type(self) -> &'static str {
        match self {
            Self::GraphqlResponse => "application/graphql-response+json; charset=utf-8",
            Self::Json => "application/json; charset=utf-8",
            Self::Html => "text/html; charset=utf-8",
        }
    }

    fn of_range(range: &str) -> Option<Self> {
        match range.to_ascii_lowercase().as_str() {
            "application/graphql-response+json" => Some(Self::GraphqlResponse),
            // The draft and its audits want `application/json` for clients that do not care.
            "application/json" | "application/*" | "*/*" => Some(Self::Json),
            "text/html" | "text/*" => Some(Self::Html),
            _ => None,
        }
    }
}

/// Whether the page for people may be the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Page {
    Offered,
    NotOffered,
}

/// The best of what the client accepts; the first one named wins among equals.
pub fn negotiate(headers: &HeaderMap, page: Page) -> Result<Media, ApiError> {
    let mut best: Option<(Media, f32)> = None;
    let mut is_silent = true;
    for value in headers.get_all(header::ACCEPT) {
        for range in value.to_str().unwrap_or_default().split(',').filter(|range| !range.trim().is_empty()) {
            is_silent = false;
            let mut parts = range.split(';').map(str::trim);
            let media = Media::of_range(parts.next().unwrap_or_default());
            let quality = quality(parts);
            let Some(media) = media.filter(|media| *media != Media::Html || page == Page::Offered) else { continue };
            if 0.0 < quality && best.is_none_or(|(_, best_quality)| best_quality < quality) {
                best = Some((media, quality));
            }
        }
    }
    match best {
        Some((media, _)) => Ok(media),
        None if is_silent => Ok(Media::Json),
        None => Err(ApiError::new(
            Code::NotAcceptable,
            "this route answers with application/graphql-response+json or application/json",
        )),
    }
}

fn quality<'a>(parameters: impl Iterator<Item = &'a str>) -> f32 {
    let mut parameters = parameters;
    let given = parameters.find_map(|parameter| parameter.strip_prefix("q=").or(parameter.strip_prefix("Q=")));
    // A weight that cannot be read counts as none given.
    given.and_then(|text| text.trim().parse().ok()).unwrap_or(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(accept: &str, page: Page, expected: Option<Media>) {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT, accept.parse().unwrap());
        assert_eq!(negotiate(&headers, page).ok(), expected, "{accept}");
    }

    #[test]
    fn the_client_decides_and_json_is_the_default() {
        let graphql = "application/graphql-response+json";
        check(graphql, Page::NotOffered, Some(Media::GraphqlResponse));
        check(
            &format!("{graphql}; charset=utf-8, application/json;q=0.9"),
            Page::NotOffered,
            Some(Media::GraphqlResponse),
        );
        check(&format!("application/json;q=0.5, {graphql}"), Page::NotOffered, Some(Media::GraphqlResponse));
        check("*/*", Page::Offered, Some(Media::Json));
        check("", Page::Offered, Some(Media::Json));
        check("application/xml", Page::Offered, None);
        check("application/json;q=0", Page::Offered, None);
        assert_eq!(negotiate(&HeaderMap::new(), Page::Offered).ok(), Some(Media::Json));
    }

    #[test]
    fn a_browser_gets_the_page_only_where_there_is_one() {
        let browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
        check(browser, Page::Offered, Some(Media::Html));
        check(browser, Page::NotOffered, Some(Media::Json));
        check("application/json, text/html", Page::Offered, Some(Media::Json));
    }
}

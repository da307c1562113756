//! Secrets in request bodies: masked wherever a body is shown or kept.

use serde_json::Value as Json;
use strataql_diag::MASK;
use strataql_spec::Method;

/// The body with the method's secret fields masked.
pub(crate) fn masked(method: &Method, body: &Json) -> Json {
    let mut body = body.clone();
    for path in &method.extension.secret {
        let steps: Vec<&str> = path.split('.').collect();
        mask(&mut body, &steps);
    }
    body
}

fn mask(json: &mut Json, steps: &[&str]) {
    let Some((step, rest)) = steps.split_first() else {
        if !json.is_null() {
            *json = Json::String(MASK.to_owned());
        }
        return;
    };
    match json {
        Json::Object(fields) => {
            if let Some(field) = fields.get_mut(*step) {
                mask(field, rest);
            }
        }
        Json::Array(items) => items.iter_mut().for_each(|item| mask(item, steps)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn fields_are_masked_at_any_depth() {
        let mut body = json!({"a": {"s": "x"}, "l": [{"s": "y"}], "s": null});
        mask(&mut body, &["a", "s"]);
        mask(&mut body, &["l", "s"]);
        mask(&mut body, &["s"]);
        mask(&mut body, &["none"]);
        assert_eq!(body, json!({"a": {"s": MASK}, "l": [{"s": MASK}], "s": null}));
    }
}

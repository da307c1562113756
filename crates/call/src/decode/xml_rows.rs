//! Rows of an XML answer, by the schema that the document gives for them.
//!
//! Owns: finding the rows below the root element, and giving values the shape of their schema.
//! Surprise: where the rows are is not said. They are what has the names of the schema: the answer itself,
//! or what repeats in it. An answer that has neither is an error, not an empty list.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};
use strataql_spec::{SchemaId, SchemaKind, Schemas};

use super::xml::Root;

/// How deep the shape of a schema is looked at; schemas may contain themselves.
const MAX_DEPTH: usize = 12;
/// How many properties the shape of a row may have in all.
const MAX_PARTS: usize = 5000;

/// Rows that are compared with the schema.
const SAMPLE: usize = 20;

/// Elements that wrap each item of a list.
const ITEMS: [&str; 2] = ["item", "member"];

/// The shape of a value in XML.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum XmlShape {
    /// Text; an empty element is empty text.
    Text,
    /// Another scalar; an empty element is null.
    Scalar,
    /// As the XML has it.
    Any,
    /// A list, and the element of its items if the schema names it.
    List(Box<XmlShape>, Option<String>),
    /// An object: names of elements with their shapes, and the keys under which they are read.
    Object(IndexMap<String, (String, XmlShape)>),
}

impl XmlShape {
    /// The shape of a schema.
    pub fn of(schemas: &Schemas, id: SchemaId) -> Self {
        let mut parts = MAX_PARTS;
        Self::within(schemas, id, MAX_DEPTH, &mut parts)
    }

    fn within(schemas: &Schemas, id: SchemaId, depth: usize, parts: &mut usize) -> Self {
        let schema = &schemas[id];
        let Some(deeper) = depth.checked_sub(1) else { return Self::Any };
        match schema.kind {
            SchemaKind::String => Self::Text,
            SchemaKind::Integer | SchemaKind::Number | SchemaKind::Boolean => Self::Scalar,
            SchemaKind::Array => match schema.items {
                Some(items) => Self::List(
                    Box::new(Self::within(schemas, items, deeper, parts)),
                    schemas[items].xml_name.clone(),
                ),
                None => Self::List(Box::new(Self::Any), None),
            },
            SchemaKind::Object if !schema.properties.is_empty() => {
                let mut fields = IndexMap::new();
                for (key, id) in &schema.properties {
                    if *parts == 0 {
                        return Self::Any;
                    }
                    *parts -= 1;
                    let shape = Self::within(schemas, *id, deeper, parts);
                    let wire = schemas[*id].xml_name.clone().unwrap_or_else(|| key.clone());
                    if wire != *key {
                        fields.entry(key.clone()).or_insert((wire.clone(), shape.clone()));
                    }
                    fields.insert(wire.clone(), (wire, shape));
                }
                Self::Object(fields)
            }
            _ => Self::Any,
        }
    }

    /// A value in this shape.
    fn shaped(&self, value: Json) -> Json {
        match (self, value) {
            (Self::Scalar | Self::Object(_), Json::String(text)) if text.is_empty() => Json::Null,
            (Self::Object(fields), Json::Object(found)) => {
                let mut shaped = Map::new();
                for (name, value) in found {
                    match fields.get(&name) {
                        Some((key, shape)) => {
                            shaped.insert(key.clone(), shape.shaped(value));
                        }
                        // declarations of namespaces
                        None if name == "-xmlns" || name == "-xsi" => {}
                        None => {
                            shaped.insert(name, value);
                        }
                    }
                }
                Json::Object(shaped)
            }
            (Self::List(item, name), value) => {
                let items = items_of(value, name.as_deref());
                Json::Array(items.into_iter().map(|value| item.shaped(value)).collect())
            }
            (_, value) => value,
        }
    }
}

/// The items of a list, without the element that wraps them.
fn items_of(value: Json, name: Option<&str>) -> Vec<Json> {
    match value {
        Json::Array(items) => items,
        Json::String(text) if text.is_empty() => Vec::new(),
        Json::Object(mut fields) => {
            let wrapper = name.into_iter().chain(ITEMS).find(|name| fields.contains_key(*name));
            match wrapper.and_then(|name| fields.shift_remove(name)) {
                Some(Json::Array(items)) => items,
                Some(item) => vec![item],
                None => vec![Json::Object(fields)],
            }
        }
        single => vec![single],
    }
}

/// The rows of an answer under the path that the document gives them, and the scalars beside them.
///
/// # Errors
/// What is wrong with the answer, as a clause.
pub(crate) fn rows(root: Root, row: &XmlShape, path: &[String]) -> Result<Json, String> {
    let Json::Object(mut payload) = root.content else {
        return match root.content {
            Json::String(text) if text.is_empty() => Ok(under(path, Vec::new(), Map::new())),
            _ => Err(format!("has text where the element `{}` should have rows", root.name)),
        };
    };
    // `<ListUsersResponse><ListUsersResult>…</ListUsersResult><ResponseMetadata>…`
    let result = root.name.strip_suffix("Response").map(|name| format!("{name}Result"));
    match result.and_then(|name| payload.shift_remove(&name)) {
        Some(Json::Object(inner)) => payload = inner,
        Some(_) => return Ok(under(path, Vec::new(), Map::new())),
        None => {}
    }
    payload.retain(|name, _| !name.starts_with('-') && name != "ResponseMetadata");
    let empty = IndexMap::new();
    let names = if let XmlShape::Object(fields) = row { fields } else { &empty };
    let own = payload.keys().filter(|name| names.contains_key(*name)).count();
    let best = best_list(&payload, names);
    if let Some((key, matches)) = best
        && matches > own
    {
        let found = payload.shift_remove(&key).unwrap_or(Json::Null);
        let rows = list(found, names).into_iter().map(|one| row.shaped(one)).collect();
        payload.retain(|_, value| !value.is_object() && !value.is_array());
        return Ok(under(path, rows, payload));
    }
    if own > 0 {
        return Ok(under(path, vec![row.shaped(Json::Object(payload))], Map::new()));
    }
    let is_empty = |value: &Json| value.as_str() == Some("");
    let is_flat = payload.values().all(|value| !value.is_object() && !value.is_array());
    if is_flat || payload.values().any(is_empty) || names.is_empty() {
        payload.retain(|_, value| !value.is_object() && !value.is_array());
        return Ok(under(path, Vec::new(), payload));
    }
    Err(format!("has no element of its rows in `{}`", root.name))
}

/// The one object of an answer under its path.
///
/// # Errors
/// What is wrong with the answer, as a clause.
pub(crate) fn single(root: Root, row: &XmlShape, path: &[String]) -> Result<Json, String> {
    let made = if matches!(row, XmlShape::Object(_)) {
        match rows(root, row, &[])? {
            Json::Array(items) => items.into_iter().next(),
            _ => None,
        }
    } else {
        Some(row.shaped(root.content))
    };
    let object = made.unwrap_or_else(|| Json::Object(Map::new()));
    Ok(path.iter().rev().fold(object, |inner, step| {
        let mut outer = Map::new();
        outer.insert(step.clone(), inner);
        Json::Object(outer)
    }))
}

/// The element whose rows have most names of the schema, and how many.
fn best_list(
    payload: &Map<String, Json>,
    names: &IndexMap<String, (String, XmlShape)>,
) -> Option<(String, usize)> {
    let mut best: Option<(String, usize)> = None;
    for (key, value) in payload {
        if !value.is_object() && !value.is_array() {
            continue;
        }
        let rows = list(value.clone(), names);
        let count = |row: &Json| match row {
            Json::Object(fields) => fields.keys().filter(|name| names.contains_key(*name)).count(),
            _ => 0,
        };
        let matches = rows.iter().take(SAMPLE).map(count).max().unwrap_or(0);
        if matches > best.as_ref().map_or(0, |(_, most)| *most) {
            best = Some((key.clone(), matches));
        }
    }
    best
}

/// The rows below an element: what repeats, or the one that is there.
fn list(value: Json, names: &IndexMap<String, (String, XmlShape)>) -> Vec<Json> {
    match value {
        Json::Array(items) => items.into_iter().flat_map(|item| one(item, names)).collect(),
        Json::Object(mut fields) => {
            if fields.keys().any(|name| names.contains_key(name)) {
                return vec![Json::Object(fields)];
            }
            fields.retain(|name, _| !name.starts_with('-'));
            let wrapper = ITEMS.into_iter().find(|name| fields.contains_key(*name));
            let inner = match wrapper {
                Some(name) => fields.shift_remove(name),
                None if fields.len() == 1 => {
                    let name = fields.keys().next().cloned().unwrap_or_default();
                    fields.shift_remove(&name)
                }
                None => None,
            };
            match inner {
                Some(inner @ (Json::Array(_) | Json::Object(_))) => list(inner, names),
                Some(scalar) => one(scalar, names),
                None => vec![Json::Object(fields)],
            }
        }
        scalar => one(scalar, names),
    }
}

/// A row; a scalar is one where rows have a single field.
fn one(value: Json, names: &IndexMap<String, (String, XmlShape)>) -> Vec<Json> {
    match value {
        Json::Object(_) => vec![value],
        Json::String(text) if text.is_empty() => Vec::new(),
        scalar if names.len() == 1 && !scalar.is_array() => {
            let mut row = Map::new();
            row.extend(names.keys().next().map(|name| (name.clone(), scalar)));
            vec![Json::Object(row)]
        }
        _ => Vec::new(),
    }
}

/// Rows at their path, with what stands beside them.
fn under(path: &[String], rows: Vec<Json>, mut beside: Map<String, Json>) -> Json {
    let Some((last, before)) = path.split_last() else { return Json::Array(rows) };
    let first = path.first().unwrap_or(last);
    beside.shift_remove(first);
    let mut inner = Map::new();
    inner.insert(last.clone(), Json::Array(rows));
    for step in before.iter().rev() {
        let mut outer = Map::new();
        outer.insert(step.clone(), Json::Object(inner));
        inner = outer;
    }
    beside.extend(inner);
    Json::Object(beside)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::xml::{Casts, read};
    use super::*;

    fn shape(fields: &[(&str, XmlShape)]) -> XmlShape {
        let fields = fields
            .iter()
            .map(|(name, shape)| ((*name).to_owned(), ((*name).to_owned(), shape.clone())));
        XmlShape::Object(fields.collect())
    }

    fn check(text: &str, row: &XmlShape, expected: &Json) {
        let root = read(text, Casts::None).expect(text);
        let made = rows(root, row, &["line_items".to_owned()]).expect(text);
        assert_eq!(&made, expected, "{text}");
    }

    fn tags() -> XmlShape {
        XmlShape::List(Box::new(shape(&[("Key", XmlShape::Text), ("Value", XmlShape::Text)])), None)
    }

    // the answers are the examples of the vendor's API references, shortened

    #[test]
    fn query_protocol_lists_have_member_elements() {
        let user =
            shape(&[("UserName", XmlShape::Text), ("Path", XmlShape::Text), ("Tags", tags())]);
        check(
            "<ListUsersResponse xmlns=\"https://iam.amazonaws.com/doc/2010-05-08/\"><ListUsersResult>\
             <Users><member><Path>/a/</Path><UserName>Andrew</UserName><Tags><member><Key>k</Key><Value/></member></Tags></member>\
             <member><Path>/b/</Path><UserName>Jackie</UserName><Tags/></member></Users>\
             <IsTruncated>true</IsTruncated><Marker>m1</Marker></ListUsersResult>\
             <ResponseMetadata><RequestId>7a62</RequestId></ResponseMetadata></ListUsersResponse>",
            &user,
            &json!({
                "IsTruncated": "true",
                "Marker": "m1",
                "line_items": [
                    {"Path": "/a/", "UserName": "Andrew", "Tags": [{"Key": "k", "Value": ""}]},
                    {"Path": "/b/", "UserName": "Jackie", "Tags": []},
                ],
            }),
        );
        check(
            "<GetUserResponse><GetUserResult><User><Path>/x/</Path><UserName>Bob</UserName></User></GetUserResult>\
             <ResponseMetadata><RequestId>7</RequestId></ResponseMetadata></GetUserResponse>",
            &user,
            &json!({"line_items": [{"Path": "/x/", "UserName": "Bob"}]}),
        );
        check(
            "<ListUsersResponse><ListUsersResult><Users/><IsTruncated>false</IsTruncated></ListUsersResult></ListUsersResponse>",
            &user,
            &json!({"Users": "", "IsTruncated": "false", "line_items": []}),
        );
    }

    #[test]
    fn ec2_lists_have_item_elements() {
        let image = shape(&[("imageId", XmlShape::Text), ("rootSize", XmlShape::Scalar)]);
        check(
            "<DescribeImagesResponse><requestId>r</requestId><imagesSet><item><imageId>ami-1</imageId><rootSize/></item>\
             </imagesSet></DescribeImagesResponse>",
            &image,
            &json!({"requestId": "r", "line_items": [{"imageId": "ami-1", "rootSize": null}]}),
        );
        check(
            "<DescribeImagesResponse><requestId>r</requestId><imagesSet/></DescribeImagesResponse>",
            &image,
            &json!({"requestId": "r", "imagesSet": "", "line_items": []}),
        );
    }

    #[test]
    fn rest_lists_are_below_their_root() {
        let bucket = shape(&[("Name", XmlShape::Text), ("CreationDate", XmlShape::Text)]);
        check(
            "<ListAllMyBucketsResult><Owner><ID>o</ID></Owner><Buckets><Bucket><Name>one</Name><CreationDate>2012</CreationDate></Bucket></Buckets></ListAllMyBucketsResult>",
            &bucket,
            &json!({"line_items": [{"Name": "one", "CreationDate": "2012"}]}),
        );
        let key =
            shape(&[("Key", XmlShape::Text), ("Size", XmlShape::Scalar), ("ETag", XmlShape::Text)]);
        check(
            "<ListBucketResult><Name>bucket</Name><Prefix/><KeyCount>2</KeyCount><IsTruncated>false</IsTruncated>\
             <Contents><Key>a</Key><ETag>&quot;x&quot;</ETag><Size>7</Size></Contents><Contents><Key>b</Key><Size>0</Size></Contents></ListBucketResult>",
            &key,
            &json!({
                "Name": "bucket", "Prefix": "", "KeyCount": "2", "IsTruncated": "false",
                "line_items": [{"Key": "a", "ETag": "\"x\"", "Size": "7"}, {"Key": "b", "Size": "0"}],
            }),
        );
    }

    #[test]
    fn lists_of_texts_are_rows_of_their_one_column() {
        check(
            "<R><PolicyNames><member>a</member><member>b</member></PolicyNames></R>",
            &shape(&[("policy", XmlShape::Text)]),
            &json!({"line_items": [{"policy": "a"}, {"policy": "b"}]}),
        );
    }

    #[test]
    fn another_answer_is_no_empty_list() {
        let root = read("<Other><a><b>1</b><c>2</c></a></Other>", Casts::None).expect("valid");
        let error = rows(root, &shape(&[("Key", XmlShape::Text)]), &[]).expect_err("no rows");
        assert_eq!(error, "has no element of its rows in `Other`");
    }
}

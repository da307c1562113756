//! Annotations as types.

use super::facts::Type;
use crate::python::Expr;

/// The type of an annotation in a module. `Optional` is seen through; iterators and waits are their
/// items.
pub(super) fn of(annotation: &Expr, module: &str) -> Type {
    match annotation {
        Expr::Subscript(of_what, inner) => match of_what.dotted().as_deref() {
            Some("Optional" | "Iterator" | "Wait") => of(inner, module),
            Some("List" | "list") => Type::List(Box::new(of(inner, module))),
            Some("Dict" | "dict") => {
                let value = match &**inner {
                    Expr::Items(items) => items.last(),
                    _ => None,
                };
                Type::Map(Box::new(value.map_or(Type::Any, |value| of(value, module))))
            }
            _ => Type::Any,
        },
        _ => annotation.dotted().map_or(Type::Any, |name| named(&name, module)),
    }
}

/// The type of that name.
pub(super) fn named(name: &str, module: &str) -> Type {
    match name {
        "str" => Type::Text,
        "int" => Type::Integer,
        "float" => Type::Number,
        "bool" => Type::Boolean,
        "Timestamp" => Type::Timestamp,
        "Duration" => Type::Duration,
        "FieldMask" => Type::FieldMask,
        "BinaryIO" | "bytes" => Type::Binary,
        "dict" => Type::Map(Box::new(Type::Any)),
        "Any" | "None" => Type::Any,
        _ => {
            let (module, class) = name.rsplit_once('.').unwrap_or((module, name));
            let module = module.strip_prefix("pkg_").unwrap_or(module);
            Type::Named(module.to_owned(), class.to_owned())
        }
    }
}

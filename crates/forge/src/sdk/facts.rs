//! The facts of a package.

use indexmap::IndexMap;

/// A package.
#[derive(Debug, Default)]
pub(crate) struct Sdk {
    pub(crate) version: String,
    pub(crate) modules: IndexMap<String, Module>,
}

/// A module: one service.
#[derive(Debug, Default)]
pub(crate) struct Module {
    pub(crate) messages: IndexMap<String, Message>,
    /// Member names and values of each enum.
    pub(crate) enums: IndexMap<String, IndexMap<String, String>>,
    pub(crate) apis: Vec<Api>,
    /// Classes of long-running operations, with the SDK method that reads their state.
    pub(crate) operations: IndexMap<String, String>,
}

/// A message.
#[derive(Debug, Default)]
pub(crate) struct Message {
    pub(crate) fields: Vec<Field>,
}

/// A field of a message.
#[derive(Debug)]
pub(crate) struct Field {
    /// The attribute in Python.
    pub(crate) name: String,
    /// The name in JSON.
    pub(crate) wire: String,
    pub(crate) kind: Type,
    pub(crate) required: bool,
    /// The docstring.
    pub(crate) doc: Option<String>,
    /// True where the field's docstring is the first thing after the head of the class.
    pub(crate) is_first: bool,
}

/// A type.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Type {
    Text,
    Integer,
    Number,
    Boolean,
    Timestamp,
    Duration,
    FieldMask,
    Binary,
    Any,
    List(Box<Type>),
    Map(Box<Type>),
    /// A message or enum: module and class.
    Named(String, String),
}

/// A class of methods.
#[derive(Debug)]
pub(crate) struct Api {
    pub(crate) class: String,
    pub(crate) methods: Vec<Operation>,
}

/// A parameter of a method in Python.
#[derive(Debug, Clone)]
pub(crate) struct Parameter {
    pub(crate) name: String,
    pub(crate) kind: Type,
    pub(crate) required: bool,
}

/// A piece of a path.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum PathPart {
    Text(String),
    /// A parameter; `slashes` if the SDK sends the `/` in its values as they are, by name.
    Parameter {
        name: String,
        slashes: bool,
    },
}

/// The body of a request.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Body {
    None,
    /// Names in JSON, with the parameters that fill them.
    Keyed(Vec<(String, String)>),
    /// One parameter, whose message is the body.
    Whole(String),
    /// One parameter, whose bytes are the body.
    Binary(String),
}

/// The answer of a method.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Answer {
    None,
    /// One value.
    One(Type),
    /// Items below a key of an object, or in an array at the root.
    Items {
        key: Option<String>,
        item: Type,
        envelope: Option<Type>,
    },
}

/// A name that a value comes from: a key of the query or of the body.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Source {
    pub(crate) in_body: bool,
    pub(crate) wire: String,
}

/// How a list goes on.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Paging {
    None,
    /// The value of a key of the answer becomes a parameter.
    Token {
        request: Source,
        response: String,
    },
    /// The value of a key of the answer is the next body.
    NextBody {
        response: String,
    },
    /// The number of items is added to a parameter.
    Offset {
        wire: String,
    },
    /// A parameter counts pages.
    Page {
        wire: String,
    },
}

/// How a change is awaited.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Waiter {
    /// The SDK method that is polled.
    pub(crate) poll: String,
    /// Path of the status, empty for operations.
    pub(crate) status: Vec<String>,
    pub(crate) success: Vec<String>,
    pub(crate) failure: Vec<String>,
    pub(crate) message: Vec<String>,
}

/// A method that sends a request.
#[derive(Debug)]
pub(crate) struct Operation {
    pub(crate) name: String,
    pub(crate) doc: String,
    /// HTTP verb, in upper case.
    pub(crate) verb: String,
    /// Empty where the address is not in the package.
    pub(crate) path: Vec<PathPart>,
    /// True for methods of a workspace, false for those of an account.
    pub(crate) in_workspace: bool,
    pub(crate) parameters: Vec<Parameter>,
    /// Names in the query, with the parameters that fill them.
    pub(crate) query: Vec<(String, String)>,
    pub(crate) body: Body,
    pub(crate) accept: Option<String>,
    /// Headers of the answer that are part of it.
    pub(crate) headers: Vec<String>,
    pub(crate) answer: Answer,
    pub(crate) paging: Paging,
    /// Values that the SDK sends where the caller gives none.
    pub(crate) defaults: Vec<(Source, String)>,
    /// A parameter that the SDK fills with a random key.
    pub(crate) random: Option<String>,
    pub(crate) wait: Option<Waiter>,
}

impl Operation {
    /// The parameter of that Python name.
    pub(crate) fn parameter(&self, name: &str) -> Option<&Parameter> {
        self.parameters.iter().find(|parameter| parameter.name == name)
    }
}

impl Sdk {
    /// The message that a type names.
    pub(crate) fn message(&self, kind: &Type) -> Option<&Message> {
        match kind {
            Type::Named(module, name) => self.modules.get(module)?.messages.get(name),
            _ => None,
        }
    }

    /// The values of the enum that a type names.
    pub(crate) fn values(&self, kind: &Type) -> Option<&IndexMap<String, String>> {
        match kind {
            Type::Named(module, name) => self.modules.get(module)?.enums.get(name),
            _ => None,
        }
    }
}

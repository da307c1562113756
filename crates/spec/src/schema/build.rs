//! Building the arena from document nodes.
//!
//! Owns: `$ref` chains, the union of `allOf`, `oneOf` and `anyOf`, and the limit on how much a
//! document may expand to.
//! Surprise: schemas are not read recursively. A child gets its index at once and is read later
//! from a queue, so that nesting and cycles cost no stack; only composition (`allOf` in `allOf`)
//! needs its members first.

use std::collections::HashMap;

use super::union::{joint_kind, merge_alternatives, merge_part};
use super::{Schema, SchemaId, SchemaKind, Schemas};
use crate::node::Node;

/// Maximum length of a chain of `$ref`s.
const MAX_REF_CHAIN: usize = 32;
/// Maximum nesting of compositions; deeper members are left out.
const MAX_COMPOSITION: usize = 48;
/// Maximum number of schemas, properties, columns and parameters of one document; a real document
/// of 2.7 MB has 31,000.
const MAX_PARTS: usize = 2_000_000;

/// State of an arena entry.
enum State<'a> {
    Done,
    /// Being read, further up the stack.
    Filling,
    Waiting {
        node: &'a Node,
        name: Option<String>,
    },
    /// A reference whose siblings annotate it (`OpenAPI` 3.1 style): a copy of its target.
    Annotated {
        target: SchemaId,
        node: &'a Node,
    },
}

/// Builds the arena from document nodes.
pub(crate) struct SchemaBuilder<'a> {
    root: &'a Node,
    arena: Vec<Schema>,
    states: Vec<State<'a>>,
    queue: Vec<SchemaId>,
    by_ref: HashMap<&'a str, SchemaId>,
    /// By address of the node: shared parameters and aliases are read once.
    by_node: HashMap<usize, SchemaId>,
    plain_text: Option<SchemaId>,
    anything: Option<SchemaId>,
    parts: usize,
    /// Unresolved `$ref`s, with the line of the reference.
    pub(crate) dangling: Vec<(String, u32)>,
    /// Lines of compositions that are nested too deeply.
    pub(crate) too_deep: Vec<u32>,
}

impl<'a> SchemaBuilder<'a> {
    pub(crate) fn new(root: &'a Node) -> Self {
        Self {
            root,
            arena: Vec::new(),
            states: Vec::new(),
            queue: Vec::new(),
            by_ref: HashMap::new(),
            by_node: HashMap::new(),
            plain_text: None,
            anything: None,
            parts: 0,
            dangling: Vec::new(),
            too_deep: Vec::new(),
        }
    }

    pub(crate) fn finish(self) -> Schemas {
        Schemas(self.arena)
    }

    pub(crate) fn schema(&self, id: SchemaId) -> &Schema {
        &self.arena[id.0 as usize]
    }

    /// Counts parts of the model against the limit.
    pub(crate) fn charge(&mut self, parts: usize) {
        self.parts = self.parts.saturating_add(parts);
    }

    /// True once the document exceeds the limit; nothing further is read then.
    pub(crate) fn is_exhausted(&self) -> bool {
        self.parts > MAX_PARTS
    }

    /// A plain text schema.
    pub(crate) fn text(&mut self) -> SchemaId {
        if let Some(id) = self.plain_text {
            return id;
        }
        let schema = Schema { kind: SchemaKind::String, ..Schema::default() };
        let id = self.reserve(schema, State::Done);
        self.plain_text = Some(id);
        id
    }

    /// A schema that allows anything.
    pub(crate) fn any(&mut self) -> SchemaId {
        if let Some(id) = self.anything {
            return id;
        }
        let id = self.reserve(Schema::default(), State::Done);
        self.anything = Some(id);
        id
    }

    /// Follows `$ref` chains of anything but schemas (parameters, responses, bodies).
    pub(crate) fn resolve(&mut self, node: &'a Node) -> Option<&'a Node> {
        let Some(reference) = node.text_at("$ref") else { return Some(node) };
        let target = self.chase(reference).map(|(target, _)| target);
        if target.is_none() {
            self.dangling.push((reference.to_owned(), node.line));
        }
        target
    }

    /// [`Self::resolve`] without a report of what is missing.
    pub(crate) fn target(&self, node: &'a Node) -> Option<&'a Node> {
        let Some(reference) = node.text_at("$ref") else { return Some(node) };
        self.chase(reference).map(|(target, _)| target)
    }

    /// The arena entry of a schema node and everything that it references.
    pub(crate) fn add(&mut self, node: &'a Node) -> SchemaId {
        let id = self.declare(node);
        while let Some(next) = self.queue.pop() {
            if self.is_exhausted() {
                self.queue.clear();
                break;
            }
            self.ensure(next, 0);
        }
        id
    }

    fn reserve(&mut self, schema: Schema, state: State<'a>) -> SchemaId {
        self.charge(1);
        let id = SchemaId(u32::try_from(self.arena.len()).unwrap_or(u32::MAX));
        self.arena.push(schema);
        self.states.push(state);
        id
    }

    /// Reserves an entry for a node, which is read when the queue gets to it.
    fn declare(&mut self, node: &'a Node) -> SchemaId {
        match node.text_at("$ref") {
            Some(reference) => self.declare_reference(node, reference),
            None => self.declare_node(node, None),
        }
    }

    fn declare_node(&mut self, node: &'a Node, name: Option<String>) -> SchemaId {
        let address = std::ptr::from_ref(node).addr();
        if let Some(id) = self.by_node.get(&address) {
            return *id;
        }
        let id = self.reserve(Schema::default(), State::Waiting { node, name });
        self.by_node.insert(address, id);
        self.queue.push(id);
        id
    }

    fn declare_reference(&mut self, node: &'a Node, reference: &'a str) -> SchemaId {
        let known = self.by_ref.get(reference).copied();
        let target = known.unwrap_or_else(|| {
            let id = if let Some((target, last)) = self.chase(reference) {
                self.declare_node(target, component_name(last))
            } else {
                self.dangling.push((reference.to_owned(), node.line));
                self.any()
            };
            self.by_ref.insert(reference, id);
            id
        });
        if !is_annotated(node) {
            return target;
        }
        let address = std::ptr::from_ref(node).addr();
        if let Some(id) = self.by_node.get(&address) {
            return *id;
        }
        let id = self.reserve(Schema::default(), State::Annotated { target, node });
        self.by_node.insert(address, id);
        self.queue.push(id);
        id
    }

    /// The node at the end of a chain of references, and the last reference of the chain.
    fn chase(&self, reference: &'a str) -> Option<(&'a Node, &'a str)> {
        let mut last = reference;
        for _ in 0..MAX_REF_CHAIN {
            let node = self.root.pointer(last)?;
            match node.text_at("$ref") {
                Some(next) => last = next,
                None => return Some((node, last)),
            }
        }
        None
    }

    /// Reads an entry now, if it is pending.
    fn ensure(&mut self, id: SchemaId, depth: usize) {
        let slot = id.0 as usize;
        match std::mem::replace(&mut self.states[slot], State::Filling) {
            State::Waiting { node, name } => {
                self.fill(id, node, name, depth);
                self.states[slot] = State::Done;
            }
            State::Annotated { target, node } => {
                self.ensure(target, depth);
                let is_final = matches!(self.states[target.0 as usize], State::Done);
                self.annotate(id, target, node);
                self.states[slot] =
                    if is_final { State::Done } else { State::Annotated { target, node } };
            }
            settled => self.states[slot] = settled,
        }
    }

    fn annotate(&mut self, id: SchemaId, target: SchemaId, node: &Node) {
        let mut copy = self.schema(target).clone();
        self.charge(copy.properties.len() + copy.values.len());
        copy.description = node.string_at("description").or(copy.description);
        copy.string_only |= node.flag_at("x-stackQL-stringOnly");
        copy.read_only |= node.flag_at("readOnly");
        copy.nullable |= node.flag_at("nullable");
        self.arena[id.0 as usize] = copy;
    }

    fn fill(&mut self, id: SchemaId, node: &'a Node, name: Option<String>, depth: usize) {
        let mut schema = Schema {
            name,
            format: node.string_at("format"),
            description: node.string_at("description"),
            default: node.get("default").map(Node::to_json),
            required: node.texts_at("required"),
            read_only: node.flag_at("readOnly"),
            nullable: node.flag_at("nullable"),
            string_only: node.flag_at("x-stackQL-stringOnly"),
            xml_name: node.get("xml").and_then(|xml| xml.string_at("name")),
            alias: node.string_at("x-stackQL-alias"),
            values: node
                .get("enum")
                .or_else(|| node.get("x-enum"))
                .map(|values| values.items().iter().map(Node::to_json).collect())
                .unwrap_or_default(),
            ..Schema::default()
        };
        let declared = kind_of(node, &mut schema.nullable);
        schema.kind = declared.unwrap_or_default();
        for (property, child) in node.get("properties").into_iter().flat_map(Node::entries) {
            self.charge(1);
            schema.properties.insert(property.to_owned(), self.declare(child));
        }
        schema.items = node.get("items").map(|items| self.declare(items));
        match node.get("additionalProperties") {
            Some(rest) if rest.map().is_some() => {
                schema.open = true;
                schema.additional = Some(self.declare(rest));
            }
            Some(rest) => schema.open = rest.flag() == Some(true),
            None => {}
        }
        // published before composition: a member may refer back to this schema
        self.arena[id.0 as usize] = schema.clone();
        let is_mixed = self.compose(&mut schema, node, depth) || declared.is_none();
        if schema.kind == SchemaKind::Any && !is_mixed {
            if !schema.properties.is_empty() || schema.open {
                schema.kind = SchemaKind::Object;
            } else if schema.items.is_some() {
                schema.kind = SchemaKind::Array;
            }
        }
        self.arena[id.0 as usize] = schema;
    }

    /// Merges the members of `allOf`; those of `oneOf`, then `anyOf`, only when nothing else has
    /// properties. True when no single column type holds the kinds of all alternatives.
    fn compose(&mut self, schema: &mut Schema, node: &'a Node, depth: usize) -> bool {
        if let Some(members) = node.get("allOf") {
            for member in self.members(members, depth) {
                let member = self.schema(member).clone();
                self.charge(member.properties.len() + member.values.len());
                merge_part(schema, member);
            }
        }
        let mut is_mixed = false;
        for keyword in ["oneOf", "anyOf"] {
            let Some(members) = node.get(keyword) else { continue };
            if !schema.properties.is_empty() {
                continue;
            }
            let members: Vec<Schema> = self
                .members(members, depth)
                .into_iter()
                .map(|id| self.schema(id).clone())
                .collect();
            self.charge(members.iter().map(|m| m.properties.len() + m.values.len()).sum());
            is_mixed |= merge_alternatives(schema, members);
        }
        is_mixed
    }

    /// The members of a composition, each read.
    fn members(&mut self, list: &'a Node, depth: usize) -> Vec<SchemaId> {
        let mut ids = Vec::new();
        if depth >= MAX_COMPOSITION {
            self.too_deep.push(list.line);
        } else if !self.is_exhausted() {
            for member in list.items() {
                let id = self.declare(member);
                self.ensure(id, depth + 1);
                ids.push(id);
            }
        }
        ids
    }
}

/// True when a reference has siblings that change its meaning here.
fn is_annotated(node: &Node) -> bool {
    node.get("description").is_some()
        || ["x-stackQL-stringOnly", "readOnly", "nullable"].iter().any(|key| node.flag_at(key))
}

fn component_name(reference: &str) -> Option<String> {
    let name = reference.strip_prefix("#/components/schemas/")?;
    (!name.contains('/')).then(|| name.replace("~1", "/").replace("~0", "~"))
}

/// The declared kind; `None` for several that no single kind covers.
fn kind_of(node: &Node, nullable: &mut bool) -> Option<SchemaKind> {
    let names = node.texts_at("type");
    *nullable |= names.iter().any(|name| name == "null");
    let mut kinds: Vec<SchemaKind> = names.iter().filter_map(|name| named_kind(name)).collect();
    kinds.dedup();
    joint_kind(&kinds)
}

fn named_kind(name: &str) -> Option<SchemaKind> {
    Some(match name {
        "string" => SchemaKind::String,
        "integer" | "int" | "int32" | "int64" | "long" => SchemaKind::Integer,
        "number" | "float" | "double" | "decimal" => SchemaKind::Number,
        "boolean" | "bool" => SchemaKind::Boolean,
        "object" => SchemaKind::Object,
        "array" => SchemaKind::Array,
        _ => return None,
    })
}

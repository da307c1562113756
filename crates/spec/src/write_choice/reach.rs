//! Which write methods a statement can call.
//!
//! Owns: the statement that gives a method exactly what it needs, and those that give one thing more.

use super::{StatementNames, missing_fields, plain, required};
use crate::method::{Input, Location, Method, SqlVerb};
use crate::schema::Schemas;
use crate::service::Resource;

impl Resource {
    /// True if some statement calls a method: one that gives exactly what the method needs, or one that
    /// gives something more which the method takes.
    pub fn is_reachable(&self, schemas: &Schemas, verb: SqlVerb, method: &Method) -> bool {
        let exact = self.exact(schemas, verb, method);
        let calls = |given: &StatementNames| {
            self.choose_write(schemas, given).is_ok_and(|choice| choice.method.name == method.name)
        };
        if calls(&exact) {
            return true;
        }
        let params = method.params.iter().filter(|param| param.location != Location::Server);
        let fields = method.body.iter().flat_map(|body| &body.properties);
        let more: Vec<Input<'_>> =
            params.map(Input::of_param).chain(fields.map(Input::of_property)).collect();
        let with = |given: StatementNames, input: &Input<'_>| {
            let is_known = given.sets(input) || given.equates(input);
            match (verb, input.location) {
                _ if is_known => given,
                (SqlVerb::Insert, _) => given.with_set(input.name),
                (SqlVerb::Delete, _) | (_, Some(_)) => given.with_constant(plain(input)),
                (_, None) => given.with_set(input.name),
            }
        };
        if more.iter().any(|input| calls(&with(exact.clone(), input))) {
            return true;
        }
        let all = more.iter().fold(exact, with);
        calls(&all)
    }

    /// The statement that gives a method what it needs.
    fn exact(&self, schemas: &Schemas, verb: SqlVerb, method: &Method) -> StatementNames {
        let mut given = StatementNames::new(verb);
        if verb == SqlVerb::Insert {
            for input in required(method).chain(missing_fields(method)) {
                given = given.with_set(input.name);
            }
            return given;
        }
        for key in self.write_keys(schemas, method, &given) {
            given = given.with_constant(plain(&key));
        }
        let fields: Vec<Input<'_>> = missing_fields(method).collect();
        for field in fields {
            if given.equates(&field) {
                continue;
            }
            given = match verb {
                SqlVerb::Delete => given.with_constant(plain(&field)),
                _ => given.with_set(field.name),
            };
        }
        given
    }
}

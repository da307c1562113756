//! Which method a write calls, and which values name the object that it changes.
//!
//! Owns: where a name of a statement goes (WHERE names the object, SET fills the body), which fields of a
//! body name an object, and the choice among the methods of a SQL verb.
//! Refuses: values and SQL; a statement comes as the names that it gives.
//! Surprise: a method fits if the values of WHERE, and what the SELECT that finds its rows returns, name
//! its object. Of several that fit, the one counts whose own parameters are given; see docs/writing.md.

mod identity;
mod reach;

use std::cmp::Reverse;
use std::collections::BTreeSet;

use crate::method::{Input, Location, Method, SqlVerb};
use crate::schema::Schemas;
use crate::service::Resource;

/// The names that a statement gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatementNames {
    /// INSERT, UPDATE, REPLACE or DELETE.
    pub verb: SqlVerb,
    /// What is set: columns of an INSERT, or targets of SET.
    pub set: Vec<String>,
    /// Names that WHERE gives constants for all rows.
    pub constants: BTreeSet<String>,
    /// Names that WHERE equates with anything; those of `constants` among them.
    pub equated: BTreeSet<String>,
    /// Every name of the resource in WHERE; those of `equated` among them.
    pub conditions: BTreeSet<String>,
}

impl StatementNames {
    /// A statement that gives nothing yet.
    pub fn new(verb: SqlVerb) -> Self {
        let none = BTreeSet::new;
        Self { verb, set: Vec::new(), constants: none(), equated: none(), conditions: none() }
    }

    /// The same statement, whose WHERE gives a constant for a name.
    #[must_use]
    pub fn with_constant(mut self, name: &str) -> Self {
        for names in [&mut self.constants, &mut self.equated, &mut self.conditions] {
            names.insert(name.to_owned());
        }
        self
    }

    /// The same statement, which sets a name.
    #[must_use]
    pub fn with_set(mut self, name: &str) -> Self {
        self.set.push(name.to_owned());
        self
    }

    fn sets(&self, input: &Input<'_>) -> bool {
        self.set.iter().any(|name| is_called(input, name))
    }

    fn equates(&self, input: &Input<'_>) -> bool {
        self.equated.iter().any(|name| is_called(input, name))
    }
}

/// Where what is set goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Slot {
    /// Into the body.
    Body,
    /// Into a parameter that is no part of the object's name.
    Param,
}

/// The method of a write.
#[derive(Debug, Clone, PartialEq)]
pub struct WriteChoice<'m> {
    /// The method.
    pub method: &'m Method,
    /// What names its object: parameters, and fields of the body; empty for INSERT.
    pub keys: Vec<Input<'m>>,
}

/// Why no method fits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoChoice {
    /// No method takes a name that is set.
    Unknown(String),
    /// What is set names the object, and no method takes it in its body.
    NamesObject {
        /// What is set.
        name: String,
        /// The method whose parameter it is.
        method: String,
    },
    /// No single method takes all that is set.
    NotTogether,
    /// The method that lacks least, and what it lacks.
    Lacks {
        /// The method.
        method: String,
        /// SQL names.
        missing: Vec<String>,
        /// True if WHERE gives something that names an object.
        is_named: bool,
    },
    /// WHERE picks rows, and the method changes all of them.
    ChangesAll {
        /// The method.
        method: String,
        /// A condition that it does not take.
        condition: String,
    },
    /// A name is set and names the object as well, in the same field of the body.
    Twice(String),
}

/// How well a method fits; less is better.
type Rank = (usize, usize, Reverse<usize>, usize, Reverse<usize>);

impl Resource {
    /// Chooses the method of a write.
    ///
    /// A method fits that takes all that is set and lacks nothing. Of several the first in document order
    /// counts that leaves the fewest conditions to a SELECT, then the one with the fewest values to be found,
    /// then the one with the most parameters given.
    ///
    /// # Errors
    /// Why none fits.
    pub fn choose_write<'m>(
        &'m self,
        schemas: &Schemas,
        given: &StatementNames,
    ) -> Result<WriteChoice<'m>, NoChoice> {
        let mut best: Option<(Rank, WriteChoice<'m>)> = None;
        for method in self.candidates(given.verb) {
            let takes_all =
                given.set.iter().all(|name| self.slot(given.verb, method, name).is_some());
            if !takes_all || !self.lacking(schemas, method, given).is_empty() {
                continue;
            }
            let keys = self.write_keys(schemas, method, given);
            if self.twice(schemas, method, given).is_some()
                || self.unapplied(schemas, method, &keys, given).is_some()
            {
                continue;
            }
            let rank = self.rank(method, &keys, given);
            if best.as_ref().is_none_or(|(known, _)| rank < *known) {
                best = Some((rank, WriteChoice { method, keys }));
            }
        }
        best.map(|(_, choice)| choice).ok_or_else(|| self.no_choice(schemas, given))
    }

    /// Where a method takes what is set; `None` if it does not take it. In an UPDATE or REPLACE, what names
    /// the object comes from WHERE and is not set.
    pub fn slot(&self, verb: SqlVerb, method: &Method, name: &str) -> Option<Slot> {
        let is_field = method.body.as_ref().is_some_and(|body| body.property(name).is_some())
            || method.extension.body_wrapper.as_deref() == Some(name);
        if is_field {
            return Some(Slot::Body);
        }
        let param = method.param(name)?;
        let is_option = match param.location {
            Location::Path | Location::Server => false,
            Location::Query | Location::Header => !param.required || !self.is_name(&param.name),
        };
        (verb == SqlVerb::Insert || is_option).then_some(Slot::Param)
    }

    /// What names the object of a write: the required parameters that are not set, then the fields of the
    /// body that do ([`Self::body_keys`]). Nothing names the object of an INSERT.
    pub fn write_keys<'m>(
        &self,
        schemas: &Schemas,
        method: &'m Method,
        given: &StatementNames,
    ) -> Vec<Input<'m>> {
        if given.verb == SqlVerb::Insert {
            return Vec::new();
        }
        let is_option = |input: &Input<'_>| {
            given.sets(input) && self.slot(given.verb, method, input.name) == Some(Slot::Param)
        };
        let params = required(method).filter(|input| !is_option(input));
        params.chain(self.body_keys(schemas, method, given)).collect()
    }

    /// True for a parameter that names objects: a SELECT needs it, or it is called like them.
    fn is_name(&self, name: &str) -> bool {
        let is_needed = |method: &Method| method.input(name).is_some_and(|input| input.required);
        self.is_called_like(name) || self.candidates(SqlVerb::Select).any(is_needed)
    }

    /// What a method needs and the statement can never give.
    fn lacking(&self, schemas: &Schemas, method: &Method, given: &StatementNames) -> Vec<String> {
        if given.verb == SqlVerb::Insert {
            return lacking_columns(method, given);
        }
        let keys = self.write_keys(schemas, method, given);
        // what is to be deleted may be told by a field that is no single value
        let fields = missing_fields(method).filter(|field| {
            given.verb == SqlVerb::Delete && !keys.iter().any(|key| key.wire == field.wire)
        });
        let wanted: Vec<Input<'_>> = keys.iter().copied().chain(fields).collect();
        let missing = |finder: Option<&Method>| -> Vec<String> {
            let is_found = |input: &Input<'_>| {
                given.equates(input)
                    || finder.is_some_and(|finder| finder.column(plain(input)).is_some())
            };
            let lost = wanted.iter().filter(|input| !is_found(input));
            lost.map(|input| plain(input).to_owned()).collect()
        };
        let all = missing(None);
        let found = self.finders(given).map(|finder| missing(Some(finder)));
        found.min_by_key(Vec::len).filter(|found| found.len() < all.len()).unwrap_or(all)
    }

    /// The SELECT methods that the statement gives all they need.
    fn finders<'m>(&'m self, given: &'m StatementNames) -> impl Iterator<Item = &'m Method> {
        self.candidates(SqlVerb::Select).filter(|method| {
            let mut inputs = method.inputs();
            method.is_selectable()
                && inputs.all(|input| {
                    !input.required
                        || input.location == Some(Location::Server)
                        || given.equates(&input)
                })
        })
    }

    /// A field of the body that names the object, by WHERE, and is set as well.
    fn twice(&self, schemas: &Schemas, method: &Method, given: &StatementNames) -> Option<String> {
        let is_condition =
            |key: &Input<'_>| given.conditions.iter().any(|name| is_called(key, name));
        let mut keys = self.keys_that_are_set(schemas, method, given).into_iter();
        keys.find(is_condition).map(|key| plain(&key).to_owned())
    }

    /// The fields of the body that would name the object, if they were not set.
    fn keys_that_are_set<'m>(
        &self,
        schemas: &Schemas,
        method: &'m Method,
        given: &StatementNames,
    ) -> Vec<Input<'m>> {
        if given.verb == SqlVerb::Insert {
            return Vec::new();
        }
        let unset = StatementNames { set: Vec::new(), ..given.clone() };
        let mut keys = self.body_keys(schemas, method, &unset);
        keys.retain(|key| given.sets(key));
        keys
    }

    /// A condition that picks rows, where the method does not change the row that is found.
    fn unapplied(
        &self,
        schemas: &Schemas,
        method: &Method,
        keys: &[Input<'_>],
        given: &StatementNames,
    ) -> Option<String> {
        let left = self.left_over(method, keys, given).into_iter().next()?;
        let is_other = !self.keys_that_are_set(schemas, method, given).is_empty();
        let is_row = match self.finders(given).next() {
            _ if is_other => false,
            // that no SELECT can find the rows is said when they are looked for
            None => keys.iter().any(|key| self.names_one(method, keys, key)),
            Some(finder) => {
                let is_needed =
                    |key: &Input<'_>| needed(finder).any(|it| is_called(&it, plain(key)));
                // what a list needs is the same in all rows that it finds
                let is_of_row =
                    |key: &Input<'_>| !is_needed(key) || self.is_lookup_by(finder, plain(key));
                keys.iter().any(|key| is_of_row(key) && self.names_one(method, keys, key))
                    || (finder.response.rows.is_single() && takes_all(method, keys, finder))
            }
        };
        (!is_row).then(|| left.to_owned())
    }

    /// Conditions that a method does not take: a parameter or a field takes the constants that WHERE gives it, and
    /// a key takes the value of each row that is found.
    fn left_over<'g>(
        &self,
        method: &Method,
        keys: &[Input<'_>],
        given: &'g StatementNames,
    ) -> Vec<&'g str> {
        let has = |name: &str| {
            method.param(name).is_some()
                || (given.verb == SqlVerb::Delete
                    && method.body.as_ref().is_some_and(|body| body.property(name).is_some()))
        };
        let takes = |name: &str| {
            (given.constants.contains(name) && has(name))
                || keys.iter().any(|key| is_called(key, name))
        };
        given.conditions.iter().map(String::as_str).filter(|name| !takes(name)).collect()
    }

    fn rank(&self, method: &Method, keys: &[Input<'_>], given: &StatementNames) -> Rank {
        let left = self.left_over(method, keys, given).len();
        let is_constant =
            |key: &&Input<'_>| given.constants.iter().any(|name| is_called(key, name));
        let found = keys.len() - keys.iter().filter(is_constant).count();
        let params =
            if given.verb == SqlVerb::Insert { required(method).count() } else { keys.len() };
        let fields: Vec<Input<'_>> = missing_fields(method).collect();
        let filled = fields
            .iter()
            .filter(|field| given.sets(field) || keys.iter().any(|key| key.wire == field.wire))
            .count();
        (left, found, Reverse(params), fields.len() - filled, Reverse(filled))
    }

    fn no_choice(&self, schemas: &Schemas, given: &StatementNames) -> NoChoice {
        let candidates = || self.candidates(given.verb);
        for name in &given.set {
            if candidates().any(|method| self.slot(given.verb, method, name).is_some()) {
                continue;
            }
            return match candidates().find(|method| method.param(name).is_some()) {
                Some(method) => {
                    NoChoice::NamesObject { name: name.clone(), method: method.name.clone() }
                }
                None => NoChoice::Unknown(name.clone()),
            };
        }
        let takes_all = |method: &&Method| {
            given.set.iter().all(|name| self.slot(given.verb, method, name).is_some())
        };
        if !candidates().any(|method| takes_all(&method)) {
            let one = given.set.iter().find_map(|name| {
                let mut naming = candidates().filter(|method| method.param(name).is_some());
                let found = naming.find(|method| self.slot(given.verb, method, name).is_none())?;
                Some(NoChoice::NamesObject { name: name.clone(), method: found.name.clone() })
            });
            return one.unwrap_or(NoChoice::NotTogether);
        }
        let mut nearest: Option<(&Method, Vec<String>)> = None;
        for method in candidates().filter(takes_all) {
            if let Some(name) = self.twice(schemas, method, given) {
                return NoChoice::Twice(name);
            }
            let missing = self.lacking(schemas, method, given);
            if missing.is_empty() {
                let keys = self.write_keys(schemas, method, given);
                if let Some(condition) = self.unapplied(schemas, method, &keys, given) {
                    return NoChoice::ChangesAll { method: method.name.clone(), condition };
                }
            }
            if nearest.as_ref().is_none_or(|(_, known)| missing.len() < known.len()) {
                nearest = Some((method, missing));
            }
        }
        match nearest {
            Some((method, missing)) => NoChoice::Lacks {
                method: method.name.clone(),
                missing,
                is_named: candidates().any(|method| self.names_object(schemas, method, given)),
            },
            None => NoChoice::NotTogether,
        }
    }

    /// True if WHERE gives a value that names an object, and not only its scope.
    pub fn names_object(&self, schemas: &Schemas, method: &Method, given: &StatementNames) -> bool {
        let keys = self.write_keys(schemas, method, given);
        keys.iter().any(|key| given.equates(key) && !self.is_scope(key.name))
    }
}

/// Columns that an INSERT lacks.
fn lacking_columns(method: &Method, given: &StatementNames) -> Vec<String> {
    let params = required(method).filter(|input| !given.sets(input));
    let mut missing: Vec<String> = params.map(|input| input.name.to_owned()).collect();
    let wrapper = method.extension.body_wrapper.as_deref();
    let is_wrapped = wrapper.is_some_and(|wrapper| given.set.iter().any(|name| name == wrapper));
    if let Some(body) = method.body.as_ref().filter(|_| !is_wrapped) {
        let is_set = |wire: &str| {
            let mut properties = given.set.iter().filter_map(|name| body.property(name));
            properties.any(|property| property.wire == wire)
        };
        let lost = missing_fields(method).filter(|field| !is_set(field.wire));
        missing.extend(lost.map(|field| field.name.to_owned()));
    }
    missing
}

/// What a SELECT method needs, but for its host.
fn needed(select: &Method) -> impl Iterator<Item = Input<'_>> {
    select.inputs().filter(|input| input.required && input.location != Some(Location::Server))
}

/// True if a method takes all that a SELECT method needs.
fn takes_all(method: &Method, keys: &[Input<'_>], select: &Method) -> bool {
    needed(select).all(|input| {
        method.param(input.name).is_some() || keys.iter().any(|key| is_called(key, input.name))
    })
}

/// Required parameters that a statement gives; hosts come from elsewhere too, keys of idempotency and masks
/// of what is changed are made.
fn required(method: &Method) -> impl Iterator<Item = Input<'_>> {
    let params = method.required_params().filter(|param| param.location != Location::Server);
    params.map(Input::of_param).filter(|input| !is_made(method, input))
}

/// Required fields of the body that the document does not fill.
fn missing_fields(method: &Method) -> impl Iterator<Item = Input<'_>> {
    method.body.iter().flat_map(|body| {
        let has_base = |wire: &str| body.base.as_ref().is_some_and(|base| base.get(wire).is_some());
        let properties = body.properties.iter().filter(|property| property.required);
        let properties = properties.filter(move |property| !has_base(&property.wire));
        properties.map(Input::of_property).filter(|input| !is_made(method, input))
    })
}

/// True for what is made for each request.
fn is_made(method: &Method, input: &Input<'_>) -> bool {
    let made = [&method.extension.idempotency_key, &method.extension.update_mask];
    made.into_iter().flatten().any(|target| is_called(input, &target.name))
}

/// True if a statement may call an input that.
fn is_called(input: &Input<'_>, name: &str) -> bool {
    let bare = name.strip_prefix("data__").filter(|_| input.location.is_none());
    let is_it = |name: &str| input.name == name || input.wire == name || plain(input) == name;
    is_it(name) || bare.is_some_and(is_it)
}

/// The name of an input as a column is called.
fn plain<'m>(input: &Input<'m>) -> &'m str {
    let bare = input.name.strip_prefix("data__").filter(|_| input.location.is_none());
    bare.unwrap_or(input.name)
}

#[cfg(test)]
mod tests;

//! The method of a write: what the statement gives to the choice, and what is said when none fits.

use strataql_diag::{Code, Report, did_you_mean};
use strataql_query::resource::ResourceRef;
use strataql_spec::{Method, NoChoice, StatementNames};
use strataql_sql::WriteKind;

use super::chosen::Chosen;
use super::condition::{self, Scope};
use super::statement::{Target, WriteStatement};

/// Chooses the method.
///
/// # Errors
/// `no-such-verb`, `unknown-column` for names that no candidate takes, `missing-param`, `bad-param-value` for
/// SET of what names the object.
pub(crate) fn choose(
    resource: &ResourceRef,
    statement: &WriteStatement,
) -> Result<Chosen, Box<Report>> {
    let verb = statement.verb();
    if resource.resource().candidates(verb).next().is_none() {
        return Err(no_verb(resource, statement));
    }
    let given = given(resource, statement);
    match resource.resource().choose_write(&resource.service.schemas, &given) {
        Ok(choice) => {
            let keys = choice.keys.iter().map(|key| match key.location {
                Some(_) => key.name.to_owned(),
                None => key.name.strip_prefix("data__").unwrap_or(key.name).to_owned(),
            });
            let keys = keys.collect();
            let target = resource
                .method(&choice.method.name)
                .ok_or_else(|| Box::new(Report::internal("a candidate is no method")))?;
            Ok(Chosen { target, verb, keys })
        }
        Err(why) => Err(refusal(resource, statement, &why)),
    }
}

/// The names that a statement gives.
pub(crate) fn given(resource: &ResourceRef, statement: &WriteStatement) -> StatementNames {
    let scope = Scope::of(&statement.target);
    let mut given = StatementNames::new(statement.verb());
    given.set =
        statement.assigned.iter().filter_map(|assigned| assigned.path.first().cloned()).collect();
    if statement.kind == WriteKind::Insert {
        given.set.extend(statement.defaulted.iter().map(|(name, _)| name.clone()));
    }
    let Some(condition) = &statement.condition else { return given };
    for part in condition::conjuncts(condition) {
        given.constants.extend(scope.values(part).map(|values| values.name));
        given.equated.extend(scope.equated(part));
    }
    let parameters = resource.parameters();
    let verb = statement.verb();
    let knows = |name: &str| {
        resource.is_column(name)
            || parameters.iter().any(|parameter| parameter == name)
            || resource.resource().candidates(verb).any(|method| {
                method.param(name).is_some()
                    || method.body.as_ref().is_some_and(|body| body.property(name).is_some())
            })
    };
    let reads_others = statement.reads_others();
    let mentioned = scope.mentioned(condition).into_iter();
    given.conditions = mentioned.filter(|name| !reads_others || knows(name)).collect();
    given.conditions.extend(given.equated.iter().cloned());
    given
}

fn no_verb(resource: &ResourceRef, statement: &WriteStatement) -> Box<Report> {
    let others = match statement.kind {
        WriteKind::Update if !resource.resource().verbs.replace.is_empty() => "it has REPLACE",
        WriteKind::Replace if !resource.resource().verbs.update.is_empty() => "it has UPDATE",
        _ => "it cannot be changed in that way",
    };
    let message =
        format!("`{}` has no method for {}", resource.dotted(), statement.verb().as_str());
    let help = format!("`SHOW METHODS IN {}` lists what it has; {others}", resource.dotted());
    Box::new(statement.target.error(Code::NoSuchVerb, message).with_help(help))
}

fn refusal(resource: &ResourceRef, statement: &WriteStatement, why: &NoChoice) -> Box<Report> {
    let (verb, name) = (statement.verb().as_str(), resource.dotted());
    let lists = format!("`SHOW METHODS IN {name}` lists what each takes");
    let about = |target: &Target, code, message| target.error(code, message);
    let report = match why {
        NoChoice::Unknown(set) => return unknown(resource, statement, set),
        NoChoice::NamesObject { name: set, method } => {
            let message = format!(
                "{verb} cannot set `{set}`: it names the object, and the body of `{method}` has no such field"
            );
            let span = statement.assigned.iter().find(|assigned| assigned.path.first() == Some(set));
            let report = Report::new(Code::BadParamValue, message);
            let report = span.into_iter().fold(report, |report, set| report.with_label(set.span, ""));
            report.with_help(format!("name the object in WHERE (`{set} = '…'`), and set its fields"))
        }
        NoChoice::Twice(set) => about(
            &statement.target,
            Code::BadParamValue,
            format!(
                "`{set}` is set and names the object as well, and {verb} has one field for both"
            ),
        )
        .with_help(format!("name the object in another way than by `{set}`, or leave it as it is")),
        NoChoice::NotTogether => about(
            &statement.target,
            Code::MissingParam,
            format!("no single method of `{name}` takes what is set here"),
        )
        .with_help(lists),
        NoChoice::ChangesAll { method, condition } => about(
            &statement.target,
            Code::MissingParam,
            format!(
                "{verb} of `{name}` cannot apply the condition on `{condition}`: `{method}` takes nothing that names one object"
            ),
        )
        .with_help(format!("leave out the condition, or name a parameter of another method; {lists}"))
        .with_note("nothing was sent"),
        NoChoice::Lacks { method, missing, .. } => {
            let quoted: Vec<String> = missing.iter().map(|name| format!("`{name}`")).collect();
            let how = match statement.kind {
                WriteKind::Insert => "give a column",
                _ => "add a condition",
            };
            about(
                &statement.target,
                Code::MissingParam,
                format!("{verb} of `{name}` needs {}", quoted.join(" and ")),
            )
            .with_help(format!("{how} for {}", quoted.first().map_or("it", String::as_str)))
            .with_note(format!("method `{method}` is the nearest that fits"))
        }
    };
    Box::new(report)
}

/// The report of a name that no candidate takes.
fn unknown(resource: &ResourceRef, statement: &WriteStatement, set: &str) -> Box<Report> {
    let candidates: Vec<&Method> = resource.resource().candidates(statement.verb()).collect();
    let mut known: Vec<&str> = Vec::new();
    for method in &candidates {
        let params = method.params.iter().map(|param| param.name.as_str());
        let fields = method.body.iter().flat_map(|body| &body.properties);
        known.extend(params.chain(fields.map(|property| property.name.as_str())));
    }
    let assigned = statement
        .assigned
        .iter()
        .find(|assigned| assigned.path.first().is_some_and(|first| first == set));
    let path = assigned.map_or_else(|| set.to_owned(), |assigned| assigned.path.join("."));
    let message =
        format!("{} of `{}` sets no `{path}`", statement.verb().as_str(), resource.dotted());
    let report = Report::new(Code::UnknownColumn, message);
    let report = assigned.into_iter().fold(report, |report, set| report.with_label(set.span, ""));
    Box::new(
        report
            .with_help_if(did_you_mean(&path, known.iter().copied()))
            .with_help(format!("`SHOW METHODS IN {}` lists what each takes", resource.dotted()))
            .with_note(format!("it takes {}", strataql_diag::listed(&known))),
    )
}

//! The conditions of a SELECT, taken apart and put back: WHERE, and ON of its joins.

use datafusion::sql::sqlparser::ast::{
    Expr, JoinConstraint, JoinOperator, ObjectName, Select, TableFactor, TableWithJoins, Value,
};

use super::conditions::{join, split};

/// Where an item stands in FROM.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// The first of a list of joins.
    First(usize),
    /// The right side of a join.
    Joined(usize, usize),
    /// Inside brackets.
    Nested,
}

/// The AND-ed parts of a SELECT's conditions.
pub(super) struct Parts {
    selection: Vec<Expr>,
    on: Vec<On>,
}

struct On {
    list: usize,
    join: usize,
    parts: Vec<Expr>,
}

impl Parts {
    /// Takes them out of a SELECT.
    pub(super) fn take(select: &mut Select) -> Self {
        let selection = select.selection.take().map(split).unwrap_or_default();
        let mut on = Vec::new();
        for (list, from) in select.from.iter_mut().enumerate() {
            for (position, join) in from.joins.iter_mut().enumerate() {
                if let Some(JoinConstraint::On(expr)) = reading(&mut join.join_operator) {
                    let parts = split(std::mem::replace(expr, truth()));
                    on.push(On { list, join: position, parts });
                }
            }
        }
        Self { selection, on }
    }

    /// Puts them back.
    pub(super) fn put(self, select: &mut Select) {
        select.selection = join(self.selection);
        for On { list, join: position, parts } in self.on {
            let operator = &mut select.from[list].joins[position].join_operator;
            if let Some(JoinConstraint::On(expr)) = reading(operator) {
                *expr = join(parts).unwrap_or_else(truth);
            }
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Expr> {
        self.selection.iter().chain(self.on.iter().flat_map(|on| &on.parts))
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Expr> {
        self.selection.iter_mut().chain(self.on.iter_mut().flat_map(|on| &mut on.parts))
    }

    /// Keeps the parts that fit.
    pub(super) fn retain(&mut self, mut keep: impl FnMut(&Expr) -> bool) {
        self.selection.retain(&mut keep);
        for on in &mut self.on {
            on.parts.retain(&mut keep);
        }
    }

    /// Adds a condition on the rows of one item, so that it means a narrower item and nothing else.
    /// False when a FULL join or brackets leave no such place.
    pub(super) fn add(&mut self, select: &Select, place: Place, part: Expr) -> bool {
        let (list, position) = match place {
            Place::First(list) => (list, None),
            Place::Joined(list, position) => (list, Some(position)),
            Place::Nested => return false,
        };
        let joins = &select.from[list].joins;
        let after = position.map_or(0, |position| position + 1);
        let is_full = |operator: &JoinOperator| matches!(operator, JoinOperator::FullOuter(_));
        if joins[position.unwrap_or(0).min(joins.len())..]
            .iter()
            .any(|join| is_full(&join.join_operator))
        {
            return false;
        }
        let own = position.filter(|position| keeps_left(&joins[*position].join_operator));
        let right = joins[after.min(joins.len())..]
            .iter()
            .position(|join| keeps_right(&join.join_operator))
            .map(|position| position + after);
        match own.or(right) {
            None => {
                self.selection.push(part);
                true
            }
            Some(join) => match self.on.iter_mut().find(|on| on.list == list && on.join == join) {
                Some(on) => {
                    on.parts.push(part);
                    true
                }
                None => false,
            },
        }
    }
}

fn truth() -> Expr {
    Expr::value(Value::Boolean(true))
}

fn keeps_left(operator: &JoinOperator) -> bool {
    matches!(operator, JoinOperator::Left(_) | JoinOperator::LeftOuter(_))
}

fn keeps_right(operator: &JoinOperator) -> bool {
    matches!(operator, JoinOperator::Right(_) | JoinOperator::RightOuter(_))
}

/// The condition of a join that has one.
fn reading(operator: &mut JoinOperator) -> Option<&mut JoinConstraint> {
    match operator {
        JoinOperator::Join(constraint)
        | JoinOperator::Inner(constraint)
        | JoinOperator::Left(constraint)
        | JoinOperator::LeftOuter(constraint)
        | JoinOperator::Right(constraint)
        | JoinOperator::RightOuter(constraint) => Some(constraint),
        _ => None,
    }
}

/// Lower-case names of columns that USING equates.
pub(super) fn using_columns(select: &Select) -> Vec<String> {
    let mut names = Vec::new();
    for join in select.from.iter().flat_map(|from| &from.joins) {
        let mut operator = join.join_operator.clone();
        if let Some(JoinConstraint::Using(columns)) = reading(&mut operator) {
            names.extend(columns.iter().filter_map(last_part).map(|name| name.to_lowercase()));
        }
    }
    names
}

/// The last name of a dotted one.
pub(super) fn last_part(name: &ObjectName) -> Option<String> {
    name.0.last()?.as_ident().map(|ident| ident.value.clone())
}

/// The items of FROM, those in brackets included, in order.
pub(super) fn factors_mut(from: &mut [TableWithJoins]) -> Vec<(Place, &mut TableFactor)> {
    let mut all = Vec::new();
    for (list, item) in from.iter_mut().enumerate() {
        collect(&mut item.relation, Place::First(list), &mut all);
        for (position, join) in item.joins.iter_mut().enumerate() {
            collect(&mut join.relation, Place::Joined(list, position), &mut all);
        }
    }
    all
}

fn collect<'a>(
    factor: &'a mut TableFactor,
    place: Place,
    all: &mut Vec<(Place, &'a mut TableFactor)>,
) {
    if let TableFactor::NestedJoin { table_with_joins, .. } = factor {
        let inner = table_with_joins.as_mut();
        collect(&mut inner.relation, Place::Nested, all);
        for join in &mut inner.joins {
            collect(&mut join.relation, Place::Nested, all);
        }
        return;
    }
    all.push((place, factor));
}

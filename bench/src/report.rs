//! Figures and their presentation.

use serde_json::{Value, json};

/// What a figure must reach.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Target {
    AtLeast(f64),
    AtMost(f64),
    /// A figure that is only watched.
    None,
}

/// What a figure counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unit {
    RowsPerSecond,
    Seconds,
    Milliseconds,
    Megabytes,
    Percent,
    Requests,
}

impl Unit {
    /// The number as people read it; figures hold seconds, rows, megabytes and parts of one.
    fn show(self, value: f64) -> String {
        match self {
            Self::RowsPerSecond => format!("{:.0} k rows/s", value / 1e3),
            Self::Seconds => format!("{value:.2} s"),
            Self::Milliseconds => format!("{:.1} ms", value * 1e3),
            Self::Megabytes => format!("{value:.0} MB"),
            Self::Percent => format!("{:.1} %", value * 100.0),
            Self::Requests => format!("{value:.0} requests"),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::RowsPerSecond => "rows/s",
            Self::Seconds | Self::Milliseconds => "s",
            Self::Megabytes => "MB",
            Self::Percent => "fraction",
            Self::Requests => "requests",
        }
    }
}

/// One number of a scenario.
#[derive(Debug, Clone)]
pub(crate) struct Figure {
    pub(crate) name: String,
    pub(crate) unit: Unit,
    pub(crate) measured: f64,
    pub(crate) target: Target,
    /// What is possible at best, in the same unit.
    pub(crate) bound: Option<f64>,
    /// How far the middle half of the runs lies apart, as a part of the median.
    pub(crate) spread: Option<f64>,
}

impl Figure {
    pub(crate) fn new(name: &str, unit: Unit, measured: f64, target: Target) -> Self {
        Self { name: name.to_owned(), unit, measured, target, bound: None, spread: None }
    }

    pub(crate) fn bound(mut self, bound: f64) -> Self {
        self.bound = Some(bound);
        self
    }

    pub(crate) fn spread(mut self, spread: f64) -> Self {
        self.spread = Some(spread);
        self
    }

    pub(crate) fn is_met(&self) -> bool {
        match self.target {
            Target::AtLeast(least) => self.measured >= least,
            Target::AtMost(most) => self.measured <= most,
            Target::None => true,
        }
    }

    /// How near the measured value is to the bound, at most 1.
    fn efficiency(&self) -> Option<f64> {
        let bound = self.bound?;
        Some(if self.unit == Unit::RowsPerSecond {
            self.measured / bound
        } else {
            bound / self.measured
        })
    }

    fn target_text(&self) -> String {
        match self.target {
            Target::AtLeast(least) => format!("≥ {}", self.unit.show(least)),
            Target::AtMost(most) => format!("≤ {}", self.unit.show(most)),
            Target::None => "–".to_owned(),
        }
    }
}

/// What became of a scenario.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) scenario: &'static str,
    /// The figures, or why there are none.
    pub(crate) figures: Result<Vec<Figure>, String>,
}

impl Outcome {
    /// True if every target is met.
    pub(crate) fn is_met(&self) -> bool {
        self.figures.as_ref().is_ok_and(|figures| figures.iter().all(Figure::is_met))
    }

    /// Rows of the table.
    pub(crate) fn lines(&self) -> Vec<String> {
        match &self.figures {
            Err(why) => vec![format!("| {} | {why} | | | | – |", self.scenario)],
            Ok(figures) => figures.iter().map(|figure| self.line(figure)).collect(),
        }
    }

    fn line(&self, figure: &Figure) -> String {
        let dash = || "–".to_owned();
        let verdict = match figure.target {
            Target::None => "–",
            _ if figure.is_met() => "ok",
            _ => "MISSED",
        };
        format!(
            "| {}: {} | {} | {} | {} | {} | {verdict} |",
            self.scenario,
            figure.name,
            figure.unit.show(figure.measured),
            figure.target_text(),
            figure.bound.map_or_else(dash, |bound| figure.unit.show(bound)),
            figure.efficiency().map_or_else(dash, |part| format!("{:.0} %", part * 100.0)),
        )
    }

    /// The same for programs.
    pub(crate) fn json(&self) -> Value {
        match &self.figures {
            Err(why) => json!({ "scenario": self.scenario, "not_measured": why }),
            Ok(figures) => json!({
                "scenario": self.scenario,
                "figures": figures.iter().map(figure_json).collect::<Vec<Value>>(),
            }),
        }
    }
}

/// The head of the table.
pub(crate) const HEAD: &str =
    "| scenario | measured | target | bound | efficiency | |\n|---|---|---|---|---|---|";

fn figure_json(figure: &Figure) -> Value {
    let (least, most) = match figure.target {
        Target::AtLeast(least) => (Some(least), None),
        Target::AtMost(most) => (None, Some(most)),
        Target::None => (None, None),
    };
    json!({
        "name": figure.name,
        "unit": figure.unit.name(),
        "measured": figure.measured,
        "spread": figure.spread,
        "at_least": least,
        "at_most": most,
        "bound": figure.bound,
        "efficiency": figure.efficiency(),
        "met": figure.is_met(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_judged_and_shown() {
        let figures = vec![
            Figure::new("rate", Unit::RowsPerSecond, 450_000.0, Target::AtLeast(400_000.0))
                .bound(900_000.0),
            Figure::new("start", Unit::Milliseconds, 0.0161, Target::AtMost(0.012)).bound(0.004),
            Figure::new("peak", Unit::Megabytes, 80.0, Target::None),
        ];
        let outcome = Outcome { scenario: "s", figures: Ok(figures) };
        assert!(!outcome.is_met());
        assert_eq!(
            outcome.lines(),
            [
                "| s: rate | 450 k rows/s | ≥ 400 k rows/s | 900 k rows/s | 50 % | ok |",
                "| s: start | 16.1 ms | ≤ 12.0 ms | 4.0 ms | 25 % | MISSED |",
                "| s: peak | 80 MB | – | – | – | – |",
            ]
        );
        assert_eq!(outcome.json()["figures"][1]["met"], false);
    }

    #[test]
    fn what_was_not_measured_is_not_met() {
        let outcome = Outcome { scenario: "s", figures: Err("no joins".to_owned()) };
        assert!(!outcome.is_met());
        assert_eq!(outcome.lines(), ["| s | no joins | | | | – |"]);
    }
}

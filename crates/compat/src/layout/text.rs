//! Cells joined by commas, without quotes.

use super::{Table, shown};
use crate::go_json;

pub(super) fn print(table: &Table, hides_headers: bool, is_pretty: bool) -> String {
    let mut out = String::new();
    if !hides_headers {
        out.push_str(&table.labels.join(","));
        out.push('\n');
    }
    for row in &table.rows {
        for (at, cell) in row.iter().enumerate() {
            if at > 0 {
                out.push(',');
            }
            let cell = shown(cell.as_deref());
            match go_json::pretty(cell).filter(|_| is_pretty) {
                Some(pretty) => out.push_str(&pretty),
                None => out.push_str(cell),
            }
        }
        out.push('\n');
    }
    out
}

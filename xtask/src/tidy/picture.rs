//! The overview: lines per crate and folder, and the largest import circles.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::Sources;
use super::circles::circles;
use super::modules::Crate;

/// Draws all crates; for the named ones, with every file of a circle and what it imports there.
pub(super) fn draw(crates: &BTreeMap<String, Sources>, named: &[String]) -> String {
    let lines = |files: &Sources| files.values().map(|text| text.lines().count()).sum::<usize>();
    let total: usize = crates.values().map(lines).sum();
    let mut sizes: Vec<(&String, usize)> =
        crates.iter().map(|(folder, files)| (folder, lines(files))).collect();
    sizes.sort_by_key(|(folder, lines)| (std::cmp::Reverse(*lines), *folder));
    let mut picture = String::from("  lines   share  largest circle\n");
    let mut largest: Option<(&str, Crate, Vec<usize>)> = None;
    for (folder, own) in sizes {
        let tree = read(&crates[folder]);
        let circle = circles(&tree).into_iter().next().unwrap_or_default();
        let shown =
            if circle.is_empty() { "none".to_owned() } else { format!("{} files", circle.len()) };
        let share = share(own, total);
        line(&mut picture, format_args!("{own:>7}  {share:>6}  {shown:<14}  {folder}"));
        for (name, lines) in folders(&crates[folder]) {
            line(&mut picture, format_args!("{:>33}  {lines:>6} {name}", ""));
        }
        if named.iter().any(|name| *name == folder.rsplit('/').next().unwrap_or_default()) {
            edges(&mut picture, &tree);
        }
        if largest.as_ref().is_none_or(|(_, _, other)| circle.len() > other.len()) {
            largest = Some((folder, tree, circle));
        }
    }
    line(&mut picture, format_args!("{total:>7}  100.0 %"));
    if let Some((folder, tree, circle)) = largest.filter(|(_, _, circle)| !circle.is_empty()) {
        line(&mut picture, format_args!("\nlargest circle: {} files of {folder}", circle.len()));
        for file in circle {
            line(&mut picture, format_args!("  {}", tree.path(file)));
        }
    }
    picture
}

/// Reads a crate from its files.
pub(super) fn read(files: &Sources) -> Crate {
    Crate::read(files.iter().map(|(path, text)| (path.as_str(), text.as_str())))
}

fn line(picture: &mut String, text: std::fmt::Arguments<'_>) {
    // writing to a string cannot fail
    _ = writeln!(picture, "{text}");
}

/// A share in tenths of a percent.
fn share(part: usize, whole: usize) -> String {
    let tenths = (part * 1000 + whole / 2) / whole.max(1);
    format!("{}.{} %", tenths / 10, tenths % 10)
}

/// Lines of top-level modules that have a folder, with the file beside it; the largest first.
fn folders(files: &Sources) -> Vec<(String, usize)> {
    let mut folders: BTreeMap<&str, usize> = BTreeMap::new();
    for path in files.keys() {
        if let Some((folder, _)) = path.split_once('/') {
            folders.insert(folder, 0);
        }
    }
    let mut rest = 0;
    for (path, text) in files {
        let top = path.split(['/', '.']).next().unwrap_or_default();
        *folders.get_mut(top).unwrap_or(&mut rest) += text.lines().count();
    }
    let mut folders: Vec<(String, usize)> =
        folders.into_iter().map(|(folder, lines)| (format!("{folder}/"), lines)).collect();
    if !folders.is_empty() {
        folders.push(("(files)".to_owned(), rest));
    }
    folders.sort_by_key(|(_, lines)| std::cmp::Reverse(*lines));
    folders
}

/// Every circle of a crate with the imports that make it.
fn edges(picture: &mut String, tree: &Crate) {
    let imports = tree.imports();
    for circle in circles(tree) {
        line(picture, format_args!("  circle of {} files", circle.len()));
        for import in &imports {
            if circle.contains(&import.from) && circle.contains(&import.to) {
                let (from, to) = (tree.path(import.from), tree.path(import.to));
                line(picture, format_args!("    {from}:{} imports {to}", import.line));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_picture_shows_sizes_and_circles() {
        let sources = |files: &[(&str, &str)]| -> Sources {
            files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect()
        };
        let crates = BTreeMap::from([
            ("crates/small".to_owned(), sources(&[("lib.rs", "mod a;\n")])),
            (
                "crates/large".to_owned(),
                sources(&[
                    ("lib.rs", "mod a;\n"),
                    ("a.rs", "mod b;\nuse b::B;\nstruct A;\n"),
                    ("a/b.rs", "use super::A;\n\nstruct B;\n"),
                ]),
            ),
        ]);
        let expected = "  lines   share  largest circle
      7  87.5 %  2 files         crates/large
                                        6 a/
                                        1 (files)
  circle of 2 files
    a.rs:2 imports a/b.rs
    a/b.rs:1 imports a.rs
      1  12.5 %  none            crates/small
      8  100.0 %

largest circle: 2 files of crates/large
  a.rs
  a/b.rs
";
        assert_eq!(draw(&crates, &["large".to_owned()]), expected);
    }
}

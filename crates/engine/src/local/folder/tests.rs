use std::sync::atomic::{AtomicUsize, Ordering as Order};

use super::*;
use crate::local::manifest::{Content, DataFile, Entry, IfTaken};

/// A folder of its own that goes with the test.
struct Home(PathBuf);

impl Home {
    fn new(name: &str) -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let number = COUNT.fetch_add(1, Order::Relaxed);
        let path = std::env::temp_dir()
            .join(format!("strataql-{name}-{}-{number}", std::process::id()))
            .join("tables");
        Self(path)
    }

    fn folder(&self) -> Folder {
        Folder::new(self.0.clone())
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        if let Some(parent) = self.0.parent() {
            let _ignored = std::fs::remove_dir_all(parent);
        }
    }
}

/// A file of rows that says who wrote it.
fn rows(folder: &Folder, text: &str) -> DataFile {
    let (name, mut file) = folder.create_file().expect("a file");
    file.write_all(text.as_bytes()).expect("written");
    DataFile { name, rows: 1, bytes: text.len() as u64 }
}

fn create(folder: &Folder, name: &str, text: &str) {
    let content = Content::Table { files: vec![rows(folder, text)] };
    folder.commit(|manifest| manifest.create(name, content, IfTaken::Replace)).expect("created");
}

/// What a table holds, as a reader finds it.
fn content(folder: &Folder, name: &str) -> Option<Vec<String>> {
    let manifest = folder.read().expect("the list reads");
    let entry = manifest.find(name, true)?;
    let read = |file: &DataFile| std::fs::read_to_string(folder.file(&file.name)).expect("rows");
    Some(entry.content.files().iter().map(read).collect())
}

fn entry(folder: &Folder, name: &str) -> Entry {
    folder.read().expect("reads").find(name, true).expect("there").clone()
}

#[test]
fn a_crash_leaves_the_old_or_the_new_state() {
    for stop in [Step::Locked, Step::Created, Step::Written, Step::Synced, Step::Renamed] {
        let home = Home::new("crash");
        let folder = home.folder();
        create(&folder, "t", "old");
        let new = rows(&folder, "new");
        let change = |manifest: &mut Manifest| {
            manifest.create("t", Content::Table { files: vec![new.clone()] }, IfTaken::Replace)
        };
        let result = folder.commit_with(change, &|step| {
            if step == stop { Err(io::Error::other("the machine stopped")) } else { Ok(()) }
        });
        assert_eq!(result.expect_err("stopped").code, Code::LocalIo, "{stop:?}");
        let wanted = if stop == Step::Renamed { "new" } else { "old" };
        assert_eq!(content(&folder, "t"), Some(vec![wanted.to_owned()]), "{stop:?}");
        // whoever comes next goes on as if nothing had happened
        create(&folder, "u", "more");
        assert_eq!(content(&folder, "t"), Some(vec![wanted.to_owned()]), "{stop:?}");
        assert_eq!(content(&folder, "u"), Some(vec!["more".to_owned()]), "{stop:?}");
    }
}

#[test]
fn a_refused_change_changes_nothing() {
    let home = Home::new("refused");
    let folder = home.folder();
    create(&folder, "t", "old");
    let before = folder.read().expect("reads");
    let taken = folder.commit(|manifest| {
        manifest.create("T", Content::Table { files: Vec::new() }, IfTaken::Fail)
    });
    assert!(taken.expect_err("taken").message.contains("already"));
    let kept = folder.commit(|manifest| {
        manifest.create("t", Content::Table { files: Vec::new() }, IfTaken::Keep)
    });
    assert!(kept.is_ok());
    assert_eq!(folder.read().expect("reads"), before);
}

#[test]
fn writers_at_once_lose_nothing() {
    let home = Home::new("many");
    create(&home.folder(), "log", "start");
    std::thread::scope(|scope| {
        for writer in 0..8 {
            let folder = home.folder();
            scope.spawn(move || {
                for turn in 0..10 {
                    let known = entry(&folder, "log");
                    let file = rows(&folder, &format!("{writer}.{turn}"));
                    folder.commit(|manifest| manifest.append(&known, file)).expect("appended");
                    create(&folder, &format!("own{writer}"), &format!("{turn}"));
                }
            });
        }
    });
    let folder = home.folder();
    let mut log = content(&folder, "log").expect("there");
    log.sort();
    log.dedup();
    assert_eq!(log.len(), 81);
    for writer in 0..8 {
        assert_eq!(content(&folder, &format!("own{writer}")), Some(vec!["9".to_owned()]));
    }
    assert_eq!(folder.read().expect("reads").generation, 1 + 8 * 20);
}

#[test]
fn a_table_that_was_made_anew_takes_no_late_rows() {
    let home = Home::new("late");
    let folder = home.folder();
    create(&folder, "t", "first");
    let known = entry(&folder, "t");
    create(&folder, "t", "second");
    let late = rows(&folder, "late");
    let report = folder.commit(|manifest| manifest.append(&known, late)).expect_err("late");
    assert!(report.message.contains("meanwhile"), "{}", report.message);
    assert_eq!(content(&folder, "t"), Some(vec!["second".to_owned()]));
}

#[test]
fn files_stay_for_their_readers_and_go_later() {
    let home = Home::new("later");
    let folder = home.folder();
    create(&folder, "t", "old");
    let old = entry(&folder, "t").content.files()[0].name.clone();
    create(&folder, "t", "new");
    assert!(folder.file(&old).exists());
    // an hour and more goes by
    folder
        .commit(|manifest| {
            for file in &mut manifest.retired {
                file.since -= GRACE + 1;
            }
            Ok(())
        })
        .expect("changed");
    assert!(!folder.file(&old).exists());
    assert_eq!(content(&folder, "t"), Some(vec!["new".to_owned()]));
    // rows of a writer that died a day ago go, fresh ones of a living writer stay
    let (dead, file) = folder.create_file().expect("a file");
    let modified =
        std::fs::metadata(folder.file(&dead)).expect("there").modified().expect("a time");
    file.set_modified(modified - Duration::from_secs(ABANDONED + 60)).expect("set");
    let (alive, _) = folder.create_file().expect("a file");
    create(&folder, "u", "more");
    assert!(!folder.file(&dead).exists() && folder.file(&alive).exists());
}

#[test]
fn what_cannot_be_read_is_said() {
    let home = Home::new("broken");
    let folder = home.folder();
    assert_eq!(folder.read().expect("nothing there yet"), Manifest::default());
    create(&folder, "t", "rows");
    std::fs::write(home.0.join(LIST), "{").expect("written");
    assert_eq!(folder.read().expect_err("broken").code, Code::LocalIo);
    let newer = Manifest { format: FORMAT + 1, ..Manifest::default() };
    std::fs::write(home.0.join(LIST), serde_json::to_string(&newer).expect("text"))
        .expect("written");
    assert!(folder.read().expect_err("newer").message.contains("newer version"));
}

#[test]
fn a_home_that_cannot_be_written_is_an_error_of_the_machine() {
    let home = Home::new("readonly");
    let parent = home.0.parent().expect("a parent");
    std::fs::create_dir_all(parent).expect("made");
    // a file where the folder should be: nobody can write there, root neither
    std::fs::write(&home.0, "in the way").expect("written");
    let folder = home.folder();
    let report = folder.commit(|manifest| {
        manifest.create("t", Content::Table { files: Vec::new() }, IfTaken::Fail)
    });
    assert_eq!(report.expect_err("refused").code, Code::LocalIo);
    assert_eq!(folder.create_file().expect_err("refused").code, Code::LocalIo);
}

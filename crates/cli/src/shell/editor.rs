//! The line: editing, completion, colours, history.
//!
//! Owns: everything that `reedline` is told.
//! Surprise: a statement with a secret in it is not kept in the history.

use std::borrow::Cow;
use std::io;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};

use reedline::{
    Color, Completer, CompletionResult, DefaultHinter, DescriptionMode, EditCommand, Emacs,
    FileBackedHistory, Highlighter, History, HistoryItem, HistoryItemId, HistorySessionId, IdeMenu,
    KeyCode, KeyModifiers, MenuBuilder, Prompt, PromptEditMode, PromptHistorySearch,
    PromptHistorySearchStatus, Reedline, ReedlineEvent, ReedlineMenu, SearchQuery, Span,
    StyledText, Suggestion, ValidationResult, Validator, default_emacs_keybindings,
};
use strataql_engine::{Completion, CompletionKind, Session};
use strataql_sql::{Completeness, Piece, completeness, pieces};

use super::command;

/// Statements that are kept.
const KEPT: usize = 10_000;
/// Choices that are shown at once.
const CHOICES: usize = 200;
const MENU: &str = "completion";

/// The session that is completed for; `\sandbox` replaces it.
pub(super) type Live = Arc<RwLock<Arc<Session>>>;

/// The line editor.
pub(super) fn editor(live: &Live, history: Option<&Path>, color: bool, hints: bool) -> Reedline {
    let mut keys = default_emacs_keybindings();
    let next = ReedlineEvent::UntilFound(vec![
        ReedlineEvent::Menu(MENU.to_owned()),
        ReedlineEvent::MenuNext,
    ]);
    keys.add_binding(KeyModifiers::NONE, KeyCode::Tab, next);
    keys.add_binding(KeyModifiers::SHIFT, KeyCode::BackTab, ReedlineEvent::MenuPrevious);
    let line_feed = ReedlineEvent::Edit(vec![EditCommand::InsertNewline]);
    keys.add_binding(KeyModifiers::ALT, KeyCode::Enter, line_feed);
    let menu = IdeMenu::default()
        .with_name(MENU)
        .with_max_completion_height(12)
        .with_min_completion_width(20)
        .with_max_completion_width(50)
        .with_description_mode(DescriptionMode::PreferRight)
        .with_max_description_width(60)
        .with_default_border()
        .with_selected_text_style(Color::Black.on(Color::Cyan))
        .with_description_text_style(Color::DarkGray.normal());
    let editor = Reedline::create()
        .with_edit_mode(Box::new(Emacs::new(keys)))
        .with_completer(Box::new(Names { live: Arc::clone(live) }))
        .with_menu(ReedlineMenu::EngineCompleter(Box::new(menu)))
        .with_partial_completions(true)
        .with_quick_completions(true)
        .with_validator(Box::new(Whole))
        .with_ansi_colors(color)
        .use_bracketed_paste(true);
    let editor = if color { editor.with_highlighter(Box::new(Colours)) } else { editor };
    let editor = if hints {
        let hinter = DefaultHinter::default().with_style(Color::DarkGray.normal());
        editor.with_hinter(Box::new(hinter))
    } else {
        editor
    };
    match history.and_then(kept) {
        Some(history) => editor.with_history(Box::new(Careful(history))),
        None => editor,
    }
}

/// The history of earlier runs; without a file that can be written there is none.
fn kept(path: &Path) -> Option<FileBackedHistory> {
    private(path).ok()?;
    FileBackedHistory::with_file(KEPT, path.to_owned()).ok()
}

/// Makes the file so that nobody but its owner can read it.
fn private(path: &Path) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let mut options = std::fs::OpenOptions::new();
    options.create(true).append(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    options.open(path).map(drop)
}

/// A history that leaves out statements with secrets.
struct Careful(FileBackedHistory);

impl History for Careful {
    fn save(&mut self, item: HistoryItem) -> reedline::Result<HistoryItem> {
        let has_secret = strataql_sql::parse(&item.command_line)
            .is_ok_and(|all| all.iter().any(|one| !strataql_sql::secret_literals(one).is_empty()));
        if has_secret { Ok(item) } else { self.0.save(item) }
    }

    fn load(&self, id: HistoryItemId) -> reedline::Result<HistoryItem> {
        self.0.load(id)
    }

    fn count(&self, query: SearchQuery) -> reedline::Result<i64> {
        self.0.count(query)
    }

    fn search(&self, query: SearchQuery) -> reedline::Result<Vec<HistoryItem>> {
        self.0.search(query)
    }

    fn update(
        &mut self,
        id: HistoryItemId,
        updater: &dyn Fn(HistoryItem) -> HistoryItem,
    ) -> reedline::Result<()> {
        self.0.update(id, updater)
    }

    fn clear(&mut self) -> reedline::Result<()> {
        self.0.clear()
    }

    fn delete(&mut self, id: HistoryItemId) -> reedline::Result<()> {
        self.0.delete(id)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.0.sync()
    }

    fn session(&self) -> Option<HistorySessionId> {
        self.0.session()
    }
}

/// Sends a text when its statements are complete.
struct Whole;

impl Validator for Whole {
    fn validate(&self, line: &str) -> ValidationResult {
        if line.trim().is_empty() || command::is_command(line) {
            return ValidationResult::Complete;
        }
        match completeness(line) {
            Completeness::Incomplete { .. } => ValidationResult::Incomplete,
            Completeness::Complete | Completeness::Invalid(_) => ValidationResult::Complete,
        }
    }
}

/// Completes from the documents.
struct Names {
    live: Live,
}

impl Completer for Names {
    fn complete(&mut self, line: &str, position: usize) -> CompletionResult {
        let start = line.len() - line.trim_start().len();
        if let Some(found) = command::complete(&line[start..position.max(start)]) {
            let begin = start + found.from;
            let suggestion = |(value, meaning): &(String, &str)| Suggestion {
                value: value.clone(),
                description: Some((*meaning).to_owned()),
                span: Span::new(begin, position),
                append_whitespace: true,
                ..Suggestion::default()
            };
            return CompletionResult::fresh(
                found.choices.iter().map(suggestion).collect::<Vec<_>>(),
            );
        }
        let session = Arc::clone(&self.live.read().unwrap_or_else(PoisonError::into_inner));
        let (text, shift) = command::argument(line);
        let Some(at) = position.checked_sub(shift) else {
            return CompletionResult::fresh(Vec::new());
        };
        let found = session.complete(text, at);
        let (begin, end) = (found.replaces.start + shift, found.replaces.end + shift);
        let items = found.items.iter().take(CHOICES);
        CompletionResult::fresh(items.map(|item| suggestion(item, begin, end)).collect::<Vec<_>>())
    }
}

fn suggestion(item: &Completion, start: usize, end: usize) -> Suggestion {
    let parts = [item.detail.as_str(), item.description.as_str()];
    let text: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    let is_missing = item.kind == CompletionKind::MissingParameter;
    // what is left out of WHERE gets its sign at once
    let value = if is_missing { format!("{} = ", item.text) } else { item.text.clone() };
    Suggestion {
        value,
        display_override: Some(item.text.clone()),
        description: (!text.is_empty()).then(|| text.join(". ")),
        style: Some(look(item.kind).normal()),
        span: Span::new(start, end),
        append_whitespace: matches!(item.kind, CompletionKind::Keyword | CompletionKind::Column),
        ..Suggestion::default()
    }
}

fn look(kind: CompletionKind) -> Color {
    match kind {
        CompletionKind::MissingParameter => Color::Red,
        CompletionKind::Column | CompletionKind::Parameter => Color::Green,
        CompletionKind::Function => Color::Magenta,
        CompletionKind::Keyword => Color::Blue,
        _ => Color::Cyan,
    }
}

/// Colours from the lexer.
struct Colours;

impl Highlighter for Colours {
    fn highlight(&self, line: &str, _: usize) -> StyledText {
        let mut styled = StyledText::new();
        let (text, shift) = command::argument(line);
        if shift > 0 {
            styled.push((Color::Yellow.normal(), line[..shift].to_owned()));
        }
        let mut done = 0;
        for (range, piece) in pieces(text) {
            if range.start < done || range.end > text.len() {
                continue;
            }
            if range.start > done {
                styled.push((Color::Default.normal(), text[done..range.start].to_owned()));
            }
            let style = match piece {
                Piece::Keyword => Color::Blue.bold(),
                Piece::Text => Color::Green.normal(),
                Piece::Number => Color::Cyan.normal(),
                Piece::Comment => Color::DarkGray.normal(),
                Piece::Parameter => Color::Yellow.normal(),
                Piece::Name | Piece::Other => Color::Default.normal(),
            };
            done = range.end;
            styled.push((style, text[range].to_owned()));
        }
        if done < text.len() {
            styled.push((Color::Default.normal(), text[done..].to_owned()));
        }
        styled
    }
}

/// What stands before the line.
pub(super) struct Sign {
    /// Where statements go: `strataql`, `sandbox`, with what USE set.
    pub(super) place: String,
    /// True inside of a transaction.
    pub(super) is_in_transaction: bool,
}

impl Prompt for Sign {
    fn render_prompt_left(&self) -> Cow<'_, str> {
        Cow::Borrowed(&self.place)
    }

    fn render_prompt_right(&self) -> Cow<'_, str> {
        Cow::Borrowed("")
    }

    fn render_prompt_indicator(&self, _: PromptEditMode) -> Cow<'_, str> {
        Cow::Borrowed(if self.is_in_transaction { "*> " } else { "> " })
    }

    fn render_prompt_multiline_indicator(&self) -> Cow<'_, str> {
        Cow::Borrowed("... ")
    }

    fn render_prompt_history_search_indicator(&self, search: PromptHistorySearch) -> Cow<'_, str> {
        let mark = match search.status {
            PromptHistorySearchStatus::Passing => "",
            PromptHistorySearchStatus::Failing => "nothing has ",
        };
        Cow::Owned(format!("({mark}search: {}) ", search.term))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_sent_when_it_is_complete() {
        let is_sent = |text: &str| matches!(Whole.validate(text), ValidationResult::Complete);
        for text in ["", "SELECT 1;", "\\d", "exit", "SELECT 1\\G", "SELEC 1;"] {
            assert!(is_sent(text), "{text}");
        }
        for text in ["SELECT 1", "SELECT (1", "SELECT 'a;", "/* x"] {
            assert!(!is_sent(text), "{text}");
        }
    }

    #[test]
    fn colours_keep_every_character() {
        for text in ["SELECT a, 'x' -- y", "\\explain SELECT 1", "SELECT 'open", "日本 = 'ü", ""]
        {
            let styled = Colours.highlight(text, 0);
            let shown: String = styled.buffer.iter().map(|(_, part)| part.as_str()).collect();
            assert_eq!(shown, text);
        }
    }
}

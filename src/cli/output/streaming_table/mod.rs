//! Lists: a table fitted to the terminal for people, JSON lines and CSV for programs. Rows are
//! written as they arrive.

mod column;
mod layout;

use std::io::{self, Write};

use serde::Serialize;

use crate::cli::output::OutputFormat;
use crate::cli::output::colour::Colour;
use crate::domain::text::one_line;

pub use column::{Column, cell};

/// The terminal that a list is written for.
#[derive(Clone, Copy, Debug)]
pub struct TerminalInfo {
    /// Its width in characters.
    pub width: usize,
    /// True if it shows colours.
    pub colours: bool,
}

impl From<usize> for TerminalInfo {
    /// Makes a terminal of this width, without colours.
    fn from(width: usize) -> Self {
        Self {
            width,
            colours: false,
        }
    }
}

/// A list that is being written.
pub struct StreamingTable<T, W: Write> {
    format: OutputFormat,
    columns: Vec<Column<T>>,
    widths: Vec<Option<usize>>,
    terminal: TerminalInfo,
    fields: &'static [&'static str],
    csv: Option<csv::Writer<W>>,
    plain: Option<W>,
    has_rows: bool,
}

impl<T: Serialize, W: Write> StreamingTable<T, W> {
    /// Makes a list with these columns. No line of a table is wider than the terminal.
    pub fn new(
        format: OutputFormat,
        columns: Vec<Column<T>>,
        terminal: impl Into<TerminalInfo>,
        to: W,
    ) -> Self {
        let (csv, plain) = match format {
            OutputFormat::Csv => (Some(csv::Writer::from_writer(to)), None),
            OutputFormat::Table | OutputFormat::Json => (None, Some(to)),
        };
        let terminal = terminal.into();
        Self {
            format,
            widths: layout::widths(&columns, terminal.width),
            columns,
            terminal,
            fields: &[],
            csv,
            plain,
            has_rows: false,
        }
    }

    /// Sets the names of the fields of `T`, in order: the header of a CSV list without rows.
    #[must_use]
    pub fn fields(mut self, fields: &'static [&'static str]) -> Self {
        self.fields = fields;
        self
    }

    /// Writes a row.
    ///
    /// # Errors
    /// The errors of the writer.
    pub fn write(&mut self, row: &T) -> io::Result<()> {
        let has_header = std::mem::replace(&mut self.has_rows, true);
        if let Some(csv) = &mut self.csv {
            for record in csv_records(row, !has_header)? {
                csv.write_record(&record).map_err(io::Error::from)?;
            }
            return csv.flush();
        }
        let line = match self.format {
            OutputFormat::Table => {
                self.line(|column| (column.cell)(row), |column| (column.colour)(row))
            }
            OutputFormat::Json | OutputFormat::Csv => {
                serde_json::to_string(row).map_err(io::Error::from)?
            }
        };
        let header = (self.format == OutputFormat::Table && !has_header)
            .then(|| self.line(|column| column.header.to_owned(), |_| None));
        let Some(plain) = &mut self.plain else {
            return Ok(());
        };
        if let Some(header) = header {
            writeln!(plain, "{header}")?;
        }
        writeln!(plain, "{line}")?;
        plain.flush()
    }

    /// Ends the list. A CSV list without rows gets its header.
    ///
    /// # Errors
    /// The errors of the writer.
    pub fn end(&mut self) -> io::Result<()> {
        match &mut self.csv {
            Some(csv) if !self.has_rows && !self.fields.is_empty() => {
                csv.write_record(self.fields).map_err(io::Error::from)?;
                csv.flush()
            }
            Some(_) | None => Ok(()),
        }
    }

    fn line(
        &self,
        cell: impl Fn(&Column<T>) -> String,
        colour: impl Fn(&Column<T>) -> Option<Colour>,
    ) -> String {
        let shown = self.columns.iter().zip(&self.widths);
        let shown: Vec<_> = shown
            .filter_map(|(column, width)| Some((column, (*width)?)))
            .collect();
        let last = shown.len().saturating_sub(1);
        let mut line = String::new();
        for (index, (column, width)) in shown.into_iter().enumerate() {
            let text = cut(&cell(column), width);
            let padding = match index == last {
                true => 0,
                false => width.saturating_sub(text.chars().count()) + layout::GAP,
            };
            match colour(column).filter(|_| self.terminal.colours) {
                Some(colour) => line.push_str(&colour.paint(&text)),
                None => line.push_str(&text),
            }
            line.push_str(&" ".repeat(padding));
        }
        line.trim_end().to_owned()
    }
}

/// Returns the records of a row, with the header if it is the first. A spreadsheet would run a cell
/// that begins like a formula; an apostrophe makes it a text (OWASP, "CSV Injection").
fn csv_records<T: Serialize>(row: &T, with_header: bool) -> io::Result<Vec<csv::StringRecord>> {
    let mut writer = csv::WriterBuilder::new();
    let mut writer = writer.has_headers(with_header).from_writer(Vec::new());
    writer.serialize(row).map_err(io::Error::from)?;
    let bytes = writer.into_inner().map_err(|error| error.into_error())?;
    let mut reader = csv::ReaderBuilder::new();
    let mut reader = reader.has_headers(false).from_reader(bytes.as_slice());
    let records = reader.records().map(|record| {
        let record = record.map_err(io::Error::from)?;
        Ok(record.iter().map(as_text).collect())
    });
    records.collect()
}

/// Returns a cell that no spreadsheet runs. A hyphen alone stands for no value.
fn as_text(cell: &str) -> String {
    let runs = cell.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']) && cell != "-";
    match runs {
        true => format!("'{cell}"),
        false => cell.to_owned(),
    }
}

/// Cuts a text to one line of at most `width` characters. A cut text ends with `…`.
fn cut(text: &str, width: usize) -> String {
    let shown = one_line(text, width + 1);
    if shown.chars().count() <= width {
        return shown;
    }
    let kept: String = shown.chars().take(width.saturating_sub(1)).collect();
    kept + "…"
}

/// Formats an age: `45s`, `12m`, `3h`, `5d`.
#[must_use]
pub fn age(seconds: u64) -> String {
    match seconds {
        0..120 => format!("{seconds}s"),
        120..7_200 => format!("{}m", seconds / 60),
        7_200..172_800 => format!("{}h", seconds / 3_600),
        _ => format!("{}d", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Serialize)]
    struct Row {
        name: &'static str,
        what: Option<&'static str>,
    }

    fn rows<W: Write>(
        format: OutputFormat,
        terminal: impl Into<TerminalInfo>,
        to: W,
    ) -> StreamingTable<Row, W> {
        let columns = vec![
            Column::new("NAME", 6, |row: &Row| row.name.to_owned())
                .colour(|row| row.what.is_none().then_some(Colour::Red)),
            Column::new("WHAT", 30, |row: &Row| row.what.unwrap_or("-").to_owned()).flexible(8),
        ];
        StreamingTable::new(format, columns, terminal, to)
    }

    fn written(format: OutputFormat, terminal: impl Into<TerminalInfo>) -> String {
        let mut bytes = Vec::new();
        let mut rows = rows(format, terminal, &mut bytes);
        let what = Some("a \"long\" text,\nin two lines");
        rows.write(&Row { name: "one", what }).unwrap();
        let name = "a-long-name";
        rows.write(&Row { name, what: None }).unwrap();
        rows.end().unwrap();
        drop(rows);
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn a_table_fits_the_terminal_and_keeps_its_lines() {
        let table = written(OutputFormat::Table, 24);
        assert_eq!(
            table,
            "NAME    WHAT\none     a \"long\" text,\\…\na-lon…  -\n"
        );
    }

    #[test]
    fn colours_take_no_space() {
        let terminal = TerminalInfo {
            width: 24,
            colours: true,
        };
        let line = written(OutputFormat::Table, terminal);
        assert!(line.ends_with("\u{1b}[31ma-lon…\u{1b}[0m  -\n"), "{line}");
    }

    #[test]
    fn programs_get_the_whole_values() {
        assert_eq!(
            written(OutputFormat::Json, 10),
            "{\"name\":\"one\",\"what\":\"a \\\"long\\\" text,\\nin two lines\"}\n{\"name\":\"a-long-name\",\"what\":null}\n"
        );
        assert_eq!(
            written(OutputFormat::Csv, 10),
            "name,what\none,\"a \"\"long\"\" text,\nin two lines\"\na-long-name,\n"
        );
    }

    #[test]
    fn a_spreadsheet_runs_no_cell() {
        let cells = [
            (
                "=HYPERLINK(\"http://x\")",
                "\"'=HYPERLINK(\"\"http://x\"\")\"",
            ),
            ("+1", "'+1"),
            ("-2+3", "'-2+3"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("\t=1", "'\t=1"),
            ("-", "-"),
            ("a=b", "a=b"),
        ];
        for (what, expected) in cells {
            let mut bytes = Vec::new();
            let mut rows = rows(OutputFormat::Csv, 80, &mut bytes);
            let what = Some(what);
            rows.write(&Row { name: "one", what }).unwrap();
            drop(rows);
            let csv = String::from_utf8(bytes).unwrap();
            assert_eq!(csv, format!("name,what\none,{expected}\n"));
        }
    }

    #[test]
    fn an_empty_list_in_csv_has_its_header() {
        for (format, expected) in [(OutputFormat::Csv, "name,what\n"), (OutputFormat::Json, "")] {
            let mut bytes = Vec::new();
            let mut rows = rows(format, 80, &mut bytes).fields(&["name", "what"]);
            rows.end().unwrap();
            drop(rows);
            assert_eq!(String::from_utf8(bytes).unwrap(), expected);
        }
    }

    #[test]
    fn ages_are_short() {
        let ages = [0, 119, 120, 7_199, 7_200, 172_800].map(age);
        assert_eq!(ages, ["0s", "119s", "2m", "119m", "2h", "2d"]);
    }
}

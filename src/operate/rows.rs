//! Lists: a table fitted to the terminal for people, JSON lines and CSV for programs. Rows are written as they come.

use std::io::{self, Write};

use serde::Serialize;

use crate::line::text::one_line;

/// How a list looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Output {
    /// Columns, fitted to the terminal.
    Table,
    /// One JSON object a line.
    Json,
    /// Comma-separated values with a head line.
    Csv,
}

/// A column of the table: its head, its width, and what stands in it.
pub struct Column<T> {
    /// The head.
    pub head: &'static str,
    /// Characters.
    pub width: usize,
    /// What stands in it.
    pub cell: fn(&T) -> String,
}

/// A list while it is being written.
pub struct Rows<T, W: Write> {
    output: Output,
    columns: Vec<Column<T>>,
    width: usize,
    csv: Option<csv::Writer<W>>,
    plain: Option<W>,
    begun: bool,
}

impl<T: Serialize, W: Write> Rows<T, W> {
    /// A list of these columns, `width` characters wide. The last column takes what the others leave.
    pub fn new(output: Output, columns: Vec<Column<T>>, width: usize, to: W) -> Self {
        let (csv, plain) = match output {
            Output::Csv => (Some(csv::Writer::from_writer(to)), None),
            Output::Table | Output::Json => (None, Some(to)),
        };
        Self {
            output,
            columns,
            width,
            csv,
            plain,
            begun: false,
        }
    }

    /// Writes a row.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn write(&mut self, row: &T) -> io::Result<()> {
        if let Some(csv) = &mut self.csv {
            csv.serialize(row).map_err(io::Error::from)?;
            return csv.flush();
        }
        let heads = self
            .columns
            .iter()
            .map(|column| column.head.to_owned())
            .collect();
        let head = (self.output == Output::Table && !self.begun).then(|| self.line(heads));
        let line = match self.output {
            Output::Table => self.line(
                self.columns
                    .iter()
                    .map(|column| (column.cell)(row))
                    .collect(),
            ),
            Output::Json | Output::Csv => serde_json::to_string(row).map_err(io::Error::from)?,
        };
        self.begun = true;
        let Some(plain) = &mut self.plain else {
            return Ok(());
        };
        if let Some(head) = head {
            writeln!(plain, "{head}")?;
        }
        writeln!(plain, "{line}")?;
        plain.flush()
    }

    fn line(&self, cells: Vec<String>) -> String {
        let mut line = String::new();
        let last = self.columns.len().saturating_sub(1);
        for (place, (column, cell)) in self.columns.iter().zip(cells).enumerate() {
            if place == last {
                let left = self.width.saturating_sub(line.chars().count()).max(8);
                line.push_str(&cut(&cell, left));
            } else {
                let width = column.width;
                line.push_str(&format!("{:<width$}  ", cut(&cell, width)));
            }
        }
        line.trim_end().to_owned()
    }
}

/// At most so many characters, in one line; what is cut off shows.
fn cut(text: &str, width: usize) -> String {
    let shown = one_line(text, width + 1);
    if shown.chars().count() <= width {
        return shown;
    }
    let kept: String = shown.chars().take(width.saturating_sub(1)).collect();
    kept + "…"
}

/// An age as people say it: `45s`, `12m`, `3h`, `5d`.
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

    fn written(output: Output, width: usize) -> String {
        let columns = vec![
            Column {
                head: "NAME",
                width: 6,
                cell: |row: &Row| row.name.to_owned(),
            },
            Column {
                head: "WHAT",
                width: 0,
                cell: |row: &Row| row.what.unwrap_or("-").to_owned(),
            },
        ];
        let mut bytes = Vec::new();
        let mut rows = Rows::new(output, columns, width, &mut bytes);
        let what = Some("a \"long\" text,\nin two lines");
        rows.write(&Row { name: "one", what }).unwrap();
        let name = "a-long-name";
        rows.write(&Row { name, what: None }).unwrap();
        drop(rows);
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn a_table_fits_and_keeps_its_lines() {
        let table = written(Output::Table, 24);
        assert_eq!(
            table,
            "NAME    WHAT\none     a \"long\" text,\\…\na-lon…  -\n"
        );
    }

    #[test]
    fn programs_get_everything() {
        assert_eq!(
            written(Output::Json, 10),
            "{\"name\":\"one\",\"what\":\"a \\\"long\\\" text,\\nin two lines\"}\n{\"name\":\"a-long-name\",\"what\":null}\n"
        );
        assert_eq!(
            written(Output::Csv, 10),
            "name,what\none,\"a \"\"long\"\" text,\nin two lines\"\na-long-name,\n"
        );
    }

    #[test]
    fn ages_are_short() {
        let ages = [0, 119, 120, 7_199, 7_200, 172_800].map(age);
        assert_eq!(ages, ["0s", "119s", "2m", "119m", "2h", "2d"]);
    }
}

//! `backsight schema`: prints the JSON Schema of a format to standard output.

use std::io::{self, Write};

use clap::{Args, ValueEnum};

use crate::ops::schema::{Format, schema_text};
use crate::results::ExitCode;

/// Print the JSON Schema of a format.
#[derive(Debug, Args)]
pub struct SchemaArgs {
    /// Which format.
    #[arg(value_enum)]
    format: FormatArg,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum FormatArg {
    /// The pipeline file, `backsight.yml`.
    Pipeline,
    /// The results document, `results.json`.
    Results,
}

impl From<FormatArg> for Format {
    fn from(format: FormatArg) -> Self {
        match format {
            FormatArg::Pipeline => Self::Pipeline,
            FormatArg::Results => Self::Results,
        }
    }
}

/// Writes the schema to `out`.
///
/// # Errors
/// What `out` says; a reader that has gone away is no error.
pub fn run(args: &SchemaArgs, out: &mut dyn Write) -> io::Result<ExitCode> {
    match out.write_all(schema_text(args.format.into()).as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error),
        _ => Ok(ExitCode::Passed),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::{SchemaArgs, run};

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        schema: SchemaArgs,
    }

    #[test]
    fn both_schemas_are_printed() {
        for (format, id) in [("pipeline", "urn:backsight:pipeline:1"), ("results", "urn:backsight:results:1")] {
            let line = Line::try_parse_from(["schema", format]).unwrap();
            let mut out = Vec::new();
            run(&line.schema, &mut out).unwrap();
            let schema: serde_json::Value = serde_json::from_slice(&out).unwrap();
            assert_eq!(schema["$id"], id);
        }
        assert!(Line::try_parse_from(["schema", "junit"]).is_err());
    }
}

//! The name and version of the format.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize};

/// The format of [`super::History`].
pub const HISTORY_SCHEMA: &str = "backsight/history/1";

/// A marker that serialises as [`HISTORY_SCHEMA`] and refuses to read anything else.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct HistoryTag;

impl Serialize for HistoryTag {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(HISTORY_SCHEMA)
    }
}

impl<'de> Deserialize<'de> for HistoryTag {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let found = Cow::<str>::deserialize(deserializer)?;
        if found == HISTORY_SCHEMA {
            Ok(Self)
        } else {
            Err(serde::de::Error::custom(format!(
                "this backsight reads `{HISTORY_SCHEMA}`, the document says `{found}`"
            )))
        }
    }
}

impl JsonSchema for HistoryTag {
    fn schema_name() -> Cow<'static, str> {
        "HistoryTag".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "const": HISTORY_SCHEMA })
    }
}

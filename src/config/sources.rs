//! Reads one `[[source]]`: the rules that a user wrote. Pure.

use serde::Deserialize;
use toml::Spanned;
use toml::de::DeValue;
use toml::de::ValueDeserializer;

use crate::config::SourceProblem;
use crate::sources::RuleSet;
use crate::sources::WrittenRuleSet;

/// The rules of a table, or what is wrong with it and the byte of the file where that is.
pub(super) fn read(table: &Spanned<DeValue>) -> Result<RuleSet, (usize, SourceProblem)> {
    let start = table.span().start;
    let written = WrittenRuleSet::deserialize(ValueDeserializer::from(table.clone())).map_err(|error| {
        let message = error.message().to_owned();
        (error.span().map_or(start, |span| span.start), SourceProblem::Form { message })
    })?;
    RuleSet::try_from(written).map_err(|cause| (start, SourceProblem::Rules(cause)))
}

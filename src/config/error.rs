//! What can be wrong with a configuration, said so that its owner can mend it: file, line, key, what would be right.

use std::fmt;
use std::io;
use std::ops::RangeInclusive;
use std::path::PathBuf;

use crate::config::AddressRangeError;
use crate::sources::RuleSetError;

/// Everything that is wrong, in the order of the files and of their lines; never empty.
/// Shown with one problem on a line.
#[derive(Debug)]
pub struct ConfigError {
    /// In the order in which an owner would read them.
    pub problems: Vec<Problem>,
}

/// One thing that is wrong.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// A file or folder cannot be read.
    #[error("{}: cannot be read: {source}", file.display())]
    Unreadable {
        /// Which one.
        file: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// It is no TOML. The keys of such a file are not looked at: what they mean is not certain.
    #[error("{at}: {message}")]
    Syntax {
        /// Where.
        at: Place,
        /// What the parser says.
        message: String,
    },
    /// There is no such key.
    #[error("{at}: unknown key {key:?}{}", hint(*nearest))]
    UnknownKey {
        /// Where.
        at: Place,
        /// The whole dotted key.
        key: String,
        /// The key that was probably meant.
        nearest: Option<&'static str>,
    },
    /// One of two keys that belong together is set.
    #[error("{}: {set} is set and {missing} is not", file.display())]
    Half {
        /// The main file.
        file: PathBuf,
        /// The key that is there.
        set: &'static str,
        /// The key that is missing.
        missing: &'static str,
    },
    /// The rules of a source cannot be used.
    #[error("{at}: source: {cause}")]
    Source {
        /// Where.
        at: Place,
        /// What is wrong.
        #[source]
        cause: SourceProblem,
    },
    /// The value has the wrong type or is out of range.
    #[error("{at}: {key}: expected {expected}, found {found}")]
    WrongValue {
        /// Where.
        at: Place,
        /// The whole dotted key.
        key: String,
        /// What would be right.
        expected: Expected,
        /// What is there, as it is written or by its type.
        found: String,
    },
}

/// What can be wrong with a `[[source]]`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SourceProblem {
    /// A key is unknown, missing, or has the wrong type.
    #[error("{message}")]
    Form {
        /// What the parser says.
        message: String,
    },
    /// Two in the same file are called so.
    #[error("{name} stands twice in this file")]
    Twice {
        /// The name.
        name: String,
    },
    /// Its rules cannot be used.
    #[error(transparent)]
    Rules(#[from] RuleSetError),
}

/// A line of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// As it was given to the load.
    pub file: PathBuf,
    /// Counted from 1.
    pub line: usize,
}

/// What a key's value has to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expected {
    /// A whole number of this range.
    Whole(RangeInclusive<u64>),
    /// 0 for "no limit", or a whole number of this range.
    ZeroOrWhole(RangeInclusive<u64>),
    /// An address and a port.
    SocketAddress,
    /// An address and a port, or "off".
    SocketAddressOrOff,
    /// Yes or no.
    Truth,
    /// The path of a file, or nothing.
    File,
    /// The address of a Bluetooth adapter, or nothing.
    RadioAddress,
    /// A list of host names.
    HostNames,
    /// A host name.
    HostName,
    /// One of these words.
    Word(&'static [&'static str]),
    /// A list of address ranges.
    AddressRanges,
    /// An address range; says what is wrong with the one that is there.
    AddressRange(AddressRangeError),
    /// A list of sources.
    Sources,
    /// A table of keys.
    Table,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.problems.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigError {}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file.display(), self.line)
    }
}

impl fmt::Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole(range) => write!(f, "a whole number from {} to {}", range.start(), range.end()),
            Self::ZeroOrWhole(range) => {
                write!(f, "0 or a whole number from {} to {}", range.start(), range.end())
            }
            Self::SocketAddress => f.write_str(r#"an address with a port like "0.0.0.0:1883" or "[::]:1883""#),
            Self::SocketAddressOrOff => f.write_str(r#"an address with a port like "0.0.0.0:8443", or "off""#),
            Self::Truth => f.write_str("true or false"),
            Self::File => f.write_str(r#"a whole path like "/etc/farhook/certificate.pem", or """#),
            Self::RadioAddress => f.write_str(r#"an address like "B8:27:EB:11:22:33", or """#),
            Self::HostNames => f.write_str(r#"a list of host names like ["farhook.example.com"]"#),
            Self::HostName => f.write_str(r#"a host name like "farhook.example.com""#),
            Self::Word(words) => {
                f.write_str("one of")?;
                for (index, word) in words.iter().enumerate() {
                    write!(f, "{} {word:?}", if index == 0 { "" } else { "," })?;
                }
                Ok(())
            }
            Self::AddressRanges => f.write_str(r#"a list of address ranges like ["192.168.1.0/24", "::1"]"#),
            Self::AddressRange(why) => write!(f, r#"an address range like "192.168.1.0/24" ({why})"#),
            Self::Sources => f.write_str("tables that begin with [[source]]"),
            Self::Table => f.write_str("a table of keys"),
        }
    }
}

fn hint(nearest: Option<&str>) -> String {
    nearest.map(|key| format!("; did you mean {key:?}?")).unwrap_or_default()
}

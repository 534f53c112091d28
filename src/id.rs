//! Identities: 128 bits of BLAKE3, one type for each kind of thing, shown by their shortest unique prefix.

use std::fmt;
use std::str::FromStr;

/// Number of hexadecimal digits of a whole identity.
pub const HEX_DIGITS: usize = 32;

macro_rules! define_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub [u8; 16]);

        impl $name {
            /// The first 128 bits of `hash`.
            #[must_use]
            pub fn from_hash(hash: &blake3::Hash) -> Self {
                let mut bytes = [0; 16];
                bytes.copy_from_slice(&hash.as_bytes()[..16]);
                Self(bytes)
            }

            /// The first `digits` hexadecimal digits.
            #[must_use]
            pub fn short(&self, digits: usize) -> String {
                let mut text = self.to_string();
                text.truncate(digits);
                text
            }
        }

        impl From<$name> for [u8; 16] {
            fn from(id: $name) -> Self {
                id.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(hex(&self.0, &mut [0; HEX_DIGITS]))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({self})", stringify!($name))
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                parse_hex(text).map(Self).ok_or(InvalidId)
            }
        }
    };
}

/// The text is not 32 hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an identity is {HEX_DIGITS} hexadecimal digits")]
pub struct InvalidId;

define_id! {
    /// A task: what a stage computes, by everything that can change its result.
    TaskId
}
define_id! {
    /// A run: what its training stages compute, transitively.
    RunId
}
define_id! {
    /// A file, a program or any other content.
    ContentId
}

define_id! {
    /// A store: its task folders bear this name, so that two projects can share one place for runs.
    StoreId
}

/// Two digits a byte. Plans of a million runs are shown and laid out in folders by these: `{:02x}` takes ten times as long.
fn hex<'a>(bytes: &[u8; 16], digits: &'a mut [u8; HEX_DIGITS]) -> &'a str {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    for (pair, byte) in digits.chunks_exact_mut(2).zip(bytes) {
        pair[0] = DIGITS[usize::from(byte >> 4)];
        pair[1] = DIGITS[usize::from(byte & 15)];
    }
    std::str::from_utf8(digits).unwrap_or_default()
}

fn parse_hex(text: &str) -> Option<[u8; 16]> {
    let digits = text.as_bytes();
    if digits.len() != HEX_DIGITS {
        return None;
    }
    let mut bytes = [0; 16];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        let [high, low] = pair else { return None };
        *byte = (nibble(*high)? << 4) | nibble(*low)?;
    }
    Some(bytes)
}

/// Only lower case: an identity has one spelling, so that it can be a file name and a key.
fn nibble(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_reads_back_what_it_prints() {
        let id = TaskId::from_hash(&blake3::hash(b"finetune"));
        assert_eq!(id.to_string().parse(), Ok(id));
        assert_eq!(id.short(8), id.to_string()[..8]);
    }

    #[test]
    fn other_spellings_are_refused() {
        for text in ["", "0", "ABCDEF0123456789abcdef0123456789", "../..................................", "é"] {
            assert_eq!(text.parse::<TaskId>(), Err(InvalidId), "{text}");
        }
    }
}

//! The files in which W&B keeps a run, `run-<id>.wandb`: reading what was configured, logged and summed up.
//!
//! A file is a log of LevelDB's kind (blocks of 32 KB, records in up to any number of pieces, each with a checksum) behind
//! a head of its own; each record is a `Record` message. Source: `wandb/sdk/internal/datastore.py` and the numbers of
//! fields in `wandb/proto/wandb_internal.proto`.

use std::collections::BTreeMap;

use crc::{CRC_32_ISO_HDLC, Crc, Table};
use serde_json::Value;

use super::foreign::{Record, flatten};
use super::protobuf::fields;

const CRC_32: Crc<u32, Table<16>> = Crc::<u32, Table<16>>::new(&CRC_32_ISO_HDLC);
/// Name, magic number, version.
const HEAD: [u8; 7] = [b':', b'W', b'&', b'B', 0xe1, 0xbe, 0];
const BLOCK: usize = 32 << 10;
/// Checksum, length, kind.
const PIECE_HEAD: usize = 7;
/// Kinds of pieces.
const WHOLE: u8 = 1;
const FIRST: u8 = 2;
const LAST: u8 = 4;

/// Why a file is no run of W&B.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    #[error("it does not begin as one")]
    Head,
    #[error("the piece at byte {0} does not have the checksum that it says")]
    Checksum(usize),
    #[error("the record that ends at byte {0} is no record")]
    Record(usize),
}

/// What is known of a run, by name.
#[derive(Debug, Default)]
struct Run {
    config: BTreeMap<String, Value>,
    /// The last value that was logged, or what the program made of all.
    summary: BTreeMap<String, Value>,
    name: String,
    id: String,
}

/// A record of the run in a file: `config.lr`, `summary.fid`, `name`, `run_id`, as W&B's own exports call them. A file that
/// ends in the middle of a record, as one does whose program was killed, has what came before.
///
/// # Errors
/// It is no such file, or is damaged.
pub fn read(bytes: &[u8]) -> Result<Record, Broken> {
    if !bytes.starts_with(&HEAD) {
        return Err(Broken::Head);
    }
    let (mut run, mut at, mut pending) = (Run::default(), HEAD.len(), Vec::new());
    while let Some(piece) = Piece::at(bytes, &mut at)? {
        if matches!(piece.kind, WHOLE | FIRST) {
            pending.clear();
        }
        pending.extend_from_slice(piece.data);
        if matches!(piece.kind, WHOLE | LAST) {
            run.take(&pending).ok_or(Broken::Record(at))?;
        }
    }
    Ok(run.record())
}

struct Piece<'a> {
    kind: u8,
    data: &'a [u8],
}

impl<'a> Piece<'a> {
    /// The piece at a place of the file, and the place behind it; `None` at the end, and where the rest is torn off.
    fn at(bytes: &'a [u8], at: &mut usize) -> Result<Option<Self>, Broken> {
        let left = BLOCK - *at % BLOCK;
        if left < PIECE_HEAD {
            *at += left;
        }
        let Some((head, rest)) = bytes.get(*at..).and_then(<[u8]>::split_first_chunk::<PIECE_HEAD>) else {
            return Ok(None);
        };
        let [c0, c1, c2, c3, l0, l1, kind] = *head;
        let Some(data) = rest.get(..usize::from(u16::from_le_bytes([l0, l1]))) else { return Ok(None) };
        let mut digest = CRC_32.digest();
        digest.update(&[kind]);
        digest.update(data);
        if digest.finalize() != u32::from_le_bytes([c0, c1, c2, c3]) {
            return Err(Broken::Checksum(*at));
        }
        *at += PIECE_HEAD + data.len();
        Ok(Some(Self { kind, data }))
    }
}

impl Run {
    /// Take what a record says; what is about files, output or the machine is passed over.
    fn take(&mut self, record: &[u8]) -> Option<()> {
        for (field, wire) in fields(record)? {
            match field {
                // History, then what was made of it.
                2 | 3 => items(wire.as_bytes()?, &mut self.summary)?,
                5 => items(wire.as_bytes()?, &mut self.config)?,
                17 => self.take_run(wire.as_bytes()?)?,
                _ => {}
            }
        }
        Some(())
    }

    fn take_run(&mut self, run: &[u8]) -> Option<()> {
        for (field, wire) in fields(run)? {
            match field {
                1 => wire.as_text()?.clone_into(&mut self.id),
                4 => items(wire.as_bytes()?, &mut self.config)?,
                5 => items(wire.as_bytes()?, &mut self.summary)?,
                8 => wire.as_text()?.clone_into(&mut self.name),
                _ => {}
            }
        }
        Some(())
    }

    fn record(self) -> Record {
        let mut record = Record::from([("name".to_owned(), self.name), ("run_id".to_owned(), self.id)]);
        for (kind, values) in [("config", self.config), ("summary", self.summary)] {
            // Names like `_step` and `_wandb` are W&B's own.
            for (name, value) in values.iter().filter(|(name, _)| !name.starts_with('_')) {
                flatten(&format!("{kind}.{name}"), value, &mut record);
            }
        }
        record
    }
}

/// Each item, the first field of a message: a key or a path of keys, and a value in JSON.
fn items(message: &[u8], into: &mut BTreeMap<String, Value>) -> Option<()> {
    for (_, wire) in fields(message)?.into_iter().filter(|(field, _)| *field == 1) {
        let (mut key, mut path, mut json) = ("", Vec::new(), "null");
        for (field, wire) in fields(wire.as_bytes()?)? {
            match field {
                1 => key = wire.as_text()?,
                2 => path.push(wire.as_text()?),
                16 => json = wire.as_text()?,
                _ => {}
            }
        }
        let name = if path.is_empty() { key.to_owned() } else { path.join(".") };
        // Python's JSON has NaN and Infinity.
        let value = serde_json::from_slice(&runfile::number::quote_literals(json.as_bytes())).ok()?;
        into.insert(name, value);
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::protobuf::Message;
    use super::*;

    /// A file as W&B's own program writes it, of records that may be longer than a block.
    fn file(records: &[Message]) -> Vec<u8> {
        let mut bytes = HEAD.to_vec();
        for record in records {
            let mut left = record.encoded();
            let mut is_first = true;
            loop {
                let room = BLOCK - bytes.len() % BLOCK;
                if room < PIECE_HEAD {
                    bytes.resize(bytes.len() + room, 0);
                    continue;
                }
                let (piece, rest) = left.split_at(left.len().min(room - PIECE_HEAD));
                let kind = match (is_first, rest.is_empty()) {
                    (true, true) => WHOLE,
                    (true, false) => FIRST,
                    (false, false) => 3,
                    (false, true) => LAST,
                };
                let mut digest = CRC_32.digest();
                digest.update(&[kind]);
                digest.update(piece);
                bytes.extend(digest.finalize().to_le_bytes());
                bytes.extend(u16::try_from(piece.len()).unwrap().to_le_bytes());
                bytes.push(kind);
                bytes.extend(piece);
                (left, is_first) = (rest, false);
                if rest.is_empty() {
                    break;
                }
            }
        }
        bytes
    }

    fn item(key: &str, json: &str) -> Message {
        Message::new().message(1, &Message::new().text(1, key).text(16, json))
    }

    fn records() -> Vec<Message> {
        let nested = Message::new().text(2, "eval").text(2, "acc").text(16, "0.5");
        let config = item("lr", "0.1").message(1, &Message::new().text(1, "optim").text(16, "{\"name\": \"adam\"}"));
        let run = Message::new().text(1, "abc").message(4, &config).text(8, "calm-sea");
        vec![
            Message::new().varint(1, 1).message(17, &run),
            Message::new().message(2, &item("fid", "9.5")),
            Message::new().message(7, &item("gpu", &format!("\"{}\"", "x".repeat(3 * BLOCK)))),
            Message::new().message(2, &item("fid", "7.25")),
            Message::new().message(3, &item("best", "NaN").message(1, &nested)),
            Message::new().message(5, &item("_wandb", "{}")),
        ]
    }

    #[test]
    fn configuration_and_last_values_become_columns() {
        let record = read(&file(&records())).unwrap();
        let pairs: Vec<(&str, &str)> = record.iter().map(|(name, text)| (&**name, &**text)).collect();
        let expected = [
            ("config.lr", "0.1"),
            ("config.optim.name", "adam"),
            ("name", "calm-sea"),
            ("run_id", "abc"),
            ("summary.best", "NaN"),
            ("summary.eval.acc", "0.5"),
            ("summary.fid", "7.25"),
        ];
        assert_eq!(pairs, expected);
    }

    #[test]
    fn a_file_that_ends_anywhere_keeps_what_came_before() {
        let whole = file(&records());
        assert_eq!(read(&whole[..3]), Err(Broken::Head));
        for length in (HEAD.len()..whole.len()).step_by(997) {
            assert!(read(&whole[..length]).is_ok(), "{length}");
        }
    }

    #[test]
    fn a_flipped_bit_is_seen() {
        let mut damaged = file(&records());
        damaged[30] ^= 4;
        assert_eq!(read(&damaged), Err(Broken::Checksum(HEAD.len())));
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_run_or_none(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _read = read(&[&HEAD[..], &bytes].concat());
        }
    }
}

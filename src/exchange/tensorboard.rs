//! TensorBoard's event files: writing scores, curves and hyper-parameters, and reading scalars.
//!
//! A file is a sequence of records (TFRecord: length, checksum, bytes, checksum), each an `Event` message. Numbers of
//! fields are those of `tensorflow/core/util/event.proto`, `summary.proto`, `tensor.proto` and of TensorBoard's
//! `plugins/hparams/plugin_data.proto`.

use std::collections::BTreeMap;

use crc::{CRC_32_ISCSI, Crc, Table};
use serde_json::Value as Json;

use super::protobuf::{Message, Wire, fields};

/// Castagnoli's.
const CRC_32C: Crc<u32, Table<16>> = Crc::<u32, Table<16>>::new(&CRC_32_ISCSI);
/// First record of every file.
const VERSION: &str = "brain.Event:2";
/// `DT_FLOAT` and `DT_DOUBLE`.
const FLOAT: u64 = 1;
const DOUBLE: u64 = 2;
/// The tag that hyper-parameters are found by.
const HPARAMS: &str = "_hparams_/session_start_info";
/// Longest record that is read.
const LONGEST: usize = 64 << 20;

/// One value of one series.
#[derive(Debug, Clone, PartialEq)]
pub struct Scalar {
    pub tag: String,
    pub step: u64,
    /// Seconds since the epoch, UTC.
    pub time: f64,
    pub value: f64,
}

/// What an event file says, as far as it is understood here.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Events {
    /// In the file's order.
    pub scalars: Vec<Scalar>,
    /// Hyper-parameters by name.
    pub parameters: BTreeMap<String, Json>,
    /// The file ends in the middle of a record, as one does whose program was killed.
    pub torn: bool,
}

/// Why a file is no event file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    #[error("record {0} does not have the checksum that it says")]
    Checksum(usize),
    #[error("record {0} is no event")]
    Event(usize),
    #[error("record {0} would be longer than {LONGEST} bytes")]
    TooLong(usize),
}

/// An event file with `events`; `name` is that of the run.
#[must_use]
pub fn write(events: &Events, name: &str, started: f64) -> Vec<u8> {
    let mut file = Vec::new();
    put(&mut file, &Message::new().double(1, started).text(3, VERSION));
    if !events.parameters.is_empty() {
        put(&mut file, &summary(started, 0, &hparams(&events.parameters, name, started)));
    }
    for scalar in &events.scalars {
        put(&mut file, &summary(scalar.time, scalar.step, &value(scalar)));
    }
    file
}

fn summary(time: f64, step: u64, value: &Message) -> Message {
    Message::new().double(1, time).varint(2, step).message(5, &Message::new().message(1, value))
}

/// As a tensor of one double: `simple_value`, the older way, has 24 bits only.
fn value(scalar: &Scalar) -> Message {
    let plugin = Message::new().text(1, "scalars");
    let metadata = Message::new().message(1, &plugin).varint(4, 1);
    let tensor = Message::new().varint(1, DOUBLE).message(2, &Message::new()).bytes(6, &scalar.value.to_le_bytes());
    Message::new().text(1, &scalar.tag).message(8, &tensor).message(9, &metadata)
}

fn hparams(parameters: &BTreeMap<String, Json>, name: &str, started: f64) -> Message {
    let entry = |(name, value): (&String, &Json)| {
        let value = match value {
            Json::Bool(value) => Message::new().varint(4, u64::from(*value)),
            Json::Number(value) => Message::new().double(2, value.as_f64().unwrap_or(f64::NAN)),
            Json::String(value) => Message::new().text(3, value),
            other => Message::new().text(3, &other.to_string()),
        };
        Message::new().text(1, name).message(2, &value)
    };
    let start = parameters.iter().map(entry).fold(Message::new(), |start, entry| start.message(1, &entry));
    let start = start.text(4, name).double(5, started);
    let plugin = Message::new().text(1, "hparams").bytes(2, Message::new().message(3, &start).encoded());
    Message::new().text(1, HPARAMS).message(9, &Message::new().message(1, &plugin))
}

/// Read a whole event file.
///
/// # Errors
/// A record is damaged or is no event. A last record that is not all there is [`Events::torn`].
pub fn read(mut bytes: &[u8]) -> Result<Events, Broken> {
    let mut events = Events::default();
    for number in 1.. {
        match take(&mut bytes, number)? {
            Taken::Record(record) => read_event(record, &mut events).ok_or(Broken::Event(number))?,
            Taken::Torn => {
                events.torn = true;
                break;
            }
            Taken::End => break,
        }
    }
    Ok(events)
}

fn read_event(record: &[u8], events: &mut Events) -> Option<()> {
    let (mut time, mut step, mut summaries) = (0.0, 0, Vec::new());
    for (field, wire) in fields(record)? {
        match (field, wire) {
            (1, wire) => time = wire.as_float()?,
            (2, Wire::Varint(number)) => step = number,
            (5, wire) => summaries.extend(fields(wire.as_bytes()?)?),
            _ => {}
        }
    }
    for (_, value) in summaries.into_iter().filter(|(field, _)| *field == 1) {
        read_value(value.as_bytes()?, time, step, events)?;
    }
    Some(())
}

/// Images, texts and histograms are passed over.
fn read_value(bytes: &[u8], time: f64, step: u64, events: &mut Events) -> Option<()> {
    let (mut tag, mut value, mut metadata) = ("", None, None);
    for (field, wire) in fields(bytes)? {
        match field {
            1 => tag = wire.as_text()?,
            2 => value = wire.as_float(),
            8 => value = scalar_tensor(wire.as_bytes()?),
            9 => metadata = wire.as_bytes(),
            _ => {}
        }
    }
    if tag == HPARAMS {
        events.parameters = read_hparams(metadata?)?;
    } else if let Some(value) = value {
        events.scalars.push(Scalar { tag: tag.to_owned(), step, time, value });
    }
    Some(())
}

/// The number that a tensor without dimensions holds, if it holds one.
fn scalar_tensor(bytes: &[u8]) -> Option<f64> {
    let (mut kind, mut value) = (0, None);
    for (field, wire) in fields(bytes)? {
        match (field, wire) {
            (1, Wire::Varint(number)) => kind = number,
            // One of any size that has dimensions is no scalar.
            (2, Wire::Bytes(shape)) if !shape.is_empty() => return None,
            (4..=6, Wire::Bytes(packed)) => value = packed_number(packed, kind),
            (5 | 6, wire) => value = wire.as_float(),
            _ => {}
        }
    }
    value
}

fn packed_number(bytes: &[u8], kind: u64) -> Option<f64> {
    match kind {
        FLOAT => Some(f32::from_le_bytes(bytes.try_into().ok()?).into()),
        DOUBLE => Some(f64::from_le_bytes(bytes.try_into().ok()?)),
        _ => None,
    }
}

fn read_hparams(metadata: &[u8]) -> Option<BTreeMap<String, Json>> {
    let content = inside(inside(metadata, 1)?, 2)?;
    let mut parameters = BTreeMap::new();
    for (field, wire) in fields(inside(content, 3)?)? {
        if field != 1 {
            continue;
        }
        let entry = wire.as_bytes()?;
        let name = std::str::from_utf8(inside(entry, 1)?).ok()?;
        let value = match fields(inside(entry, 2)?)?.first().copied() {
            Some((2, wire)) => serde_json::Number::from_f64(wire.as_float()?).map_or(Json::Null, Json::Number),
            Some((3, wire)) => wire.as_text()?.into(),
            Some((4, Wire::Varint(value))) => (value != 0).into(),
            _ => Json::Null,
        };
        parameters.insert(name.to_owned(), value);
    }
    Some(parameters)
}

/// The first field of this number, which must be bytes.
fn inside(message: &[u8], number: u32) -> Option<&[u8]> {
    fields(message)?.into_iter().find(|(field, _)| *field == number)?.1.as_bytes()
}

/// What stands next in a file.
enum Taken<'a> {
    Record(&'a [u8]),
    Torn,
    End,
}

fn take<'a>(bytes: &mut &'a [u8], number: usize) -> Result<Taken<'a>, Broken> {
    if bytes.is_empty() {
        return Ok(Taken::End);
    }
    let Some((header, rest)) = bytes.split_first_chunk::<12>() else { return Ok(Taken::Torn) };
    let [l0, l1, l2, l3, l4, l5, l6, l7, check @ ..] = *header;
    let length = [l0, l1, l2, l3, l4, l5, l6, l7];
    if masked_crc(&length) != u32::from_le_bytes(check) {
        return Err(Broken::Checksum(number));
    }
    let length = usize::try_from(u64::from_le_bytes(length)).unwrap_or(usize::MAX);
    if length > LONGEST {
        return Err(Broken::TooLong(number));
    }
    let Some((record, rest)) = rest.split_at_checked(length) else { return Ok(Taken::Torn) };
    let Some((check, rest)) = rest.split_first_chunk::<4>() else { return Ok(Taken::Torn) };
    if masked_crc(record) != u32::from_le_bytes(*check) {
        return Err(Broken::Checksum(number));
    }
    *bytes = rest;
    Ok(Taken::Record(record))
}

fn put(file: &mut Vec<u8>, event: &Message) {
    let record = event.encoded();
    let length = (record.len() as u64).to_le_bytes();
    file.extend(length);
    file.extend(masked_crc(&length).to_le_bytes());
    file.extend(record);
    file.extend(masked_crc(record).to_le_bytes());
}

/// CRC-32C, turned by 15 bits and shifted, so that the checksum of what holds checksums is not one of their kind.
///
/// Source: `tensorflow/core/lib/hash/crc32c.h`.
fn masked_crc(bytes: &[u8]) -> u32 {
    CRC_32C.checksum(bytes).rotate_right(15).wrapping_add(0xa282_ead8)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn events() -> Events {
        let scalar = |tag: &str, step, value| Scalar { tag: tag.to_owned(), step, time: 12.5, value };
        Events {
            scalars: vec![scalar("loss", 1, 0.1), scalar("loss", 2, f64::INFINITY), scalar("ä", u64::MAX, -0.0)],
            parameters: [("lr", json!(0.1)), ("llm", json!("a")), ("on", json!(true))]
                .map(|(name, value)| (name.to_owned(), value))
                .into(),
            torn: false,
        }
    }

    #[test]
    fn what_is_written_is_read_to_the_bit() {
        assert_eq!(read(&write(&events(), "run", 10.0)).unwrap(), events());
    }

    #[test]
    fn a_file_that_ends_anywhere_keeps_its_whole_records() {
        let (whole, all) = (write(&events(), "run", 10.0), events().scalars);
        for length in 0..whole.len() {
            let read = read(&whole[..length]).unwrap();
            assert_eq!(read.scalars[..], all[..read.scalars.len()]);
        }
    }

    #[test]
    fn a_flipped_bit_is_seen() {
        let whole = write(&events(), "run", 10.0);
        for at in 0..whole.len() {
            let mut damaged = whole.clone();
            damaged[at] ^= 4;
            assert!(read(&damaged).is_err(), "byte {at}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_an_event_file_or_none(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _read = read(&bytes);
        }
    }
}

//! Protocol buffers' wire format: what TensorBoard's event files are made of.
//!
//! Source: protobuf.dev, "Encoding". Two kinds of messages with a dozen fields need no generated code.

/// A message that is being written.
#[derive(Debug, Clone, Default)]
pub struct Message(Vec<u8>);

const VARINT: u64 = 0;
const FIXED64: u64 = 1;
const BYTES: u64 = 2;
const FIXED32: u64 = 5;

impl Message {
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    #[must_use]
    pub fn varint(mut self, field: u32, value: u64) -> Self {
        self.key(field, VARINT);
        push_varint(value, &mut self.0);
        self
    }

    #[must_use]
    pub fn double(mut self, field: u32, value: f64) -> Self {
        self.key(field, FIXED64);
        self.0.extend(value.to_le_bytes());
        self
    }

    #[must_use]
    pub fn bytes(mut self, field: u32, value: &[u8]) -> Self {
        self.key(field, BYTES);
        push_varint(value.len() as u64, &mut self.0);
        self.0.extend(value);
        self
    }

    #[must_use]
    pub fn text(self, field: u32, value: &str) -> Self {
        self.bytes(field, value.as_bytes())
    }

    #[must_use]
    pub fn message(self, field: u32, value: &Self) -> Self {
        self.bytes(field, &value.0)
    }

    #[must_use]
    pub fn encoded(&self) -> &[u8] {
        &self.0
    }

    fn key(&mut self, field: u32, wire: u64) {
        push_varint(u64::from(field) << 3 | wire, &mut self.0);
    }
}

fn push_varint(mut number: u64, out: &mut Vec<u8>) {
    while number >= 0x80 {
        out.push(u8::try_from(number & 0x7f).unwrap_or_default() | 0x80);
        number >>= 7;
    }
    out.push(u8::try_from(number).unwrap_or_default());
}

/// A value as it stands on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wire<'a> {
    Varint(u64),
    Fixed64(u64),
    Bytes(&'a [u8]),
    Fixed32(u32),
}

impl<'a> Wire<'a> {
    /// Its bytes, if it is a text, a message or packed numbers.
    #[must_use]
    pub fn as_bytes(self) -> Option<&'a [u8]> {
        match self {
            Self::Bytes(bytes) => Some(bytes),
            Self::Varint(_) | Self::Fixed64(_) | Self::Fixed32(_) => None,
        }
    }

    /// The text that it is.
    #[must_use]
    pub fn as_text(self) -> Option<&'a str> {
        std::str::from_utf8(self.as_bytes()?).ok()
    }

    /// The floating-point number that it is.
    #[must_use]
    pub fn as_float(self) -> Option<f64> {
        match self {
            Self::Fixed64(bits) => Some(f64::from_bits(bits)),
            Self::Fixed32(bits) => Some(f32::from_bits(bits).into()),
            Self::Varint(_) | Self::Bytes(_) => None,
        }
    }
}

/// The fields of a message, in their order; `None` if it is none.
#[must_use]
pub fn fields(mut bytes: &[u8]) -> Option<Vec<(u32, Wire<'_>)>> {
    let mut fields = Vec::new();
    while !bytes.is_empty() {
        let key = take_varint(&mut bytes)?;
        let field = u32::try_from(key >> 3).ok()?;
        let value = match key & 7 {
            VARINT => Wire::Varint(take_varint(&mut bytes)?),
            FIXED64 => Wire::Fixed64(u64::from_le_bytes(*take(&mut bytes, 8)?.first_chunk()?)),
            BYTES => {
                let length = usize::try_from(take_varint(&mut bytes)?).ok()?;
                Wire::Bytes(take(&mut bytes, length)?)
            }
            FIXED32 => Wire::Fixed32(u32::from_le_bytes(*take(&mut bytes, 4)?.first_chunk()?)),
            _ => return None,
        };
        fields.push((field, value));
    }
    Some(fields)
}

fn take<'a>(bytes: &mut &'a [u8], count: usize) -> Option<&'a [u8]> {
    let (taken, rest) = bytes.split_at_checked(count)?;
    *bytes = rest;
    Some(taken)
}

fn take_varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let byte = *take(bytes, 1)?.first()?;
        number |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some(number);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_examples_of_the_specification_are_written_as_it_writes_them() {
        assert_eq!(Message::new().varint(1, 150).encoded(), [0x08, 0x96, 0x01]);
        assert_eq!(Message::new().text(2, "testing").encoded(), [0x12, 7, b't', b'e', b's', b't', b'i', b'n', b'g']);
        let inner = Message::new().varint(1, 150);
        assert_eq!(Message::new().message(3, &inner).encoded(), [0x1a, 3, 8, 0x96, 1]);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(number: u64, float: f64, text in ".{0,300}", field in 1_u32..536_870_911) {
            let message = Message::new().varint(field, number).double(field, float).text(field, &text);
            let expected = [Wire::Varint(number), Wire::Fixed64(float.to_bits()), Wire::Bytes(text.as_bytes())];
            let read: Vec<Wire<'_>> = fields(message.encoded()).unwrap().into_iter().map(|(_, wire)| wire).collect();
            prop_assert_eq!(&read[..], &expected[..]);
        }

        /// Bytes from anywhere are a message or none, and nothing else happens.
        #[test]
        fn any_bytes_are_looked_at(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _read = fields(&bytes);
        }
    }
}

//! Thrift's compact protocol, as far as Parquet's metadata need it: writing structs of numbers, texts and lists.
//!
//! Source: github.com/apache/thrift, `doc/specs/thrift-compact-protocol.md`.

/// A struct: fields by their numbers, ascending.
#[derive(Debug, Clone, Default)]
pub(super) struct Struct(Vec<(u8, Value)>);

#[derive(Debug, Clone)]
pub(super) enum Value {
    I32(i32),
    I64(i64),
    Text(String),
    /// Of values of one type.
    List(Vec<Value>),
    Struct(Struct),
}

impl Struct {
    pub fn new() -> Self {
        Self::default()
    }

    /// Add the next field, whose number is larger than the last one's by less than 16.
    pub fn field(mut self, number: u8, value: Value) -> Self {
        self.0.push((number, value));
        self
    }

    pub fn bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.write(&mut out);
        out
    }

    fn write(&self, out: &mut Vec<u8>) {
        let mut last = 0;
        for (number, value) in &self.0 {
            out.push((number - last) << 4 | value.kind());
            value.write(out);
            last = *number;
        }
        out.push(0);
    }
}

impl Value {
    fn kind(&self) -> u8 {
        match self {
            Self::I32(_) => 5,
            Self::I64(_) => 6,
            Self::Text(_) => 8,
            Self::List(_) => 9,
            Self::Struct(_) => 12,
        }
    }

    fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::I32(number) => varint(zigzag(i64::from(*number)), out),
            Self::I64(number) => varint(zigzag(*number), out),
            Self::Text(text) => {
                varint(text.len() as u64, out);
                out.extend(text.as_bytes());
            }
            Self::List(values) => {
                let kind = values.first().map_or(12, Value::kind);
                match u8::try_from(values.len()) {
                    Ok(length) if length < 15 => out.push(length << 4 | kind),
                    _ => {
                        out.push(0xf0 | kind);
                        varint(values.len() as u64, out);
                    }
                }
                values.iter().for_each(|value| value.write(out));
            }
            Self::Struct(value) => value.write(out),
        }
    }
}

/// Small numbers of either sign as small numbers without one.
fn zigzag(number: i64) -> u64 {
    (number << 1 ^ number >> 63).cast_unsigned()
}

/// Seven bits a byte, the lowest first, the highest bit set in all but the last.
pub(super) fn varint(mut number: u64, out: &mut Vec<u8>) {
    loop {
        let low = u8::try_from(number & 0x7f).unwrap_or_default();
        number >>= 7;
        if number == 0 {
            out.push(low);
            return;
        }
        out.push(low | 0x80);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_spelled_as_the_protocol_says() {
        for (number, bytes) in [(0, &[0][..]), (-1, &[1]), (1, &[2]), (-64, &[127]), (64, &[128, 1]), (150, &[172, 2])]
        {
            let mut out = Vec::new();
            varint(zigzag(number), &mut out);
            assert_eq!(out, bytes, "{number}");
        }
        let mut out = Vec::new();
        varint(zigzag(i64::MIN), &mut out);
        assert_eq!(out, [255, 255, 255, 255, 255, 255, 255, 255, 255, 1]);
    }

    #[test]
    fn a_long_list_says_its_length_apart() {
        let list = |length| Struct::new().field(4, Value::List(vec![Value::I32(1); length])).bytes();
        assert_eq!(list(2), [0x49, 0x25, 2, 2, 0]);
        assert_eq!(list(15)[..3], [0x49, 0xf5, 15]);
    }
}

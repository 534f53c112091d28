//! Thrift's compact protocol, as far as Parquet's metadata need it: reading structs.
//!
//! Source: github.com/apache/thrift, `doc/specs/thrift-compact-protocol.md`.

/// Structs within structs; Parquet's own go six deep.
const DEEPEST: usize = 16;

/// A struct: its fields by their numbers.
#[derive(Debug, Clone, Default)]
pub struct Struct<'a>(Vec<(i16, Value<'a>)>);

#[derive(Debug, Clone)]
enum Value<'a> {
    Bool(bool),
    Int(i64),
    Bytes(&'a [u8]),
    List(Vec<Value<'a>>),
    Struct(Struct<'a>),
    /// Of a type that no field of interest has.
    Other,
}

impl<'a> Struct<'a> {
    /// The struct that bytes begin with, and how many they are.
    ///
    /// # Errors
    /// They are cut short or none.
    pub fn read(bytes: &'a [u8]) -> Result<(Self, usize), Broken> {
        let mut reader = Reader { bytes, at: 0 };
        let read = reader.fields(DEEPEST)?;
        Ok((read, reader.at))
    }

    fn field(&self, number: i16) -> Option<&Value<'a>> {
        self.0.iter().find(|(known, _)| *known == number).map(|(_, value)| value)
    }

    pub fn int(&self, number: i16) -> Option<i64> {
        match self.field(number) {
            Some(Value::Int(value)) => Some(*value),
            _ => None,
        }
    }

    /// A number that counts something.
    pub fn count(&self, number: i16) -> Option<usize> {
        self.int(number).and_then(|value| usize::try_from(value).ok())
    }

    pub fn flag(&self, number: i16) -> Option<bool> {
        match self.field(number) {
            Some(Value::Bool(value)) => Some(*value),
            _ => None,
        }
    }

    pub fn text(&self, number: i16) -> Option<&'a str> {
        match self.field(number) {
            Some(Value::Bytes(bytes)) => std::str::from_utf8(bytes).ok(),
            _ => None,
        }
    }

    pub fn inner(&self, number: i16) -> Option<&Struct<'a>> {
        match self.field(number) {
            Some(Value::Struct(inner)) => Some(inner),
            _ => None,
        }
    }

    /// The structs of a list.
    pub fn inners(&self, number: i16) -> impl Iterator<Item = &Struct<'a>> {
        let values = match self.field(number) {
            Some(Value::List(values)) => values.as_slice(),
            _ => &[],
        };
        values.iter().filter_map(|value| match value {
            Value::Struct(inner) => Some(inner),
            _ => None,
        })
    }
}

/// Why bytes are no struct.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Broken {
    /// They end too early.
    Short,
    Malformed,
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn byte(&mut self) -> Result<u8, Broken> {
        let byte = *self.bytes.get(self.at).ok_or(Broken::Short)?;
        self.at += 1;
        Ok(byte)
    }

    fn take(&mut self, count: usize) -> Result<&'a [u8], Broken> {
        let end = self.at.checked_add(count).ok_or(Broken::Malformed)?;
        let taken = self.bytes.get(self.at..end).ok_or(Broken::Short)?;
        self.at = end;
        Ok(taken)
    }

    /// Seven bits a byte, the lowest first.
    fn varint(&mut self) -> Result<u64, Broken> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err(Broken::Malformed)
    }

    fn zigzag(&mut self) -> Result<i64, Broken> {
        let number = self.varint()?;
        Ok((number >> 1).cast_signed() ^ -(number & 1).cast_signed())
    }

    fn fields(&mut self, depth: usize) -> Result<Struct<'a>, Broken> {
        let depth = depth.checked_sub(1).ok_or(Broken::Malformed)?;
        let (mut fields, mut last) = (Vec::new(), 0i16);
        loop {
            let byte = self.byte()?;
            if byte == 0 {
                return Ok(Struct(fields));
            }
            last = match byte >> 4 {
                0 => i16::try_from(self.zigzag()?).map_err(|_| Broken::Malformed)?,
                more => last.checked_add(i16::from(more)).ok_or(Broken::Malformed)?,
            };
            let value = match byte & 0x0f {
                1 => Value::Bool(true),
                2 => Value::Bool(false),
                kind => self.value(kind, depth)?,
            };
            fields.push((last, value));
        }
    }

    fn value(&mut self, kind: u8, depth: usize) -> Result<Value<'a>, Broken> {
        match kind {
            1 | 2 => Ok(Value::Bool(self.byte()? == 1)),
            3 => Ok(Value::Int(i64::from(self.byte()?.cast_signed()))),
            4..=6 => Ok(Value::Int(self.zigzag()?)),
            7 => self.take(8).map(|_| Value::Other),
            8 => {
                let length = usize::try_from(self.varint()?).map_err(|_| Broken::Malformed)?;
                Ok(Value::Bytes(self.take(length)?))
            }
            9 | 10 => {
                let depth = depth.checked_sub(1).ok_or(Broken::Malformed)?;
                let byte = self.byte()?;
                let length = match byte >> 4 {
                    15 => self.varint()?,
                    length => u64::from(length),
                };
                // Each takes a byte at least: a length beyond the file must not ask for memory.
                (0..length).map(|_| self.value(byte & 0x0f, depth)).collect::<Result<_, _>>().map(Value::List)
            }
            12 => self.fields(depth).map(Value::Struct),
            _ => Err(Broken::Malformed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn structs_are_read_as_the_protocol_says() {
        // 1: i32 -1; 3: list of two i32; 4: text; 5: true; 20: struct { 1: i64 150 }.
        let bytes = [0x15, 1, 0x29, 0x25, 2, 4, 0x18, 2, b'a', b'b', 0x11, 0x0c, 40, 0x16, 0xac, 0x02, 0, 0, 99];
        let (read, length) = Struct::read(&bytes).unwrap();
        assert_eq!((length, read.int(1), read.text(4), read.flag(5)), (18, Some(-1), Some("ab"), Some(true)));
        assert_eq!(read.inner(20).unwrap().count(1), Some(150));
        for cut in 0..18 {
            assert_eq!(Struct::read(&bytes[..cut]).unwrap_err(), Broken::Short, "{cut}");
        }
        // A struct in a struct without end, and a list that is longer than the file.
        assert_eq!(Struct::read(&[0x1c; 100]).unwrap_err(), Broken::Malformed);
        assert_eq!(Struct::read(&[0x19, 0xf5, 0xff, 0xff, 0xff, 0xff, 0x0f]).unwrap_err(), Broken::Short);
    }
}

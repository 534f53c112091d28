//! A reader of the pickles in which torch stores tensors, that runs nothing: a pickle is a program, and of its instructions
//! only those that build data are known, of the names that it may call only those of tensors.
//!
//! What is fetched from the memo is a copy. A container that is filled after it was fetched again would differ from Python's;
//! torch's state dictionaries have none.

use std::collections::HashMap;

/// Why a pickle was not read.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    #[error("it is cut short")]
    Short,
    #[error("it has the instruction 0x{0:02x}, which no stored tensor needs")]
    Instruction(u8),
    #[error("it wants to call `{0}`, which no stored tensor needs")]
    Name(String),
    #[error("its instructions do not fit together")]
    Muddled,
}

/// A value that a pickle builds.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    None,
    Bool(bool),
    Int(i128),
    Float(f64),
    Text(String),
    Tuple(Vec<Self>),
    List(Vec<Self>),
    Dict(Vec<(Self, Self)>),
    Name(String),
    /// What `persistent_id` stands for: the tuple that names a storage.
    Storage(Vec<Self>),
    /// The arguments of `_rebuild_tensor_v2`.
    Tensor(Vec<Self>),
}

const ORDERED: &str = "collections.OrderedDict";
const TENSOR: &str = "torch._utils._rebuild_tensor_v2";
const PARAMETER: &str = "torch._utils._rebuild_parameter";
/// Storages that hold weights or counters.
pub const STORAGES: [(&str, tch::Kind); 5] = [
    ("torch.FloatStorage", tch::Kind::Float),
    ("torch.DoubleStorage", tch::Kind::Double),
    ("torch.HalfStorage", tch::Kind::Half),
    ("torch.BFloat16Storage", tch::Kind::BFloat16),
    ("torch.LongStorage", tch::Kind::Int64),
];

/// Read one pickle from the front of `bytes`; gives what is behind it too.
///
/// # Errors
/// It is cut short, or does what stored tensors do not.
pub fn read(bytes: &[u8]) -> Result<(Value, &[u8]), Error> {
    let mut machine = Machine { rest: bytes, stack: Vec::new(), marks: Vec::new(), memo: HashMap::new() };
    loop {
        let code = machine.byte()?;
        if code == b'.' {
            return Ok((machine.pop()?, machine.rest));
        }
        machine.step(code)?;
    }
}

struct Machine<'a> {
    rest: &'a [u8],
    stack: Vec<Value>,
    marks: Vec<usize>,
    memo: HashMap<u32, Value>,
}

impl<'a> Machine<'a> {
    fn step(&mut self, code: u8) -> Result<(), Error> {
        match code {
            0x80 => self.byte().map(drop),
            b'(' => {
                self.marks.push(self.stack.len());
                Ok(())
            }
            b'q' | b'h' => {
                let at = u32::from(self.byte()?);
                self.remember(code == b'q', at)
            }
            b'r' | b'j' => {
                let at = self.u32()?;
                self.remember(code == b'r', at)
            }
            b'0' => self.pop().map(drop),
            b't' | 0x85..=0x87 | b'l' | b'a' | b'e' | b's' | b'u' => self.gather(code),
            b'c' | b'Q' | b'R' | b'b' => self.call(code),
            _ => {
                let value = self.atom(code)?;
                self.stack.push(value);
                Ok(())
            }
        }
    }

    /// Values without parts.
    fn atom(&mut self, code: u8) -> Result<Value, Error> {
        Ok(match code {
            b'N' => Value::None,
            0x88 | 0x89 => Value::Bool(code == 0x88),
            b'}' => Value::Dict(Vec::new()),
            b']' => Value::List(Vec::new()),
            b')' => Value::Tuple(Vec::new()),
            b'K' => Value::Int(self.byte()?.into()),
            b'M' => Value::Int(u16::from_le_bytes(self.array()?).into()),
            b'J' => Value::Int(i32::from_le_bytes(self.array()?).into()),
            b'G' => Value::Float(f64::from_be_bytes(self.array()?)),
            0x8A => {
                let length = self.byte()?.into();
                Value::Int(long(self.take(length)?)?)
            }
            b'X' => {
                let length = self.u32()? as usize;
                let text = std::str::from_utf8(self.take(length)?).map_err(|_| Error::Muddled)?;
                Value::Text(text.to_owned())
            }
            // Texts of Python 2, in which the first checkpoints were written.
            b'U' => {
                let length = self.byte()?.into();
                Value::Text(self.take(length)?.iter().map(|&byte| char::from(byte)).collect())
            }
            other => return Err(Error::Instruction(other)),
        })
    }

    fn remember(&mut self, put: bool, at: u32) -> Result<(), Error> {
        if put {
            let top = self.stack.last().ok_or(Error::Muddled)?.clone();
            self.memo.insert(at, top);
        } else {
            self.stack.push(self.memo.get(&at).ok_or(Error::Muddled)?.clone());
        }
        Ok(())
    }

    /// Values of parts.
    fn gather(&mut self, code: u8) -> Result<(), Error> {
        let parts = match code {
            0x85..=0x87 => self.last(usize::from(code - 0x84))?,
            b'a' => self.last(1)?,
            b's' => self.last(2)?,
            _ => {
                let mark = self.marks.pop().ok_or(Error::Muddled)?;
                let count = self.stack.len().checked_sub(mark).ok_or(Error::Muddled)?;
                self.last(count)?
            }
        };
        match code {
            b't' | 0x85..=0x87 => self.stack.push(Value::Tuple(parts)),
            b'l' => self.stack.push(Value::List(parts)),
            b'a' | b'e' => match self.stack.last_mut() {
                Some(Value::List(list)) => list.extend(parts),
                _ => return Err(Error::Muddled),
            },
            _ => match self.stack.last_mut() {
                Some(Value::Dict(entries)) => {
                    let mut parts = parts.into_iter();
                    while let (Some(key), Some(value)) = (parts.next(), parts.next()) {
                        entries.push((key, value));
                    }
                }
                _ => return Err(Error::Muddled),
            },
        }
        Ok(())
    }

    /// Names, and what is done with them.
    fn call(&mut self, code: u8) -> Result<(), Error> {
        let value = match code {
            b'c' => {
                let name = format!("{}.{}", self.line()?, self.line()?);
                let known = [ORDERED, TENSOR, PARAMETER].contains(&name.as_str())
                    || STORAGES.iter().any(|(storage, _)| *storage == name);
                if !known {
                    return Err(Error::Name(name));
                }
                Value::Name(name)
            }
            b'Q' => match self.pop()? {
                Value::Tuple(parts) => Value::Storage(parts),
                _ => return Err(Error::Muddled),
            },
            b'R' => match (self.pop()?, self.pop()?) {
                (Value::Tuple(arguments), Value::Name(name)) => called(&name, arguments)?,
                _ => return Err(Error::Muddled),
            },
            // Attributes of an ordered dictionary are notes on versions.
            _ => {
                self.pop()?;
                return Ok(());
            }
        };
        self.stack.push(value);
        Ok(())
    }

    fn last(&mut self, count: usize) -> Result<Vec<Value>, Error> {
        let at = self.stack.len().checked_sub(count).ok_or(Error::Muddled)?;
        Ok(self.stack.split_off(at))
    }

    fn pop(&mut self) -> Result<Value, Error> {
        self.stack.pop().ok_or(Error::Muddled)
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], Error> {
        let (taken, rest) = self.rest.split_at_checked(length).ok_or(Error::Short)?;
        self.rest = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Error> {
        self.take(N)?.try_into().map_err(|_| Error::Short)
    }

    fn byte(&mut self) -> Result<u8, Error> {
        self.array::<1>().map(|[byte]| byte)
    }

    fn u32(&mut self) -> Result<u32, Error> {
        self.array().map(u32::from_le_bytes)
    }

    fn line(&mut self) -> Result<&'a str, Error> {
        let length = self.rest.iter().position(|&byte| byte == b'\n').ok_or(Error::Short)?;
        let line = std::str::from_utf8(self.take(length)?).map_err(|_| Error::Muddled);
        self.take(1)?;
        line
    }
}

/// What a call of the few known names gives.
fn called(name: &str, arguments: Vec<Value>) -> Result<Value, Error> {
    match name {
        ORDERED if arguments.is_empty() => Ok(Value::Dict(Vec::new())),
        TENSOR => Ok(Value::Tensor(arguments)),
        PARAMETER => arguments.into_iter().next().ok_or(Error::Muddled),
        _ => Err(Error::Name(name.to_owned())),
    }
}

/// A whole number in two's complement, lowest byte first.
fn long(bytes: &[u8]) -> Result<i128, Error> {
    if bytes.len() > 16 {
        return Err(Error::Muddled);
    }
    let fill = if bytes.last().is_some_and(|&byte| byte >= 0x80) { 0xFF } else { 0 };
    let mut wide = [fill; 16];
    wide.iter_mut().zip(bytes).for_each(|(wide, &byte)| *wide = byte);
    Ok(i128::from_le_bytes(wide))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_texts_and_containers_are_built() {
        let bytes =
            b"\x80\x02}q\x00(X\x01\x00\x00\x00aq\x01K\x05h\x01\x8a\x01\xff\x88G?\xf0\x00\x00\x00\x00\x00\x00u.rest";
        let (value, rest) = read(bytes).unwrap();
        let a = || Value::Text("a".to_owned());
        let entries = vec![(a(), Value::Int(5)), (a(), Value::Int(-1)), (Value::Bool(true), Value::Float(1.0))];
        assert_eq!((value, rest), (Value::Dict(entries), &b"rest"[..]));
    }

    #[test]
    fn what_would_run_something_is_refused_by_name() {
        assert_eq!(read(b"\x80\x02cos\nsystem\nX\x02\x00\x00\x00ls\x85R."), Err(Error::Name("os.system".to_owned())));
        // Protocol 4's way to name things, and old ways to call them.
        for code in [0x93, b'i', b'o', 0x81, 0x92] {
            assert_eq!(read(&[0x80, 2, code, b'.']), Err(Error::Instruction(code)));
        }
    }

    #[test]
    fn no_damage_is_a_panic() {
        let whole = b"\x80\x02ccollections\nOrderedDict\nq\x00)Rq\x01(X\x01\x00\x00\x00aK\x05us.";
        for length in 0..whole.len() {
            assert!(read(&whole[..length]).is_err());
            let mut damaged = whole.to_vec();
            for byte in [0, b'u', b't', b'R', b'Q', b'b', b'h', 0x87, 0xFF] {
                damaged[length] = byte;
                drop(read(&damaged));
            }
        }
    }
}

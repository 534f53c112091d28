//! One page: levels, and the values of those entries that have one.

use std::io::Read;
use std::ops::Range;
use std::sync::Arc;

use serde_json::Value;

use super::footer::{Chunk, Codec, Kind, Leaf};
use super::thrift::Struct;

/// The largest page that is unpacked; pyarrow's have a megabyte, or one value.
const LARGEST: usize = 1 << 30;

/// A single value.
#[derive(Debug, Clone)]
pub enum Scalar {
    Bool(bool),
    Int(i64),
    Float(f64),
    /// Within a page or a dictionary.
    Bytes(Arc<Vec<u8>>, Range<usize>),
}

impl Scalar {
    pub fn bytes(&self) -> Option<&[u8]> {
        match self {
            Self::Bytes(page, range) => page.get(range.clone()),
            _ => None,
        }
    }

    /// The value of a cell.
    ///
    /// # Errors
    /// It is no text.
    pub fn json(&self) -> Result<Value, String> {
        match self {
            Self::Bool(value) => Ok((*value).into()),
            Self::Int(value) => Ok((*value).into()),
            Self::Float(value) => Ok((*value).into()),
            Self::Bytes(..) => {
                let text = std::str::from_utf8(self.bytes().unwrap_or_default());
                text.map(Value::from).map_err(|error| format!("a text is not UTF-8: {error}"))
            }
        }
    }
}

/// What a page has: of each entry its levels, of each that is there its value.
#[derive(Debug, Default)]
pub struct Page {
    /// 0 where a row begins.
    pub repeats: Vec<u32>,
    pub levels: Vec<u32>,
    pub values: Vec<Scalar>,
}

/// How a page says that it is written.
#[derive(Debug, Clone, Copy)]
pub struct Header {
    pub kind: PageKind,
    pub entries: usize,
    encoding: i64,
    unpacked: usize,
    pub packed: usize,
    /// Bytes of repeats and levels before what is packed, and whether it is; pages of the second version.
    apart: Option<(usize, usize, bool)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PageKind {
    Data,
    Dictionary,
    Other,
}

impl Header {
    pub fn of(said: &Struct<'_>) -> Option<Self> {
        let (unpacked, packed) = (said.count(2).filter(|size| *size <= LARGEST)?, said.count(3)?);
        let of = |kind, inner: &Struct<'_>, encoding: i16, apart| {
            Some(Self { kind, entries: inner.count(1)?, encoding: inner.int(encoding)?, unpacked, packed, apart })
        };
        match said.int(1)? {
            0 => {
                let inner = said.inner(5)?;
                // Levels of old files may be written otherwise.
                let usual = [3, 4].iter().all(|&levels| inner.int(levels).is_none_or(|encoding| encoding == RLE));
                usual.then(|| of(PageKind::Data, inner, 2, None)).flatten()
            }
            2 => of(PageKind::Dictionary, said.inner(7)?, 2, None),
            3 => {
                let inner = said.inner(8)?;
                let apart = (inner.count(6)?, inner.count(5)?, inner.flag(7).unwrap_or(true));
                of(PageKind::Data, inner, 4, Some(apart))
            }
            _ => Some(Self { kind: PageKind::Other, entries: 0, encoding: 0, unpacked, packed, apart: None }),
        }
    }
}

const PLAIN: i64 = 0;
const OLD_DICTIONARY: i64 = 2;
const RLE: i64 = 3;
const DICTIONARY: i64 = 8;

const DAMAGED: &str = "a page is damaged";

/// The values of a dictionary.
pub fn dictionary(header: Header, bytes: Vec<u8>, chunk: &Chunk, kind: Kind) -> Result<Vec<Scalar>, String> {
    let page = unpack(chunk.codec, bytes, header.unpacked)?;
    plain(&Arc::new(page), 0, kind, header.entries)
}

/// A page of data.
pub fn data(
    header: Header,
    bytes: Vec<u8>,
    (chunk, leaf): (&Chunk, &Leaf),
    dictionary: &[Scalar],
) -> Result<Page, String> {
    let entries = header.entries;
    let (repeats, levels, page, begin) = match header.apart {
        Some((repeats, levels, packed)) => {
            let before = repeats.checked_add(levels).ok_or(DAMAGED)?;
            let read = |range: Range<usize>, deepest: u32| match deepest {
                0 => Ok(vec![0; entries]),
                deepest => runs(bytes.get(range).ok_or(DAMAGED)?, width(deepest), entries),
            };
            let (repeats, levels) = (read(0..repeats, leaf.repeated)?, read(repeats..before, leaf.deepest)?);
            let rest = bytes.get(before..).ok_or(DAMAGED)?.to_vec();
            let size = header.unpacked.checked_sub(before).ok_or(DAMAGED)?;
            let codec = if packed { chunk.codec } else { Codec::Plain };
            (repeats, levels, unpack(codec, rest, size)?, 0)
        }
        None => {
            let page = unpack(chunk.codec, bytes, header.unpacked)?;
            let mut at = 0;
            let mut read = |deepest: u32| match deepest {
                0 => Ok(vec![0; entries]),
                deepest => sized(&page, &mut at).and_then(|runs_of| runs(runs_of, width(deepest), entries)),
            };
            let (repeats, levels) = (read(leaf.repeated)?, read(leaf.deepest)?);
            (repeats, levels, page, at)
        }
    };
    let there = levels.iter().filter(|&&level| level == leaf.deepest).count();
    let page = Arc::new(page);
    let values = match header.encoding {
        PLAIN => plain(&page, begin, leaf.kind, there)?,
        OLD_DICTIONARY | DICTIONARY => looked_up(page.get(begin..).ok_or(DAMAGED)?, dictionary, there)?,
        RLE if leaf.kind == Kind::Bool => {
            let bits = runs(sized(&page, &mut { begin })?, 1, there)?;
            bits.into_iter().map(|bit| Scalar::Bool(bit == 1)).collect()
        }
        other => return Err(format!("a page is written in a way that is not read here (encoding {other})")),
    };
    Ok(Page { repeats, levels, values })
}

/// Bits that numbers up to this one take.
const fn width(largest: u32) -> u32 {
    u32::BITS - largest.leading_zeros()
}

fn unpack(codec: Codec, bytes: Vec<u8>, size: usize) -> Result<Vec<u8>, String> {
    let unpacked = match codec {
        Codec::Plain => bytes,
        Codec::Snappy => {
            let known = snap::raw::decompress_len(&bytes).map_err(|error| error.to_string())?;
            if known != size {
                return Err(DAMAGED.to_owned());
            }
            snap::raw::Decoder::new().decompress_vec(&bytes).map_err(|error| error.to_string())?
        }
        Codec::Gzip => {
            let mut unpacked = Vec::new();
            let decoder = flate2::read::MultiGzDecoder::new(bytes.as_slice());
            decoder.take(size as u64).read_to_end(&mut unpacked).map_err(|error| error.to_string())?;
            unpacked
        }
    };
    if unpacked.len() == size { Ok(unpacked) } else { Err(DAMAGED.to_owned()) }
}

/// What follows four bytes that say how long it is.
fn sized<'a>(page: &'a [u8], at: &mut usize) -> Result<&'a [u8], String> {
    let rest = page.get(*at..).ok_or(DAMAGED)?;
    let (length, rest) = rest.split_first_chunk::<4>().ok_or(DAMAGED)?;
    let length = u32::from_le_bytes(*length) as usize;
    *at += 4 + length;
    Ok(rest.get(..length).ok_or(DAMAGED)?)
}

/// `count` numbers of `width` bits, in runs of one value and in packs of eight.
fn runs(mut bytes: &[u8], width: u32, count: usize) -> Result<Vec<u32>, String> {
    // Every run takes a byte: entries beyond that are no reason to ask for memory.
    let mut numbers = Vec::with_capacity(count.min(bytes.len().saturating_mul(64)));
    if width > 32 {
        return Err(DAMAGED.to_owned());
    }
    while numbers.len() < count {
        let header = varint(&mut bytes)?;
        let left = count - numbers.len();
        if header & 1 == 0 {
            let (value, rest) = bytes.split_at_checked(width.div_ceil(8) as usize).ok_or(DAMAGED)?;
            bytes = rest;
            let value = value.iter().rev().fold(0, |value: u32, byte| value << 8 | u32::from(*byte));
            let length = usize::try_from(header >> 1).map_err(|_| DAMAGED)?;
            numbers.extend(std::iter::repeat_n(value, length.min(left)));
            if length == 0 {
                return Err(DAMAGED.to_owned());
            }
        } else {
            let packs = usize::try_from(header >> 1).map_err(|_| DAMAGED)?;
            let length = packs.checked_mul(width as usize).ok_or(DAMAGED)?;
            // The last pack may be cut short behind its last number.
            let (packed, rest) = bytes.split_at(length.min(bytes.len()));
            bytes = rest;
            let there = packs.saturating_mul(8).min(left);
            if there == 0 {
                return Err(DAMAGED.to_owned());
            }
            for place in 0..there {
                numbers.push(bits(packed, place * width as usize, width).ok_or(DAMAGED)?);
            }
        }
    }
    Ok(numbers)
}

/// The number of `width` bits that begins at a bit, the lowest first.
fn bits(packed: &[u8], begin: usize, width: u32) -> Option<u32> {
    let end = begin + width as usize;
    let bytes = packed.get(begin / 8..end.div_ceil(8))?;
    let all = bytes.iter().rev().fold(0u64, |all, byte| all << 8 | u64::from(*byte));
    let mask = (1u64 << width) - 1;
    Some((all >> (begin % 8) & mask) as u32)
}

fn varint(bytes: &mut &[u8]) -> Result<u64, String> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = bytes.split_first().ok_or(DAMAGED)?;
        *bytes = rest;
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Ok(number);
        }
    }
    Err(DAMAGED.to_owned())
}

/// Values by their numbers in the dictionary.
fn looked_up(bytes: &[u8], dictionary: &[Scalar], count: usize) -> Result<Vec<Scalar>, String> {
    if count == 0 {
        return Ok(Vec::new());
    }
    let (width, rest) = bytes.split_first().ok_or(DAMAGED)?;
    let numbers = runs(rest, u32::from(*width), count)?;
    let value = |number: u32| dictionary.get(number as usize).cloned().ok_or_else(|| DAMAGED.to_owned());
    numbers.into_iter().map(value).collect()
}

/// Values one after the other.
fn plain(page: &Arc<Vec<u8>>, begin: usize, kind: Kind, count: usize) -> Result<Vec<Scalar>, String> {
    let bytes = page.get(begin..).ok_or(DAMAGED)?;
    let fixed = |size: usize| {
        let length = count.checked_mul(size).ok_or(DAMAGED)?;
        bytes.get(..length).map(|bytes| bytes.chunks_exact(size)).ok_or(DAMAGED)
    };
    let four = |bytes: &[u8]| bytes.try_into().map_or(0, u32::from_le_bytes);
    let eight = |bytes: &[u8]| bytes.try_into().map_or(0, u64::from_le_bytes);
    match kind {
        Kind::Bool => {
            let bit = |place| bits(bytes, place, 1).map(|bit| Scalar::Bool(bit == 1)).ok_or_else(|| DAMAGED.to_owned());
            (0..count).map(bit).collect()
        }
        Kind::Int32 => Ok(fixed(4)?.map(|bytes| Scalar::Int(i64::from(four(bytes).cast_signed()))).collect()),
        Kind::Int64 => Ok(fixed(8)?.map(|bytes| Scalar::Int(eight(bytes).cast_signed())).collect()),
        Kind::Float => Ok(fixed(4)?.map(|bytes| Scalar::Float(f64::from(f32::from_bits(four(bytes))))).collect()),
        Kind::Double => Ok(fixed(8)?.map(|bytes| Scalar::Float(f64::from_bits(eight(bytes)))).collect()),
        Kind::Other => Err("its values are of a type that is not read here".to_owned()),
        Kind::Bytes => {
            let mut at = begin;
            let mut next = || {
                let length = sized(page, &mut at)?.len();
                Ok(Scalar::Bytes(Arc::clone(page), at - length..at))
            };
            (0..count).map(|_| next()).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_and_packs_are_read_as_the_format_says() {
        // The format's own example: 0 to 7 in three bits.
        assert_eq!(runs(&[0x03, 0x88, 0xc6, 0xfa], 3, 8).unwrap(), [0, 1, 2, 3, 4, 5, 6, 7]);
        // Five times 300 in nine bits, then a pack that is cut behind its second number.
        assert_eq!(runs(&[0x0a, 0x2c, 0x01, 0x03, 0x01, 0x04, 0x00], 9, 7).unwrap()[3..], [300, 300, 1, 2]);
        assert_eq!(runs(&[0x06], 0, 3).unwrap(), [0, 0, 0]);
        for broken in [&[][..], &[0x00], &[0x01], &[0x03, 0x88], &[0x80; 12]] {
            assert!(runs(broken, 3, 8).is_err(), "{broken:?}");
        }
        assert!(runs(&[0x0a, 1, 1, 1, 1, 1], 40, 5).is_err());
    }
}

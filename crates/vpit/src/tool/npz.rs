//! Statistics of features in numpy's `.npz`, as pytorch-fid reads and writes them: `mu` and `sigma`, beside them `n` if
//! it is known.

use std::fs::File;
use std::io::{Cursor, Read, Write};
use std::path::{Path, PathBuf};

use score::frechet::{self, Normal};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

/// Why statistics cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot read `{}`", path.display())]
    Read { path: PathBuf, source: std::io::Error },
    #[error("`{}` holds no statistics: {problem}", path.display())]
    Format { path: PathBuf, problem: String },
    #[error("`{}` cannot be used", path.display())]
    Unusable { path: PathBuf, source: frechet::Error },
    #[error(transparent)]
    Write(#[from] runfile::Error),
}

/// Largest array that is read, in numbers: a header must not ask for all memory.
const LARGEST: usize = 1 << 26;

/// The statistics in the file, and of how many images they are, if it says so (pytorch-fid's does not).
///
/// # Errors
/// It is missing, no `.npz`, or does not hold statistics.
pub fn read(path: &Path) -> Result<(Normal, Option<u64>), Error> {
    let file = File::open(path).map_err(|source| Error::Read { path: path.to_owned(), source })?;
    let fail = |problem: String| Error::Format { path: path.to_owned(), problem };
    let mut archive = ZipArchive::new(file).map_err(|error| fail(error.to_string()))?;
    let mut array = |name: &str| -> Result<(Vec<usize>, Vec<f64>), Error> {
        let mut bytes = Vec::new();
        let limit = 8 * LARGEST as u64;
        let entry = archive.by_name(&format!("{name}.npy")).map_err(|_| fail(format!("it has no `{name}`")))?;
        entry.take(limit).read_to_end(&mut bytes).map_err(|error| fail(format!("`{name}`: {error}")))?;
        parse(&bytes).map_err(|problem| fail(format!("`{name}`: {problem}")))
    };
    let (_, mean) = array("mu")?;
    let (shape, covariance) = array("sigma")?;
    if shape.as_slice() != [mean.len(), mean.len()] {
        return Err(fail(format!("`mu` has {} numbers and `sigma` the shape {shape:?}", mean.len())));
    }
    let n = array("n").ok().and_then(|(_, n)| n.first().map(|&n| n as u64));
    let normal = Normal::new(mean, covariance);
    Ok((normal.map_err(|source| Error::Unusable { path: path.to_owned(), source })?, n))
}

/// Write the statistics of `n` images.
///
/// # Errors
/// The file cannot be written.
pub fn write(path: &Path, statistics: &Normal, n: u64) -> Result<(), Error> {
    let dim = statistics.mean().len();
    let packed = pack(&[
        ("mu", format!("({dim},)"), statistics.mean()),
        ("sigma", format!("({dim}, {dim})"), statistics.covariance()),
        ("n", "()".to_owned(), &[n as f64]),
    ]);
    let fail = |error: zip::result::ZipError| Error::Format { path: path.to_owned(), problem: error.to_string() };
    Ok(runfile::files::write_bytes(path, &packed.map_err(fail)?)?)
}

fn pack(arrays: &[(&str, String, &[f64])]) -> zip::result::ZipResult<Vec<u8>> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    for (name, shape, numbers) in arrays {
        writer.start_file(format!("{name}.npy"), options)?;
        writer.write_all(&header(shape))?;
        let bytes: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
        writer.write_all(&bytes)?;
    }
    Ok(writer.finish()?.into_inner())
}

const MAGIC: [u8; 6] = *b"\x93NUMPY";

/// The header of an array of f64, of a length that numpy likes: a multiple of 64.
fn header(shape: &str) -> Vec<u8> {
    let mut text = format!("{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}, }}");
    let before = MAGIC.len() + 4;
    text.extend(std::iter::repeat_n(' ', 63 - (before + text.len()) % 64));
    text.push('\n');
    let length = (text.len() as u16).to_le_bytes();
    [&MAGIC[..], &[1, 0], &length, text.as_bytes()].concat()
}

/// Shape and numbers of a `.npy`.
fn parse(bytes: &[u8]) -> Result<(Vec<usize>, Vec<f64>), String> {
    let cut = || "it is cut short".to_owned();
    let rest = bytes.strip_prefix(&MAGIC).ok_or("it is no array of numpy")?;
    let (&[major, _], rest) = rest.split_first_chunk::<2>().ok_or_else(cut)?;
    let (length, rest) = if major == 1 {
        let (&length, rest) = rest.split_first_chunk::<2>().ok_or_else(cut)?;
        (usize::from(u16::from_le_bytes(length)), rest)
    } else {
        let (&length, rest) = rest.split_first_chunk::<4>().ok_or_else(cut)?;
        (u32::from_le_bytes(length) as usize, rest)
    };
    let (header, data) = rest.split_at_checked(length).ok_or_else(cut)?;
    let header = std::str::from_utf8(header).map_err(|_| "its header is no text")?;
    // Whether rows or columns come first does not matter: a covariance is symmetric, and a mean has one axis.
    numbers(header, data)
}

fn numbers(header: &str, data: &[u8]) -> Result<(Vec<usize>, Vec<f64>), String> {
    let value = |key: &str| header.split_once(key).map(|(_, rest)| rest.trim_start_matches([':', ' ']));
    let shape = value("'shape'").and_then(|rest| rest.strip_prefix('(')?.split_once(')')).ok_or("it has no shape")?.0;
    let sizes = shape.split(',').map(str::trim).filter(|size| !size.is_empty());
    let sizes: Vec<usize> =
        sizes.map(str::parse).collect::<Result<_, _>>().map_err(|_| format!("its shape is ({shape})"))?;
    let count = sizes.iter().try_fold(1usize, |count, &size| count.checked_mul(size)).filter(|&count| count <= LARGEST);
    let count = count.ok_or_else(|| format!("its shape ({shape}) is too large"))?;
    let kind = value("'descr'").and_then(|rest| rest.strip_prefix('\'')?.split_once('\'')).ok_or("it has no type")?.0;
    let numbers: Vec<f64> = match kind {
        "<f8" => each(data, f64::from_le_bytes),
        "<f4" => each(data, |bytes| f64::from(f32::from_le_bytes(bytes))),
        "<i8" => each(data, |bytes| i64::from_le_bytes(bytes) as f64),
        other => return Err(format!("its numbers are of type `{other}`, not f8 or f4")),
    };
    if numbers.len() == count {
        Ok((sizes, numbers))
    } else {
        Err(format!("it has {} numbers and the shape ({shape})", numbers.len()))
    }
}

fn each<const N: usize>(data: &[u8], number: impl Fn([u8; N]) -> f64) -> Vec<f64> {
    data.chunks_exact(N).filter_map(|bytes| bytes.try_into().ok()).map(number).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn normal() -> Normal {
        Normal::new(vec![1.0, 2.0], vec![3.0, 0.5, 0.5, 4.0]).unwrap()
    }

    #[test]
    fn statistics_survive_their_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.npz");
        write(&path, &normal(), 7).unwrap();
        assert_eq!(read(&path).unwrap(), (normal(), Some(7)));
    }

    #[test]
    fn what_holds_no_statistics_is_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.npz");
        let problem = |bytes: &[u8]| {
            std::fs::write(&path, bytes).unwrap();
            read(&path).unwrap_err().to_string()
        };
        assert!(problem(b"no archive").contains("a.npz"));
        assert!(problem(&pack(&[("mu", "(1,)".into(), &[1.0])]).unwrap()).contains("no `sigma`"));
        let shapes = pack(&[("mu", "(1,)".into(), &[1.0]), ("sigma", "(2, 1)".into(), &[1.0; 2])]).unwrap();
        assert!(problem(&shapes).contains("the shape [2, 1]"));
        let lies = pack(&[("mu", "(9999999999,)".into(), &[1.0])]).unwrap();
        assert!(problem(&lies).contains("too large"));
        let nan = pack(&[("mu", "(1,)".into(), &[f64::NAN]), ("sigma", "(1, 1)".into(), &[1.0])]).unwrap();
        assert!(problem(&nan).contains("cannot be used"));
        std::fs::remove_file(&path).unwrap();
        assert!(matches!(read(&path), Err(Error::Read { .. })));
    }

    #[test]
    fn a_header_ends_where_numpy_expects_it() {
        for shape in ["()", "(2048,)", "(2048, 2048)"] {
            assert_eq!(header(shape).len() % 64, 0);
        }
    }
}

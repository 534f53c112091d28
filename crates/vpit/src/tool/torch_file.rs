//! Tensors from a file of `torch.save`, old (pickles one after another, then bytes) or new (an archive), without torch's
//! pickle and without running anything that the file says.

use std::collections::HashMap;
use std::io::{Cursor, Read};

use tch::{Kind, Tensor};
use zip::ZipArchive;

use super::pickle::{self, STORAGES, Value, read};

/// The first number of an old file.
const MAGIC: i128 = 0x1950_A86A_20F9_469C_FC6C;

/// The tensors of the state dictionary in `bytes`, by name.
///
/// # Errors
/// It is no file of torch, is damaged, or holds anything but a dictionary of tensors.
pub fn tensors(bytes: &[u8]) -> Result<Vec<(String, Tensor)>, String> {
    let (state, storages) = if bytes.starts_with(b"PK") { new(bytes)? } else { old(bytes)? };
    let Value::Dict(entries) = state else { return Err("it holds no dictionary of tensors".to_owned()) };
    let tensor = |(name, value): (Value, Value)| match (name, value) {
        (Value::Text(name), Value::Tensor(arguments)) => {
            let tensor = rebuilt(&arguments, &storages).ok_or_else(|| format!("the tensor `{name}` is damaged"))?;
            Ok((name, tensor))
        }
        (Value::Text(name), _) => Err(format!("`{name}` is no tensor: is it a whole training state?")),
        _ => Err("its names are no texts".to_owned()),
    };
    entries.into_iter().map(tensor).collect()
}

/// The bytes of each storage by its key.
type Storages = HashMap<String, Vec<u8>>;

fn old(bytes: &[u8]) -> Result<(Value, Storages), String> {
    let say = |error: pickle::Error| error.to_string();
    let no_file = || "it is no file of torch.save".to_owned();
    let (magic, rest) = read(bytes).map_err(|_| no_file())?;
    if magic != Value::Int(MAGIC) {
        return Err(no_file());
    }
    let (_version, rest) = read(rest).map_err(say)?;
    let (_system, rest) = read(rest).map_err(say)?;
    let (state, rest) = read(rest).map_err(say)?;
    let (keys, mut rest) = read(rest).map_err(say)?;
    let sizes = sizes(&state);
    let Value::List(keys) = keys else { return Err("it has no list of storages".to_owned()) };
    let mut storages = Storages::new();
    for key in keys {
        let Value::Text(key) = key else { return Err("the name of a storage is no text".to_owned()) };
        let short = || format!("it is cut short in storage `{key}`");
        let (&count, behind) = rest.split_first_chunk::<8>().ok_or_else(short)?;
        let size = sizes.get(&key).copied().unwrap_or(0);
        let length = usize::try_from(i64::from_le_bytes(count)).ok().and_then(|count| count.checked_mul(size));
        let (data, behind) = length.and_then(|length| behind.split_at_checked(length)).ok_or_else(short)?;
        storages.insert(key, data.to_vec());
        rest = behind;
    }
    Ok((state, storages))
}

/// Bytes of a number in each storage that `state` uses.
fn sizes(state: &Value) -> HashMap<String, usize> {
    let Value::Dict(entries) = state else { return HashMap::new() };
    let storage = |(_, value): &(Value, Value)| match value {
        Value::Tensor(arguments) => {
            storage(arguments.first()?).map(|(kind, key)| (key.to_owned(), kind.elt_size_in_bytes()))
        }
        _ => None,
    };
    entries.iter().filter_map(storage).collect()
}

fn new(bytes: &[u8]) -> Result<(Value, Storages), String> {
    let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(|error| error.to_string())?;
    let names: Vec<String> = archive.file_names().map(str::to_owned).collect();
    let mut entry = |name: &str| -> Result<Vec<u8>, String> {
        let mut data = Vec::new();
        let mut file = archive.by_name(name).map_err(|error| format!("`{name}`: {error}"))?;
        file.read_to_end(&mut data).map_err(|error| format!("`{name}`: {error}"))?;
        Ok(data)
    };
    let pickle = names.iter().find(|name| name.ends_with("/data.pkl"));
    let pickle = pickle.ok_or("it is an archive, but none of torch.save: it has no `data.pkl`")?;
    let folder = pickle.trim_end_matches("data.pkl");
    if entry(&format!("{folder}byteorder")).is_ok_and(|order| order.starts_with(b"big")) {
        return Err("its numbers have their highest byte first".to_owned());
    }
    let (state, _) = read(&entry(pickle)?).map(|(state, _)| (state, ())).map_err(|error| error.to_string())?;
    let mut storages = Storages::new();
    for name in &names {
        if let Some(key) = name.strip_prefix(folder).and_then(|name| name.strip_prefix("data/")) {
            storages.insert(key.to_owned(), entry(name)?);
        }
    }
    Ok((state, storages))
}

/// Type and key of `('storage', type, key, place, count)`.
fn storage(value: &Value) -> Option<(Kind, &str)> {
    let Value::Storage(parts) = value else { return None };
    let [Value::Text(_), Value::Name(kind), Value::Text(key), ..] = parts.as_slice() else { return None };
    let (_, kind) = STORAGES.iter().find(|(name, _)| name == kind)?;
    Some((*kind, key))
}

/// The tensor of `(storage, offset, size, stride, ...)`, copied out; none if it reaches beyond its storage.
fn rebuilt(arguments: &[Value], storages: &Storages) -> Option<Tensor> {
    let [source, Value::Int(offset), Value::Tuple(size), Value::Tuple(stride), ..] = arguments else { return None };
    let (kind, key) = storage(source)?;
    let data = storages.get(key)?;
    let count = i64::try_from(data.len() / kind.elt_size_in_bytes()).ok()?;
    let (size, stride, offset) = (numbers(size)?, numbers(stride)?, i64::try_from(*offset).ok()?);
    if size.len() != stride.len() {
        return None;
    }
    let reach = size
        .iter()
        .zip(&stride)
        .try_fold(offset, |reach, (&size, &stride)| reach.checked_add((size - 1).max(0).checked_mul(stride)?))?;
    let elements = size.iter().try_fold(1i64, |product, &size| product.checked_mul(size))?;
    if offset < 0 || reach >= count.max(1) || elements > count {
        return None;
    }
    let whole =
        Tensor::f_from_data_size(data.get(..count as usize * kind.elt_size_in_bytes())?, &[count], kind).ok()?;
    Some(whole.f_as_strided(&size, &stride, offset).ok()?.contiguous())
}

fn numbers(values: &[Value]) -> Option<Vec<i64>> {
    let number = |value: &Value| match value {
        Value::Int(number) => i64::try_from(*number).ok().filter(|&number| number >= 0),
        _ => None,
    };
    values.iter().map(number).collect()
}

//! Tables.

use super::{Asked, Item};
use crate::Result;
use crate::report::table::scores;

pub(super) fn item(asked: Asked) -> Result<Item> {
    let measures = asked.measures()?;
    let mut item = Item::new(asked, &measures)?;
    item.data = asked.frame.wide(&measures).map_err(|error| asked.error(format!("its data make no frame: {error}")))?;
    item.tables.push((String::new(), scores(asked.frame, &measures, &item.title)));
    Ok(item)
}

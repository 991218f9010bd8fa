//! The table of frame classes: facts computed once for each Python class, and declared interests.

use std::collections::HashMap;
use std::sync::{Arc, Weak};

use pipecat_engine as engine;
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyTuple, PyType};

use super::ffi::{GilCell, type_address};

struct Known {
    class: engine::Class,
    /// Kept alive: the table is keyed by address. Also names the class in snapshots.
    type_: Py<PyType>,
}

struct Declared {
    /// The tuple of classes, as the processor class declares it.
    classes: Py<PyTuple>,
    interest: Weak<engine::Interest>,
    /// Kept for the next processor of the same class; a task's tap keeps its own.
    kept: Option<Arc<engine::Interest>>,
}

struct Table {
    /// The class seen last: most pushes repeat it.
    last: (usize, engine::Class),
    known: HashMap<usize, Known>,
    by_id: Vec<usize>,
    declared: Vec<Declared>,
}

const UNKNOWN: engine::Class = engine::Class { id: 0, kind: engine::Kind::Other, bits: engine::Bits(0) };

static TABLE: GilCell<Option<Table>> = GilCell::new(None);
static CLASSIFY: PyOnceLock<Py<PyAny>> = PyOnceLock::new();

fn with_table<R>(py: Python<'_>, f: impl FnOnce(&mut Table) -> R) -> R {
    TABLE.with(py, |table| {
        f(table.get_or_insert_with(|| Table {
            last: (0, UNKNOWN),
            known: HashMap::new(),
            by_id: Vec::new(),
            declared: Vec::new(),
        }))
    })
}

/// Set the function that computes a class's facts (`frames.classification.engine_bits`).
pub(crate) fn set_classifier(py: Python<'_>, classify: Py<PyAny>) {
    let _already = CLASSIFY.set(py, classify);
}

/// The class of a frame object.
#[inline(always)]
pub(crate) fn class_of(frame: &Bound<'_, PyAny>) -> PyResult<engine::Class> {
    let address = type_address(frame);
    let (last, class) = with_table(frame.py(), |table| table.last);
    if last == address {
        return Ok(class);
    }
    class_of_type(frame, address)
}

fn class_of_type(frame: &Bound<'_, PyAny>, address: usize) -> PyResult<engine::Class> {
    let py = frame.py();
    let known = with_table(py, |table| {
        let class = table.known.get(&address).map(|known| known.class)?;
        table.last = (address, class);
        Some(class)
    });
    match known {
        Some(class) => Ok(class),
        None => intern(&frame.get_type(), address),
    }
}

/// From now on each frame of a class is asked whether it may be dropped.
pub(crate) fn mark_own_words(type_: &Bound<'_, PyType>) {
    with_table(type_.py(), |table| {
        table.last = (0, UNKNOWN);
        if let Some(known) = table.known.get_mut(&(type_.as_ptr() as usize)) {
            known.class.bits = known.class.bits.with(engine::Bits::OWN_WORDS);
        }
    });
}

/// The class of a Python type.
pub(crate) fn class_for_type(type_: &Bound<'_, PyType>) -> PyResult<engine::Class> {
    let address = type_.as_ptr() as usize;
    match with_table(type_.py(), |table| table.known.get(&address).map(|known| known.class)) {
        Some(class) => Ok(class),
        None => intern(type_, address),
    }
}

#[cold]
fn intern(type_: &Bound<'_, PyType>, address: usize) -> PyResult<engine::Class> {
    let py = type_.py();
    let number: u32 = match CLASSIFY.get(py) {
        Some(classify) => classify.bind(py).call1((type_,))?.extract()?,
        None => 0,
    };
    // Whoever handles this class already declared it: tell the declarations before anybody meets a
    // frame of it. `issubclass` may run Python, so not while the table is in use.
    let declared: Vec<(Py<PyTuple>, Arc<engine::Interest>)> = with_table(py, |table| {
        let live =
            table.declared.iter().filter_map(|d| Some((d.classes.clone_ref(py), d.interest.upgrade()?)));
        live.collect()
    });
    let mut interested = Vec::new();
    for (classes, interest) in declared {
        if type_.is_subclass(classes.bind(py).as_any())? {
            interested.push(interest);
        }
    }
    Ok(with_table(py, |table| {
        if let Some(known) = table.known.get(&address) {
            return known.class;
        }
        let id = u16::try_from(table.by_id.len()).unwrap_or(u16::MAX - 1);
        let class = engine::Class {
            id,
            kind: engine::Kind::from_number((number >> 8) as u8),
            bits: engine::Bits(number as u8),
        };
        for interest in interested {
            interest.add(id);
        }
        table.by_id.push(address);
        table.known.insert(address, Known { class, type_: type_.clone().unbind() });
        class
    }))
}

/// The interest that a tuple of classes declares; one for all tuples of the same classes, since it
/// is kept for good.
pub(crate) fn interest_in(classes: &Bound<'_, PyTuple>) -> PyResult<Arc<engine::Interest>> {
    let py = classes.py();
    let found = with_table(py, |table| {
        let kept = |declared: &Declared| {
            let same = same_classes(declared.classes.bind(py), classes);
            declared.kept.clone().filter(|_| same)
        };
        table.declared.iter().find_map(kept)
    });
    if let Some(interest) = found {
        return Ok(interest);
    }
    let interest = Arc::new(engine::Interest::default());
    declare(classes, &interest, Some(Arc::clone(&interest)))?;
    Ok(interest)
}

fn same_classes(one: &Bound<'_, PyTuple>, other: &Bound<'_, PyTuple>) -> bool {
    one.is(other)
        || one.len() == other.len() && one.iter().zip(other.iter()).all(|(one, other)| one.is(&other))
}

/// Let an interest cover a tuple of classes, and what is derived from them later.
pub(crate) fn extend(classes: &Bound<'_, PyTuple>, interest: &Arc<engine::Interest>) -> PyResult<()> {
    declare(classes, interest, None)
}

fn declare(
    classes: &Bound<'_, PyTuple>,
    interest: &Arc<engine::Interest>,
    kept: Option<Arc<engine::Interest>>,
) -> PyResult<()> {
    let py = classes.py();
    for class in classes.iter() {
        class.cast::<PyType>().map_err(|_| {
            let text = class.repr().map_or_else(|_| "?".to_owned(), |text| text.to_string());
            PyTypeError::new_err(format!("handles: {text} is not a frame class"))
        })?;
    }
    let types: Vec<(Py<PyType>, u16)> = with_table(py, |table| {
        table.known.values().map(|known| (known.type_.clone_ref(py), known.class.id)).collect()
    });
    for (type_, id) in types {
        if type_.bind(py).is_subclass(classes.as_any())? {
            interest.add(id);
        }
    }
    let gone = with_table(py, |table| {
        table.declared.push(Declared {
            classes: classes.clone().unbind(),
            interest: Arc::downgrade(interest),
            kept,
        });
        table.declared.extract_if(.., |declared| declared.interest.strong_count() == 0).collect::<Vec<_>>()
    });
    drop(gone);
    Ok(())
}

/// The name of a class by its number.
pub(crate) fn class_name(py: Python<'_>, id: u16) -> String {
    let type_ = with_table(py, |table| {
        let address = table.by_id.get(usize::from(id))?;
        table.known.get(address).map(|known| known.type_.clone_ref(py))
    });
    type_.and_then(|type_| type_.bind(py).name().ok().map(|name| name.to_string())).unwrap_or_default()
}

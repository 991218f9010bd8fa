//! Every `unsafe` of the project, behind functions named by what they do.
#![allow(unsafe_code)]

use std::cell::RefCell;
use std::os::raw::{c_char, c_int, c_uint, c_void};

use pyo3::ffi;
use pyo3::prelude::*;

/// State that belongs to whoever holds the GIL.
///
/// The borrow must not outlive a statement that could run Python: a nested access is a bug, and
/// panics instead of aliasing.
pub(crate) struct GilCell<T>(RefCell<T>);

// SAFETY: the content is reached only through `with`, which takes a `Python` token as proof that
// this thread holds the GIL, through `peek`, which only the garbage collector calls (it holds the
// GIL too), or through `&mut self`. So accesses of different threads are ordered by the GIL, and
// the `RefCell` turns a nested one into a panic. The module is declared `gil_used = true`, so a
// free-threaded interpreter switches its GIL on. Exercised by tests/border/test_threads.py.
unsafe impl<T: Send> Sync for GilCell<T> {}

impl<T> GilCell<T> {
    pub(crate) const fn new(value: T) -> Self {
        Self(RefCell::new(value))
    }

    /// Use the content. `f` must not run Python code.
    #[inline(always)]
    pub(crate) fn with<R>(&self, _py: Python<'_>, f: impl FnOnce(&mut T) -> R) -> R {
        f(&mut self.0.borrow_mut())
    }

    /// Look from `__traverse__`; `None` while somebody uses it.
    pub(crate) fn peek(&self) -> Option<std::cell::Ref<'_, T>> {
        self.0.try_borrow().ok()
    }
}

/// Use Python if this thread holds the GIL; `None` if it does not. Never waits for it.
pub(crate) fn if_attached<R>(f: impl FnOnce(Python<'_>) -> R) -> Option<R> {
    // SAFETY: the check says that this thread is attached; the token lives no longer than the call,
    // which does not detach it. Exercised by tests/api/processors/audio/test_native_vad.py.
    unsafe { (ffi::PyGILState_Check() == 1).then(|| f(Python::assume_attached())) }
}

/// What a step of a coroutine ended with.
pub(crate) enum Sent<'py> {
    /// It returned.
    Returned,
    /// It waits for this.
    Yielded(Bound<'py, PyAny>),
    /// It raised.
    Raised(PyErr),
}

/// Step a coroutine or iterator once.
#[inline(always)]
pub(crate) fn send<'py>(coroutine: &Bound<'py, PyAny>) -> Sent<'py> {
    let py = coroutine.py();
    let mut result: *mut ffi::PyObject = std::ptr::null_mut();
    // SAFETY: all pointers are live for the call; PyIter_Send takes any object, and on RETURN and
    // NEXT it hands over a new reference in `result`. Exercised by every test that moves a frame.
    unsafe {
        match ffi::PyIter_Send(coroutine.as_ptr(), ffi::Py_None(), &mut result) {
            ffi::PySendResult::PYGEN_RETURN => {
                ffi::Py_DECREF(result);
                Sent::Returned
            }
            ffi::PySendResult::PYGEN_NEXT => Sent::Yielded(Bound::from_owned_ptr(py, result)),
            ffi::PySendResult::PYGEN_ERROR => Sent::Raised(PyErr::fetch(py)),
        }
    }
}

/// `object.name(first, second)` without an argument tuple.
#[inline(always)]
pub(crate) fn call_method_2<'py>(
    object: &Bound<'py, PyAny>,
    name: &Bound<'py, pyo3::types::PyString>,
    first: &Bound<'py, PyAny>,
    second: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyAny>> {
    let arguments = [object.as_ptr(), first.as_ptr(), second.as_ptr()];
    // SAFETY: the array holds 3 live borrowed references, as many as announced; the offset flag
    // lets the callee use arguments[-1]... of the vector that begins at `self`, which is allowed
    // because the method call itself owns that place. A new reference or NULL comes back.
    unsafe {
        let result = ffi::PyObject_VectorcallMethod(
            name.as_ptr(),
            arguments.as_ptr(),
            3 | ffi::PY_VECTORCALL_ARGUMENTS_OFFSET,
            std::ptr::null_mut(),
        );
        Bound::from_owned_ptr_or_err(object.py(), result)
    }
}

/// Whether a coroutine can be sent to as it is, without `__await__`.
#[inline(always)]
pub(crate) fn is_coroutine(object: &Bound<'_, PyAny>) -> bool {
    // SAFETY: reads the type of a live object.
    unsafe { ffi::PyCoro_CheckExact(object.as_ptr()) != 0 }
}

/// Enter a context; [`exit_context`] must follow on the same thread.
#[inline(always)]
pub(crate) fn enter_context(context: &Bound<'_, PyAny>) -> PyResult<()> {
    // SAFETY: the object was made by `copy_current_context` or `copy_context`; an error is reported.
    match unsafe { ffi::PyContext_Enter(context.as_ptr()) } {
        0 => Ok(()),
        _ => Err(PyErr::fetch(context.py())),
    }
}

/// Leave the context that was entered last.
#[inline(always)]
pub(crate) fn exit_context(context: &Bound<'_, PyAny>) -> PyResult<()> {
    // SAFETY: as for `enter_context`.
    match unsafe { ffi::PyContext_Exit(context.as_ptr()) } {
        0 => Ok(()),
        _ => Err(PyErr::fetch(context.py())),
    }
}

/// A copy of the context that is current on this thread.
pub(crate) fn copy_current_context(py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
    // SAFETY: returns a new reference or NULL with an error set.
    unsafe { Bound::from_owned_ptr_or_err(py, ffi::PyContext_CopyCurrent()) }
}

/// A copy of a context.
pub(crate) fn copy_context<'py>(context: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    // SAFETY: as above.
    unsafe { Bound::from_owned_ptr_or_err(context.py(), ffi::PyContext_Copy(context.as_ptr())) }
}

/// An empty context.
pub(crate) fn new_context(py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
    // SAFETY: as above.
    unsafe { Bound::from_owned_ptr_or_err(py, ffi::PyContext_New()) }
}

/// The address of an object's type, as an identity.
#[inline(always)]
pub(crate) fn type_address(object: &Bound<'_, PyAny>) -> usize {
    // SAFETY: reads the type pointer of a live object.
    unsafe { ffi::Py_TYPE(object.as_ptr()) as usize }
}

// ---- the ready awaitable
//
// What `push_frame` returns: a coroutine (users hand it to `create_task`, `gather`, `wait_for`) that
// is over at its first step. A type of raw slots with `am_send` costs a tenth of a hop less than
// one made with PyO3's `__next__`. It has no state, so one object serves everybody for ever.

unsafe extern "C" fn ready_self(object: *mut ffi::PyObject) -> *mut ffi::PyObject {
    // SAFETY: the interpreter passes a live object; a new reference is due.
    unsafe { ffi::Py_INCREF(object) };
    object
}

unsafe extern "C" fn ready_next(_object: *mut ffi::PyObject) -> *mut ffi::PyObject {
    std::ptr::null_mut() // NULL without an error is StopIteration(None)
}

unsafe extern "C" fn ready_send(
    _object: *mut ffi::PyObject,
    _value: *mut ffi::PyObject,
    result: *mut *mut ffi::PyObject,
) -> ffi::PySendResult {
    // SAFETY: `result` is the interpreter's place for a new reference.
    unsafe {
        let none = ffi::Py_None();
        ffi::Py_INCREF(none);
        *result = none;
    }
    ffi::PySendResult::PYGEN_RETURN
}

unsafe extern "C" fn ready_method_send(
    _object: *mut ffi::PyObject,
    _value: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    // SAFETY: sets an error and returns NULL, as the calling convention asks.
    unsafe { ffi::PyErr_SetNone(ffi::PyExc_StopIteration) };
    std::ptr::null_mut()
}

unsafe extern "C" fn ready_method_throw(
    _object: *mut ffi::PyObject,
    arguments: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    // SAFETY: `arguments` is a live tuple; item 0 is borrowed; an error is set in every case.
    unsafe {
        let error = ffi::PyTuple_GetItem(arguments, 0);
        if !error.is_null() {
            if ffi::PyType_Check(error) != 0 {
                ffi::PyErr_SetNone(error);
            } else {
                ffi::PyErr_SetObject(ffi::Py_TYPE(error).cast(), error);
            }
        }
    }
    std::ptr::null_mut()
}

unsafe extern "C" fn ready_method_close(
    _object: *mut ffi::PyObject,
    _value: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    // SAFETY: returns a new reference to None.
    unsafe {
        let none = ffi::Py_None();
        ffi::Py_INCREF(none);
        none
    }
}

/// Make the type and its one object.
pub(crate) fn make_ready_awaitable(py: Python<'_>) -> PyResult<Py<PyAny>> {
    let method = |name: &'static std::ffi::CStr, function, flags| ffi::PyMethodDef {
        ml_name: name.as_ptr(),
        ml_meth: ffi::PyMethodDefPointer { PyCFunction: function },
        ml_flags: flags,
        ml_doc: std::ptr::null(),
    };
    let methods = Box::leak(Box::new([
        method(c"send", ready_method_send, ffi::METH_O),
        method(c"throw", ready_method_throw, ffi::METH_VARARGS),
        method(c"close", ready_method_close, ffi::METH_NOARGS),
        ffi::PyMethodDef::zeroed(),
    ]));
    let slot = |slot, pfunc| ffi::PyType_Slot { slot, pfunc };
    let mut slots = [
        slot(ffi::Py_am_await, ready_self as *mut c_void),
        slot(ffi::Py_am_send, ready_send as *mut c_void),
        slot(ffi::Py_tp_iter, ready_self as *mut c_void),
        slot(ffi::Py_tp_iternext, ready_next as *mut c_void),
        slot(ffi::Py_tp_methods, methods.as_mut_ptr().cast()),
        slot(0, std::ptr::null_mut()),
    ];
    let mut spec = ffi::PyType_Spec {
        name: c"pipecat_rs._core.Ready".as_ptr().cast::<c_char>(),
        basicsize: size_of::<ffi::PyObject>() as c_int,
        itemsize: 0,
        flags: ffi::Py_TPFLAGS_DEFAULT as c_uint,
        slots: slots.as_mut_ptr(),
    };
    // SAFETY: the spec and its slots live through the call, which copies what it needs; the method
    // table is leaked because the type keeps a pointer to it. Both calls return new references.
    unsafe {
        let kind = Bound::from_owned_ptr_or_err(py, ffi::PyType_FromSpec(&mut spec))?;
        let object = ffi::PyType_GenericAlloc(kind.as_ptr().cast(), 0);
        Ok(Bound::from_owned_ptr_or_err(py, object)?.unbind())
    }
}

// ---- coroutine methods
//
// A native method is no coroutine function to `inspect`, and frameworks ask before they await. This
// descriptor forwards calls to the native method (about 10 ns) and shows everything else of a
// Python `async def` that serves as its face: code, signature, documentation.

// SAFETY: as CPython declares it in `classobject.h`; pyo3's bindings leave it out.
unsafe extern "C" {
    fn PyMethod_New(function: *mut ffi::PyObject, object: *mut ffi::PyObject) -> *mut ffi::PyObject;
}

#[repr(C)]
struct CoroutineMethod {
    base: ffi::PyObject,
    vectorcall: Option<ffi::vectorcallfunc>,
    native: *mut ffi::PyObject,
    name: *mut ffi::PyObject,
    qualname: *mut ffi::PyObject,
    module: *mut ffi::PyObject,
    doc: *mut ffi::PyObject,
    code: *mut ffi::PyObject,
    defaults: *mut ffi::PyObject,
    kwdefaults: *mut ffi::PyObject,
    annotations: *mut ffi::PyObject,
    wrapped: *mut ffi::PyObject,
}

unsafe extern "C" fn coroutine_method_call(
    callable: *mut ffi::PyObject,
    arguments: *const *mut ffi::PyObject,
    count: usize,
    names: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    // SAFETY: only objects of our type have this function; the arguments are passed on untouched.
    unsafe { ffi::PyObject_Vectorcall((*callable.cast::<CoroutineMethod>()).native, arguments, count, names) }
}

unsafe extern "C" fn coroutine_method_get(
    method: *mut ffi::PyObject,
    object: *mut ffi::PyObject,
    _owner: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    // SAFETY: a new reference is due: to the method itself on the class, to a bound one otherwise.
    unsafe {
        if object.is_null() || object == ffi::Py_None() {
            ffi::Py_INCREF(method);
            return method;
        }
        PyMethod_New(method, object)
    }
}

fn coroutine_method_type(py: Python<'_>) -> PyResult<Py<PyAny>> {
    let member = |name: &'static std::ffi::CStr, kind, offset: usize| ffi::PyMemberDef {
        name: name.as_ptr(),
        type_code: kind,
        offset: offset as ffi::Py_ssize_t,
        flags: ffi::Py_READONLY,
        doc: std::ptr::null(),
    };
    let object = |name, offset| member(name, ffi::Py_T_OBJECT_EX, offset);
    let offset = std::mem::offset_of!(CoroutineMethod, vectorcall);
    let members = Box::leak(Box::new([
        member(c"__vectorcalloffset__", ffi::Py_T_PYSSIZET, offset),
        object(c"__name__", std::mem::offset_of!(CoroutineMethod, name)),
        object(c"__qualname__", std::mem::offset_of!(CoroutineMethod, qualname)),
        object(c"__doc__", std::mem::offset_of!(CoroutineMethod, doc)),
        object(c"__code__", std::mem::offset_of!(CoroutineMethod, code)),
        object(c"__defaults__", std::mem::offset_of!(CoroutineMethod, defaults)),
        object(c"__kwdefaults__", std::mem::offset_of!(CoroutineMethod, kwdefaults)),
        object(c"__annotations__", std::mem::offset_of!(CoroutineMethod, annotations)),
        object(c"__wrapped__", std::mem::offset_of!(CoroutineMethod, wrapped)),
        // SAFETY: all zeros is the end of the table.
        unsafe { std::mem::zeroed() },
    ]));
    let slot = |slot, pfunc| ffi::PyType_Slot { slot, pfunc };
    let mut slots = [
        slot(ffi::Py_tp_call, ffi::PyVectorcall_Call as *mut c_void),
        slot(ffi::Py_tp_descr_get, coroutine_method_get as *mut c_void),
        slot(ffi::Py_tp_members, members.as_mut_ptr().cast()),
        slot(0, std::ptr::null_mut()),
    ];
    let flags = ffi::Py_TPFLAGS_DEFAULT | ffi::Py_TPFLAGS_METHOD_DESCRIPTOR | ffi::Py_TPFLAGS_HAVE_VECTORCALL;
    let mut spec = ffi::PyType_Spec {
        name: c"pipecat_rs._core.CoroutineMethod".as_ptr().cast::<c_char>(),
        basicsize: size_of::<CoroutineMethod>() as c_int,
        itemsize: 0,
        flags: flags as c_uint,
        slots: slots.as_mut_ptr(),
    };
    // SAFETY: the spec and its slots live through the call; the member table is leaked because the
    // type keeps a pointer to it. A new reference or NULL comes back.
    unsafe { Ok(Bound::from_owned_ptr_or_err(py, ffi::PyType_FromSpec(&mut spec))?.unbind()) }
}

/// A method that calls `native` and looks like `face`, an `async def` function.
pub(crate) fn make_coroutine_method(
    face: &Bound<'_, PyAny>,
    native: &Bound<'_, PyAny>,
) -> PyResult<Py<PyAny>> {
    static TYPE: pyo3::sync::PyOnceLock<Py<PyAny>> = pyo3::sync::PyOnceLock::new();
    let py = face.py();
    let kind = TYPE.get_or_try_init(py, || coroutine_method_type(py))?;
    // SAFETY: the allocation is zeroed and of our layout, so every field may be written. Each field
    // takes a reference of its own, which lives as long as the object: as long as the class it is
    // put into, that is, as long as the process.
    unsafe {
        let object = ffi::PyType_GenericAlloc(kind.as_ptr().cast(), 0);
        let made = Bound::from_owned_ptr_or_err(py, object)?;
        let method = object.cast::<CoroutineMethod>();
        (*method).vectorcall = Some(coroutine_method_call);
        (*method).native = native.clone().into_ptr();
        (*method).wrapped = face.clone().into_ptr();
        (*method).name = face.getattr("__name__")?.into_ptr();
        (*method).qualname = face.getattr("__qualname__")?.into_ptr();
        (*method).module = face.getattr("__module__")?.into_ptr();
        (*method).doc = face.getattr("__doc__")?.into_ptr();
        (*method).code = face.getattr("__code__")?.into_ptr();
        (*method).defaults = face.getattr("__defaults__")?.into_ptr();
        (*method).kwdefaults = face.getattr("__kwdefaults__")?.into_ptr();
        (*method).annotations = face.getattr("__annotations__")?.into_ptr();
        Ok(made.unbind())
    }
}

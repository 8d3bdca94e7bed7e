"""The kernels in WebAssembly, run without a browser: against NumPy and the error function."""

import ctypes
import math

import numpy as np
import pytest
import wasmtime

from bookkit.live import kernel

PAGES = 32  # of 64 kB


@pytest.fixture(scope="module")
def machine():
    """The exported functions, and the memory as an array of float32."""
    store = wasmtime.Store()
    module = wasmtime.Module(store.engine, kernel.assembled())
    memory = wasmtime.Memory(store, wasmtime.MemoryType(wasmtime.Limits(PAGES, None)))
    exports = wasmtime.Instance(store, module, [memory]).exports(store)
    pointer = ctypes.cast(memory.data_ptr(store), ctypes.POINTER(ctypes.c_float))
    floats = np.ctypeslib.as_array(pointer, (PAGES * 16_384,))
    return {name: lambda *args, f=exports[name]: f(store, *args) for name in exports}, floats


def put(floats: np.ndarray, *arrays: np.ndarray) -> list[int]:
    """Lay arrays one behind the other, from float 4 on; where each begins, in bytes."""
    places, at = [], 4
    for array in arrays:
        floats[at : at + array.size] = array.ravel()
        places.append(4 * at)
        at += -(-array.size // 4) * 4
    return places


@pytest.mark.parametrize(("bias", "add"), [(False, 0), (False, 1), (True, 0), (True, 1)])
@pytest.mark.parametrize("rows", range(1, 10))
def test_product_is_numpys_and_writes_nothing_else(machine, rows, bias, add):
    functions, floats = machine
    generator = np.random.default_rng(rows)
    for inner, columns in [(1, 8), (3, 16), (28, 16), (96, 288)]:
        x, w, b, y = (
            generator.standard_normal(shape).astype("f4")
            for shape in [(rows, inner), (inner, columns), columns, (rows, columns)]
        )
        guard = np.full(64, 7.0, "f4")
        at_x, at_w, at_b, at_y, at_guard = put(floats, x, w, b, y, guard)
        functions["matmul"](at_y, at_x, at_w, at_b * bias, rows, inner, columns, add)
        got = floats[at_y // 4 :][: y.size].reshape(y.shape)
        wanted = x.astype("f8") @ w + b * bias + y * add
        assert np.abs(got - wanted).max() < 1e-4
        assert (floats[at_guard // 4 :][:64] == 7).all()
        assert (floats[at_x // 4 :][: x.size] == x.ravel()).all()


def test_gelu_is_the_exact_one_and_not_the_form_by_tanh(machine):
    functions, floats = machine
    values = np.linspace(-12, 12, 40_000, dtype="f4")
    (at,) = put(floats, values)
    floats[at // 4 + values.size] = 7.0
    functions["gelu"](at, values.size)
    exact = np.array([0.5 * v * (1 + math.erf(v / math.sqrt(2))) for v in values.astype("f8")])
    by_tanh = 0.5 * values * (1 + np.tanh(math.sqrt(2 / math.pi) * (values + 0.044715 * values**3)))
    error = np.abs(floats[at // 4 :][: values.size] - exact).max()
    assert error < 2e-6 < 1e-4 < np.abs(by_tanh - exact).max()
    assert floats[at // 4 + values.size] == 7


def test_it_is_small_and_says_what_it_needs():
    assert len(kernel.assembled()) < 2_000
    module = wasmtime.Module(wasmtime.Engine(), kernel.assembled())
    assert [(one.module, one.name) for one in module.imports] == [("page", "memory")]
    assert [one.name for one in module.exports] == ["matmul", "gelu"]

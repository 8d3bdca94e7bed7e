"""The kernels in WebAssembly: a matrix product and GELU, four numbers at a time (SIMD).

`source` writes them as text, `assembled` makes of it the module that `kernels.js` calls; that file
also says what the two take, and holds their plain twins. A tile of the product is four rows by
eight columns: its sums stay in registers while a column of x and a row of w go by, so that each
number that is loaded is used four or eight times.

>>> len(assembled()) < 2_000
True
"""

import functools
import re
from pathlib import Path

import wasmtime

ROWS, VECTORS = 4, 2
"""Of a tile: rows, and columns in vectors of four."""
NAMES = "y x w bias rows inner columns add"
WHERE = "line width from start end bias_at y_at k"
"""Numbers that the product keeps, in bytes: see `product`."""


def each(text: str, **counts: int) -> str:
    """The text once for every combination of numbers that its names in braces take."""
    lines = [text]
    for name, count in counts.items():
        lines = [
            line.replace(f"{{{name}}}", str(k)).replace(f"{{{name} * 16}}", str(16 * k))
            for line in lines
            for k in range(count)
        ]
    return "\n".join(lines)


def tile(rows: int) -> str:
    """All columns of some rows of y, and then x, y and rows moved on to the next."""
    return f"""
      {next_lines(rows)}
      (local.set $start (local.get $w))
      (local.set $end (i32.add (local.get $w) (local.get $width)))
      (local.set $bias_at (local.get $bias))
      (local.set $y_at (local.get $y))
      (loop $across
        {each(CLEAR, r=rows, c=VECTORS)}
        (if (local.get $bias) (then {each(ADD_BIAS, r=rows, c=VECTORS)}))
        (local.set $k (i32.const 0))
        (local.set $from (local.get $start))
        (loop $along
          {each(LOAD, c=VECTORS)}
          {multiply(rows)}
          (local.set $from (i32.add (local.get $from) (local.get $width)))
          (local.set $k (i32.add (local.get $k) (i32.const 4)))
          (br_if $along (i32.lt_u (local.get $k) (local.get $line))))
        (local.set $from (local.get $y_at))
        {stored(rows)}
        (local.set $y_at (i32.add (local.get $y_at) (i32.const {16 * VECTORS})))
        (local.set $bias_at (i32.add (local.get $bias_at) (i32.const {16 * VECTORS})))
        (local.set $start (i32.add (local.get $start) (i32.const {16 * VECTORS})))
        (br_if $across (i32.lt_u (local.get $start) (local.get $end))))
      (local.set $x (i32.add (local.get $x) (i32.mul (local.get $line) (i32.const {rows}))))
      (local.set $y (i32.add (local.get $y) (i32.mul (local.get $width) (i32.const {rows}))))
      (local.set $rows (i32.sub (local.get $rows) (i32.const {rows})))"""


CLEAR = "(local.set $sum{r}{c} (v128.const i32x4 0 0 0 0))"
ADD_BIAS = "(local.set $sum{r}{c} (v128.load offset={c * 16} (local.get $bias_at)))"
LOAD = "(local.set $w{c} (v128.load offset={c * 16} (local.get $from)))"
MULTIPLY = (
    "(local.set $sum{r}{c} "
    "(f32x4.add (local.get $sum{r}{c}) (f32x4.mul (local.get $s) (local.get $w{c}))))"
)
ADD_OLD = (
    "(local.set $sum{r}{c} "
    "(f32x4.add (local.get $sum{r}{c}) (v128.load offset={c * 16} (local.get $from))))"
)
STORE = "(v128.store offset={c * 16} (local.get $from) (local.get $sum{r}{c}))"
DOWN = "(local.set $from (i32.add (local.get $from) (local.get $width)))"


def next_lines(rows: int) -> str:
    """Where each row of x begins."""
    first = "(local.set $x0 (local.get $x))"
    more = [
        f"(local.set $x{r} (i32.add (local.get $x{r - 1}) (local.get $line)))"
        for r in range(1, rows)
    ]
    return "\n".join([first, *more])


def multiply(rows: int) -> str:
    """One number of each row of x, times a row of w."""
    spread = "(local.set $s (v128.load32_splat (i32.add (local.get $x{r}) (local.get $k))))"
    lines = [
        each(spread.replace("{r}", str(r)) + MULTIPLY.replace("{r}", str(r)), c=VECTORS)
        for r in range(rows)
    ]
    return "\n".join(lines)


def stored(rows: int) -> str:
    """The sums to y, row after row, on top of what is there if asked for."""
    lines = []
    for r in range(rows):
        old, new = (each(text.replace("{r}", str(r)), c=VECTORS) for text in (ADD_OLD, STORE))
        lines += [f"(if (local.get $add) (then {old}))", new, DOWN]
    return "\n".join(lines)


def product() -> str:
    """`line` and `width` are the lengths of a row of x and of y; the rest goes through them."""
    numbers = each("(local $x{r} i32)", r=ROWS)
    numbers += "".join(f"(local ${name} i32)" for name in WHERE.split())
    vectors = "(local $s v128)" + each("(local $w{c} v128)", c=VECTORS)
    vectors += each("(local $sum{r}{c} v128)", r=ROWS, c=VECTORS)
    return f"""
  (func (export "matmul") {"".join(f"(param ${name} i32)" for name in NAMES.split())}
    {numbers} {vectors}
    (local.set $line (i32.shl (local.get $inner) (i32.const 2)))
    (local.set $width (i32.shl (local.get $columns) (i32.const 2)))
    (block $few (loop $four
      (br_if $few (i32.lt_u (local.get $rows) (i32.const {ROWS})))
      {tile(ROWS)}
      (br $four)))
    (block $done (loop $one
      (br_if $done (i32.eqz (local.get $rows)))
      {tile(1)}
      (br $one))))"""


def constant(value: float) -> str:
    return f"(v128.const f32x4 {' '.join([repr(value)] * 4)})"


def polynomial(factors: list[float]) -> str:
    """In $q, by Horner's rule."""
    value = constant(factors[0])
    for factor in factors[1:]:
        value = f"(f32x4.add (f32x4.mul {value} (local.get $q)) {constant(factor)})"
    return value


def gelu() -> str:
    """x / 2 · (1 + erf(x / √2)), with the same numbers as kernels.js has."""
    above, below = erf_factors()
    return f"""
  (func (export "gelu") (param $x i32) (param $count i32)
    (local $value v128) (local $z v128) (local $q v128) (local $end i32)
    (local.set $end (i32.add (local.get $x) (i32.shl (local.get $count) (i32.const 2))))
    (loop $next
      (local.set $value (v128.load (local.get $x)))
      (local.set $z (f32x4.mul (local.get $value) {constant(0.5**0.5)}))
      (local.set $z (f32x4.max {constant(-4.0)} (f32x4.min {constant(4.0)} (local.get $z))))
      (local.set $q (f32x4.mul (local.get $z) (local.get $z)))
      (v128.store (local.get $x)
        (f32x4.mul (f32x4.mul (local.get $value) {constant(0.5)})
          (f32x4.add {constant(1.0)}
            (f32x4.div (f32x4.mul (local.get $z) {polynomial(above)}) {polynomial(below)}))))
      (local.set $x (i32.add (local.get $x) (i32.const 16)))
      (br_if $next (i32.lt_u (local.get $x) (local.get $end)))))"""


def erf_factors() -> tuple[list[float], list[float]]:
    """Of the numerator and the denominator, from where they are written down."""
    script = Path(__file__).with_name("kernels.js").read_text("utf-8")
    above, below = (
        [float(factor) for factor in re.findall(r"-?\d[\d.]*(?:e-\d+)?", numbers)]
        for numbers in re.findall(r"^const (?:ABOVE|BELOW) = \[(.*?)\];", script, re.M | re.S)
    )
    return above, below


def source() -> str:
    """The module as text: it works in the page's memory."""
    return f'(module (import "page" "memory" (memory 1)) {product()} {gelu()})'


@functools.cache
def assembled() -> bytes:
    """The module."""
    return bytes(wasmtime.wat2wasm(source()))

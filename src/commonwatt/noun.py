"""What every noun is: read-only arrays whose shape stands in their type, and that can be cut in time.

Letters: T slots of the window, N members, K devices, A accounts, M meters, G places with a limit, R rows of a table.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Annotated, Any, ClassVar, Self, cast, get_args, get_type_hints

import numpy as np
from numpy.typing import NDArray

from .clock import Clock
from .errors import ContractError

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]
Index = NDArray[np.int64]
Words = NDArray[np.str_]
TN = Annotated[Array, "T", "N"]
TK = Annotated[Array, "T", "K"]
TM = Annotated[Array, "T", "M"]
TG = Annotated[Array, "T", "G"]
TA = Annotated[Array, "T", "A"]
PerSlot = Annotated[Array, "T"]
PerMember = Annotated[Array, "N"]
PerDevice = Annotated[Array, "K"]
PerAccount = Annotated[Array, "A"]
OpenTN = Annotated[Mask, "T", "N"]
OpenT = Annotated[Mask, "T"]
RowIndex = Annotated[Index, "R"]
Row = Annotated[Array, "R"]

Carry = Mapping[str, Array]
"""What a stage remembers for its next window; the pipeline hands it on and never reads it."""

_known: dict[type, dict[str, tuple[str, ...]]] = {}
_held: dict[type, tuple[tuple[str, tuple[str, ...]], ...]] = {}


def _shapes(noun: type[Noun]) -> dict[str, tuple[str, ...]]:
    """Letters of every field, none for those without a shape; read off the annotations once per class."""
    if noun not in _known:
        hints = get_type_hints(noun, include_extras=True)
        _known[noun] = {f.name: _dimensions(hints[f.name]) for f in fields(noun)}
    return _known[noun]


def _arrays(noun: type[Noun]) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Fields that hold arrays, with their letters."""
    if noun not in _held:
        _held[noun] = tuple((name, dims) for name, dims in _shapes(noun).items() if dims)
    return _held[noun]


def _dimensions(hint: Any) -> tuple[str, ...]:
    """The letters in an annotation, also of ``TN | None``."""
    for part in (hint, *get_args(hint)):
        if hasattr(part, "__metadata__"):
            return tuple(part.__metadata__)
    return ()


@dataclass(frozen=True, eq=False, kw_only=True)
class Noun:
    """Checks that letters agree and cuts windows. An array given to a noun is given away: read-only from then on."""

    TIMELESS: ClassVar[tuple[str, ...]] = ()
    """Properties that follow from fields without slots: worked out once, and handed on to every window."""

    def __post_init__(self) -> None:
        sizes: dict[str, int] = {}
        have = self.__dict__
        for name, dims in _arrays(type(self)):
            value = have[name]
            if value is None:
                continue
            for array in (value,) if isinstance(value, np.ndarray) else value.values():
                if array.shape != tuple([sizes.get(letter, -1) for letter in dims]):
                    self._learn(name, array.shape, dims, sizes)
                array.flags.writeable = False

    def _learn(self, name: str, shape: tuple[int, ...], dims: tuple[str, ...], sizes: dict[str, int]) -> None:
        """Notes the size of letters met for the first time; refuses a shape that contradicts those known."""
        agrees = len(shape) == len(dims)
        for letter, size in zip(dims, shape, strict=False):
            agrees = agrees and sizes.setdefault(letter, size) == size
        if not agrees:
            raise ContractError(
                f"{type(self).__name__}.{name} has shape {shape} (§2: {dims} with {sizes}); broadcast it"
            )

    def window(self, start: int, stop: int) -> Self:
        """The same over slots `start` to `stop`: views, no copies, nothing to check again.

        Dispatch, market, audit and sums ask for the same stretch one after the other: the last one is kept.
        """
        last = self.__dict__.get("_last_cut")
        if last and last[:2] == (start, stop):
            return cast(Self, last[2])
        cut = object.__new__(type(self))
        have, put = self.__dict__, cut.__dict__
        for name, dims in _shapes(type(self)).items():
            put[name] = _cut(have[name], dims, start, stop)
        for name in self.TIMELESS:
            put[name] = getattr(self, name)
        have["_last_cut"] = start, stop, cut
        return cut

    @classmethod
    def in_turn(cls, parts: Sequence[Self], **whole: Any) -> Self:
        """Stretches of time that follow each other as one; `whole` names what is not an array over slots."""
        joined = {
            name: _in_turn([getattr(part, name) for part in parts])
            for name, dims in _shapes(cls).items()
            if dims[:1] == ("T",) and getattr(parts[0], name) is not None
        }
        return replace(parts[-1], **joined, **whole)


@dataclass(frozen=True, eq=False, kw_only=True)
class Table(Noun):
    """A noun of parallel arrays whose last axis is its rows."""

    @classmethod
    def joined(cls, *parts: Self) -> Self:
        """All rows, in the order given."""
        return cls(**{f.name: np.concatenate([getattr(p, f.name) for p in parts], axis=-1) for f in fields(cls)})

    def kept(self, rows: Mask | Index) -> Self:
        """Only these rows, by mask or in the order of their numbers."""
        return replace(self, **{f.name: getattr(self, f.name)[..., rows] for f in fields(self)})


def _cut(value: Any, dims: tuple[str, ...], start: int, stop: int) -> Any:
    if not dims:
        return _cut_whole(value, start, stop)
    if dims[0] != "T" or value is None:
        return value
    return value[start:stop] if isinstance(value, np.ndarray) else {k: v[start:stop] for k, v in value.items()}


def _in_turn(parts: list[Any]) -> Any:
    if isinstance(parts[0], Mapping):
        return {name: _in_turn([part[name] for part in parts]) for name in parts[0]}
    return np.concatenate(parts)


def _cut_whole(value: Any, start: int, stop: int) -> Any:
    """A noun or clock cut in itself, a tuple of nouns one by one; anything else as it is."""
    if isinstance(value, Noun | Clock):
        return value.window(start, stop)
    if isinstance(value, tuple) and value and isinstance(value[0], Noun):
        return tuple(v.window(start, stop) for v in value)
    return value


def spread(value: Array | float, shape: tuple[int, ...]) -> Array:
    """`value` repeated to `shape` without a copy."""
    array = np.asarray(value, dtype=np.float64)
    if array.ndim < len(shape):
        array = array.reshape((1,) * (len(shape) - array.ndim) + array.shape)
    if array.shape == shape or not array.flags.c_contiguous:
        return np.broadcast_to(array, shape)
    steps = [0 if size == 1 else step for size, step in zip(array.shape, array.strides, strict=True)]
    if any(step and size != wanted for step, size, wanted in zip(steps, array.shape, shape, strict=True)):
        return np.broadcast_to(array, shape)
    repeated: Array = np.ndarray(shape, array.dtype, array, strides=steps)
    repeated.flags.writeable = False
    return repeated


def once(values: NDArray[Any], *, columns: bool = False) -> NDArray[Any]:
    """`values` (T, N) dense for compiled loops, with a row that repeats kept once: (T or 1, N).

    With `columns` also what repeats from column to column: (T or 1, N or 1).
    """
    if values.strides[0] == 0:
        values = values[:1]
    if columns and values.strides[1] == 0:
        values = values[:, :1]
    return dense(values)


def times(values: Array, factor: float) -> Array:
    """`values` (T, N) times a number; what is repeated stays repeated."""
    if factor == 1.0:
        return values
    if values.strides[0]:
        return values * factor
    return np.broadcast_to(values[:1] * factor, values.shape)


def by_rows(values: Array, factors: Array) -> Array:
    """Every row of `values` (T, N) times its factor (T,)."""
    from ._meter import rows_times

    product: Array = rows_times(dense(values), dense(factors))
    return product


def still(values: Array) -> bool:
    """Whether a column (T, N) is one zero, repeated."""
    return values.size == 0 or (values.strides == (0, 0) and float(values[0, 0]) == 0.0)


def together(*columns: Array) -> Array:
    """The sum of columns (T, N), in their order; a single one that is not all zeros is handed on as it is."""
    moving = [column for column in columns if not still(column)] or [columns[0]]
    total = moving[0]
    for column in moving[1:]:
        total = total + column
    return total


def per_kwh(money: Array, kwh: Array) -> Array:
    """Money over energy; 0 where there is no energy."""
    price: Array = np.divide(money, kwh, out=np.zeros(np.broadcast_shapes(money.shape, kwh.shape)), where=kwh > 0)
    return price


def dense(values: NDArray[Any]) -> NDArray[Any]:
    """`values` in C order, copied only if they are not."""
    return np.ascontiguousarray(values)


def over_members(values: Array) -> Array:
    """Sums over members, in their order: the same bits however time is cut. (T, N) -> (T,)"""
    if still(values):
        return np.zeros(len(values))
    from ._sums import row_sums

    sums: Array = row_sums(dense(values))
    return sums


def over_time(values: Array) -> Array:
    """The highest value of each member, 0 where there is no slot. (T, N) -> (N,)"""
    from ._sums import raise_to

    highest = np.full(values.shape[1], -np.inf if len(values) else 0.0)
    raise_to(dense(values), highest)
    return highest


def running_sum(carry: Array, rows: Array) -> Array:
    """`carry` plus the rows in time order: the same bits however time is cut. (N,), (T, N) -> (N,)"""
    from ._sums import column_sums

    sums: Array = column_sums(carry, dense(rows))
    return sums

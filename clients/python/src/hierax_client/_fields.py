"""Reads typed fields from decoded messages."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, TypeVar

Body = Mapping[str, Any]
T = TypeVar("T")
_REQUIRED: Any = object()


def field(body: Body, name: str, read: Callable[[Any], T], default: Any = _REQUIRED) -> T:
    """Reads a field that is not null.

    Raises
    ------
    ValueError
        If the field is missing without a default, or has another type.
    """
    try:
        value = body.get(name, default)
    except AttributeError:
        raise ValueError(f"an object was expected, not {_shown(body)}") from None
    if value is _REQUIRED:
        raise ValueError(f"the field {name} is missing")
    try:
        return read(value)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None


def optional(body: Body, name: str, read: Callable[[Any], T]) -> T | None:
    """Reads a field that may be null or missing."""
    if isinstance(body, Mapping) and body.get(name) is None:
        return None
    return field(body, name, read)


def text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"text was expected, not {_shown(value)}")
    return value


def number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ValueError(f"a number was expected, not {_shown(value)}")
    return float(value)


def integer(value: Any) -> int:
    """An integer; JSON has large ones as strings of digits."""
    if isinstance(value, str) and value.removeprefix("-").isdecimal() and len(value) <= 20:
        return int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError(f"an integer was expected, not {_shown(value)}")
    return value


def flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"true or false was expected, not {_shown(value)}")
    return value


def listed(read: Callable[[Any], T]) -> Callable[[Any], tuple[T, ...]]:
    """Reads an array into a tuple."""

    def read_list(value: Any) -> tuple[T, ...]:
        if not isinstance(value, list):
            raise ValueError(f"an array was expected, not {_shown(value)}")
        return tuple([read(item) for item in value])

    return read_list


def mapped(read: Callable[[Any], T]) -> Callable[[Any], Mapping[str, T]]:
    """Reads a map into one that can't be changed."""

    def read_map(value: Any) -> Mapping[str, T]:
        if not isinstance(value, Mapping):
            raise ValueError(f"an object was expected, not {_shown(value)}")
        return MappingProxyType({text(key): read(item) for key, item in value.items()})

    return read_map


def _shown(value: Any) -> str:
    shown = repr(value)
    return shown if len(shown) <= 40 else f"{shown[:40]}…"

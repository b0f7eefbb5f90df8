"""Small descriptions of input that both check it and say so in JSON Schema, so that code and documents agree."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

# Control characters (C0, DEL, C1) and lone surrogates, which no encoder accepts.
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


class BadForm(ValueError):
    """Input that does not have the form asked for; the message names the field and what it must be."""


@dataclass(frozen=True, slots=True)
class Form:
    """One form: `check(value, name)` answers the normalised value or raises `BadForm`; `schema` describes it."""

    check: Callable[[Any, str], Any]
    schema: Mapping[str, Any]


def text(least: int, most: int, *, without: str = "", never: tuple[str, ...] = ()) -> Form:
    """Text of `least`..`most` characters after NFC, not blank, with no control and no `without` characters."""

    def check(value: Any, name: str) -> str:
        if not isinstance(value, str):
            raise BadForm(f"{name} must be text")
        if len(value) > 4 * most:  # normalising is not free: do not let it be asked for megabytes
            raise BadForm(f"{name} must have {least} to {most} characters")
        found: str = value if value.isascii() else unicodedata.normalize("NFC", value)
        if not least <= len(found) <= most or (least and not found.strip()):
            raise BadForm(f"{name} must have {least} to {most} characters")
        if _CONTROL.search(found):
            raise BadForm(f"{name} must not hold control characters")
        if found in never:
            raise BadForm(f"{name} must not be {found!r}")
        if without and any(c in found for c in without):
            raise BadForm(f"{name} must not hold any of {' '.join(without)}")
        return found

    schema: dict[str, Any] = {"type": "string", "minLength": least, "maxLength": most}
    if without:
        # Only what a character class needs escaped: JavaScript's unicode mode refuses any other escape.
        escaped = re.sub(r"[\]\\^/-]", r"\\\g<0>", without)
        schema["pattern"] = f"^[^{escaped}\\x00-\\x1f\\x7f-\\x9f]+$"
    return Form(check, schema)


def any_text() -> Form:
    """Any text at all, as it is."""

    def check(value: Any, name: str) -> str:
        if not isinstance(value, str):
            raise BadForm(f"{name} must be text")
        return value

    return Form(check, {"type": "string"})


def whole(least: int, most: int) -> Form:
    """A whole number in `least`..`most`; true and false are not numbers."""

    def check(value: Any, name: str) -> int:
        if type(value) is not int or not least <= value <= most:
            raise BadForm(f"{name} must be a whole number from {least} to {most}")
        return int(value)

    return Form(check, {"type": "integer", "minimum": least, "maximum": most})


def milli(least: float, most: float, *, above: bool = False) -> Form:
    """A finite number in `least`..`most` (`above`: greater than `least`), answered as whole thousandths."""

    def check(value: Any, name: str) -> int:
        if type(value) not in (int, float):
            raise BadForm(f"{name} must be a finite number")
        if not least <= value <= most or (above and value <= least):
            raise BadForm(f"{name} must be {'more than' if above else 'at least'} {least} and at most {most}")
        thousandths: int = round(value * 1000)
        return max(thousandths, 1 if above else 0)

    edge = "exclusiveMinimum" if above else "minimum"
    return Form(check, {"type": "number", edge: least, "maximum": most})


def rounded(least: int, most: int) -> Form:
    """A finite number in `least`..`most`, answered rounded to a whole one."""

    def check(value: Any, name: str) -> int:
        if type(value) not in (int, float) or not least <= value <= most:
            raise BadForm(f"{name} must be a number from {least} to {most}")
        nearest: int = round(value)
        return nearest

    return Form(check, {"type": "number", "minimum": least, "maximum": most})


def flag() -> Form:
    """True or false."""

    def check(value: Any, name: str) -> bool:
        if type(value) is not bool:
            raise BadForm(f"{name} must be true or false")
        return bool(value)

    return Form(check, {"type": "boolean"})


def one_of(*values: str | int) -> Form:
    """One of the given values, of the same type."""
    kinds = {type(v) for v in values}

    def check(value: Any, name: str) -> str | int:
        if type(value) not in kinds or value not in values:
            raise BadForm(f"{name} must be one of {', '.join(map(str, values))}")
        return value  # type: ignore[no-any-return]

    return Form(check, {"enum": list(values)})


def nullable(form: Form) -> Form:
    """What `form` accepts, or null."""
    return Form(
        lambda value, name: None if value is None else form.check(value, name),
        {"anyOf": [form.schema, {"type": "null"}]},
    )


@dataclass(frozen=True, slots=True)
class Record:
    """A map with named fields; `closed` refuses fields it does not know, otherwise they are left out."""

    required: Mapping[str, Form]
    optional: Mapping[str, Form]
    closed: bool = False

    def check(self, value: Any, name: str = "the request") -> dict[str, Any]:
        """The normalised fields that are there; raises `BadForm`."""
        if not isinstance(value, dict):
            raise BadForm(f"{name} must be a map")
        known: dict[str, Any] = {}
        for field, form in self.required.items():
            if field not in value:
                raise BadForm(f"{field} is missing")
            known[field] = form.check(value[field], field)
        for field, form in self.optional.items():
            if field in value:
                known[field] = form.check(value[field], field)
        if self.closed:
            for field in value:
                if field not in known:
                    raise BadForm(f"{str(field)[:64]!r} is not a field of {name}")
        return known

    @property
    def schema(self) -> dict[str, Any]:
        """The same in JSON Schema 2020-12."""
        fields = {**self.required, **self.optional}
        schema: dict[str, Any] = {
            "type": "object",
            "properties": {field: dict(form.schema) for field, form in fields.items()},
        }
        if self.required:
            schema["required"] = list(self.required)
        if self.closed:
            schema["additionalProperties"] = False
        return schema

    @property
    def form(self) -> Form:
        """This record as a form, to stand in another record's field."""
        return Form(self.check, self.schema)

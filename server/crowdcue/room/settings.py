"""The settings of a room: their forms, defaults and wire names, in one table."""

from __future__ import annotations

import re
from typing import Any, Final

from crowdcue.room import forms

Value = int | str | bool

POLICIES: Final = ("votes", "fair", "first_come")
LONGEST_COOLDOWN: Final = 7 * 86_400  # seconds: a week

#: name → (form, default in the room's own units). `skip_share` is kept in thousandths: rules know no floats.
TABLE: Final[dict[str, tuple[forms.Form, Value]]] = {
    "name": (forms.text(1, 80), "Party"),
    "policy": (forms.one_of(*POLICIES), "votes"),
    "songs_per_guest": (forms.whole(0, 10_000), 0),
    "cooldown": (forms.rounded(0, LONGEST_COOLDOWN), 0),
    "downvotes": (forms.flag(), True),
    "skip_share": (forms.milli(0, 1), 500),
    "skip_minimum": (forms.whole(1, 10_000), 2),
    "longest": (forms.rounded(0, 86_400), 0),
    "library_only": (forms.flag(), False),
    "clock": (forms.one_of("stage", "anyone"), "stage"),
    "autofill": (forms.flag(), False),
}

_PIN: Final = re.compile("[0-9]{4,12}")


def _check_pin(value: Any, name: str) -> str:
    if value is None or value == "":
        return ""
    if type(value) is str and _PIN.fullmatch(value):
        return value
    raise forms.BadForm(f"{name} must be text of 4 to 12 digits, or null for none")  # and never what was sent


#: The room's PIN as a host sets it; "" for none. It is no row of the table: what the room keeps is its seal, and what
#: clients see is whether there is one.
PIN_FORM: Final = forms.Form(
    _check_pin,
    {
        "anyOf": [{"type": "string", "pattern": "^([0-9]{4,12})?$"}, {"type": "null"}],
        "description": "What guests must know to come in: 4 to 12 digits; null or empty: nothing.",
    },
)

#: The settings that a room keeps as they are.
TABLE_FORM: Final = forms.Record({}, {name: form for name, (form, _) in TABLE.items()}, closed=True)
#: The form of `settings` as clients send it: any of the fields, no others.
SETTINGS_FORM: Final = forms.Record({}, {**TABLE_FORM.optional, "pin": PIN_FORM}, closed=True)


def defaults() -> dict[str, Value]:
    """A new room's settings."""
    return {name: default for name, (_, default) in TABLE.items()}


def wire(name: str, value: Value) -> Any:
    """One setting as clients see it."""
    if name == "skip_share":
        assert isinstance(value, int)
        return value / 1000 if value % 1000 else value // 1000
    return value


def well_formed(name: str, value: object) -> bool:
    """Whether a value from the log is what the room keeps for this setting."""
    if name not in TABLE:
        return False
    form, default = TABLE[name]
    if type(value) is not type(default):
        return False
    try:
        form.check(value / 1000 if name == "skip_share" else value, name)  # type: ignore[operator]
    except forms.BadForm:
        return False
    return True

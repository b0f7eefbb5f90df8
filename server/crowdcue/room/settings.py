"""The settings of a room: their forms, defaults and wire names, in one table."""

from __future__ import annotations

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

#: The form of `settings` as clients send it: any of the fields, no others.
SETTINGS_FORM: Final = forms.Record({}, {name: form for name, (form, _) in TABLE.items()}, closed=True)


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

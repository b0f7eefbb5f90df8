"""How a mutant is made: a function that puts something wrong in the place of something right, and takes it back."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any
from unittest import mock

Change = AbstractContextManager[Any]
Mutant = Callable[[], Change]
MUTANTS: dict[str, Mutant] = {}


def mutant(make: Mutant) -> Mutant:
    """Enter a mutant by the name of its function."""
    MUTANTS[make.__name__] = make
    return make


def put(place: Any, name: str, new: Any) -> Change:
    """The change that puts `new` in the place of an attribute."""
    return mock.patch.object(place, name, new)


@contextlib.contextmanager
def both(*changes: AbstractContextManager[Any]) -> Iterator[None]:
    with contextlib.ExitStack() as stack:
        for change in changes:
            stack.enter_context(change)
        yield

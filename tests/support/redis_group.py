"""Several Redis servers that start and stop as one: all of them, or none."""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import AbstractContextManager, ExitStack
from types import TracebackType
from typing import Self


class RedisGroup(ABC):
    """A context manager over servers and ways between them; it is entered when `_form` has made a whole of them."""

    def __init__(self, *members: AbstractContextManager[object]) -> None:
        self._members = members
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        try:
            for server in self._members:
                self._stack.enter_context(server)
            self._form()
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    @abstractmethod
    def _form(self) -> None:
        """Make the running members know each other, and wait until they do."""

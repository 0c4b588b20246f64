"""Objects that come out of a pickle with some of their fields still packed, until somebody asks for one of them.

Most rules speak of nothing in a change, and nearly all that they are made of are patterns.
"""

from __future__ import annotations

import pickle
from typing import Any, ClassVar

_PACKED = "_packed"


class Late:
    """Fields named in LATE are packed apart; they must have no default on the class, and the class no slots."""

    LATE: ClassVar[tuple[str, ...]] = ()

    def __getstate__(self) -> dict[str, Any]:
        """All fields, those of LATE as bytes."""
        state = dict(self.__dict__)
        late = {name: state.pop(name) for name in self.LATE if name in state}
        return state | {_PACKED: pickle.dumps(late, pickle.HIGHEST_PROTOCOL)} if any(late.values()) else state | late

    def __getattr__(self, name: str) -> Any:
        """Asked where no such field is there yet."""
        packed = self.__dict__.get(_PACKED) if name in self.LATE else None
        if packed is None:
            raise AttributeError(f"{type(self).__name__} has no {name}")
        self.__dict__.update(pickle.loads(packed))
        del self.__dict__[_PACKED]
        return self.__dict__[name]

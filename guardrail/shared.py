"""How code changes what others may hold as well, told by its words."""

from __future__ import annotations

import re

MUTATORS = frozenset(  # methods that change a list, dict, set or deque
    "append appendleft extend insert remove pop popleft popitem clear update setdefault add discard sort".split()
)
UNSHARED = re.compile(  # functions that run before others hold the object, or after they did
    r"^(__\w+__|_?(init|setup|set_up|build|create|from|load|start|close|stop|shutdown|reset|configure|teardown)\w*)$"
)

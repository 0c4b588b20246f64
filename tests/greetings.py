"""A small pack that is whole."""

from __future__ import annotations

PACK = """
[surface]
id = "greetings"
title = "Greetings"
tier = "use-freely"
why = "They are read aloud."

[[rule]]
id = "GRE001"
name = "greeting-shouted"
severity = "P2"
any = ["shout(...)"]
message = "`shout` greets too loudly."
remedy = "Call greet."
"""

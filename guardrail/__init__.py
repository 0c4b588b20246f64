"""guardrail: reads a Python change and says where a person must look, what is wrong, and what got lost."""

__version__ = "0.1.0"

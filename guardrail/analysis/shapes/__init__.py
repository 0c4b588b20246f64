"""Checks of shapes: structures that put a definition on a surface."""

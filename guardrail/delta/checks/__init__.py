"""Checks of the packs on pairs of definitions: what the keys of a table cannot say."""

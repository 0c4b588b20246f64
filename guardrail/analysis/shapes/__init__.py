"""Structures that put a definition on a surface: the checks of the packs' `[[surface.shape]]` tables."""

"""The structures that speak for a surface: what `[[surface.shape]]` tables name as their check."""

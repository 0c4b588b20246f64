"""Delta rules: what a change lost. Base and head of a definition compared, then what only moved left out."""

"""What a rule can say: patterns compiled from Python text; each kind has `anchors()` and `match()` side by side."""

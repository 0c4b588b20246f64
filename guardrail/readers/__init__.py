"""What rules read in the text of files: one function per rule, from a page to the spots on it."""

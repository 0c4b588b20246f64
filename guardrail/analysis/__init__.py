"""The analysis: everything that is judged on libcst. Imported only when there is a candidate."""

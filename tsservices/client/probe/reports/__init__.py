"""The output of a run, printed, drawn or served: one module for each format."""

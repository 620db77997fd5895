"""What a run prints, draws and serves: one module for each form."""

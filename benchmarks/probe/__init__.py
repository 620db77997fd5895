"""The measuring client beside irtt and ping."""

"""Words for settings and requests. Decides nothing."""

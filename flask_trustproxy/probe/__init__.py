"""The live probe: proves against a running site that nothing can be forged."""

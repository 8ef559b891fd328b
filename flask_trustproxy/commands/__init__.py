"""The commands of ``flask trust-proxy``."""

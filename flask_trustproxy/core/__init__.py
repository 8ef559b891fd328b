"""Whom to believe. Knows no Flask, no log and no command."""

"""The walk, compared with those that other programs make of the same chains."""

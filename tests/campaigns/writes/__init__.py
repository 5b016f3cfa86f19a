"""Kills, faults and rivals at every call that writes, for all verbs of the command line."""

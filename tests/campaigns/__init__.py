"""Fault campaigns: hostile input to every reader and setting, kills and faults at every write."""

"""Pools as text files of other tools: read, decided about without a manager, written back."""

"""Carrying plans out: a core without I/O decides step by step, a shell acts and looks again."""

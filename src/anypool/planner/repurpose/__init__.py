"""Servers that are one thing in one span and another in the next: when, who, in which steps."""

"""Telling people and programs of events: what is to be told, and how it gets there."""

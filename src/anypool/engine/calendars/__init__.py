"""Calendars: kept, and carried out by plans."""

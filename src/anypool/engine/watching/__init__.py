"""Policies at work: each is looked at now and then, and its plans are made, run and dropped."""

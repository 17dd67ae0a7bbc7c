"""The command line: noun verb, over HTTP; only serve, lab and doctor touch this machine."""
